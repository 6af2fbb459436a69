"""The seven tools of AgentBench KG (the authors' `knowledgegraph/api.py`).

Lists are sorted here; the authors give them in the order of a Python set, which changes from run to run.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from eval.tasks.agentbench.kg_graph import NAMES, Graph, Ontology
from eval.tasks.agentbench.kg_programs import (
    Both,
    Count,
    Extreme,
    Program,
    Reached,
    entity_relations_query,
    relations_query,
)

TOOLS = {
    "get_relations": 1,
    "get_neighbors": 2,
    "intersection": 2,
    "get_attributes": 1,
    "argmax": 2,
    "argmin": 2,
    "count": 1,
}
"""Name → number of arguments."""
ENTITY = re.compile(r"[mf]\.\w+", re.ASCII)


class Refused(Exception):
    """A call that cannot be made."""


@dataclass(frozen=True)
class Variable:
    """What a call made: a set of entities of one type, or a number."""

    kind: str
    program: Program


class Tools:
    """One question's variables, and what is known of them.

    Args:
        entities: name → id of the entities that the question names.
    """

    def __init__(self, graph: Graph, ontology: Ontology, entities: dict[str, str]) -> None:
        self.graph, self.ontology, self.entities = graph, ontology, entities
        self.variables: list[Variable] = []
        self.relations: dict[Variable | str, list[str]] = {}
        self.attributes: dict[Variable | str, list[str]] = {}

    def call(self, name: str, arguments: Sequence[str]) -> str:
        """Make a call; the observation.

        Raises:
            Refused: the arguments do not fit.
            QueryFailed, NoQuery: the graph cannot answer.
        """
        if len(arguments) != TOOLS[name]:
            raise Refused
        first = self._read(arguments[0])
        match name:
            case "get_relations":
                return self._list(first, self.ontology.relations, self.relations)
            case "get_attributes":
                if isinstance(first, str):
                    raise Refused
                return self._list(first, self.ontology.attributes, self.attributes)
            case "get_neighbors":
                return self._neighbors(first, arguments[1])
            case "intersection":
                return self._intersection(first, self._read(arguments[1]))
            case "count":
                return self._add(Variable("type.int", Count(_set(first).program)), "which is a number")
        return self._extreme(_set(first), arguments[1], largest=name == "argmax")

    def _read(self, argument: str) -> Variable | str:
        """A variable such as `#0`, or an entity's id."""
        text = argument.replace("variable ", "").replace("Variable ", "")
        if text.startswith("#"):
            if not re.fullmatch(r"#\d{1,6}", text, re.ASCII) or int(text[1:]) >= len(self.variables):
                raise Refused
            return self.variables[int(text[1:])]
        entity = self.entities.get(text, text)
        if not ENTITY.fullmatch(entity):
            raise Refused
        return entity

    def _list(self, of: Variable | str, known: frozenset[str], kept: dict[Variable | str, list[str]]) -> str:
        sparql = entity_relations_query(of) if isinstance(of, str) else relations_query(of.program)
        kept[of] = sorted({name.removeprefix(NAMES) for name in self.graph.query(sparql)} & known)
        return f"Observation: [{', '.join(kept[of])}]"

    def _neighbors(self, of: Variable | str, relation: str) -> str:
        if relation not in self.relations.get(of, ()) or relation not in self.ontology.ranges:
            raise Refused
        source = of if isinstance(of, str) else of.program
        return self._add(Variable(self.ontology.ranges[relation], Reached(source, relation)))

    def _intersection(self, one: Variable | str, other: Variable | str) -> str:
        if _set(one).kind != _set(other).kind:
            raise Refused
        return self._add(Variable(_set(one).kind, Both(_set(one).program, _set(other).program)))

    def _extreme(self, of: Variable, attribute: str, *, largest: bool) -> str:
        if attribute not in self.attributes.get(of, ()):
            raise Refused
        return self._add(Variable(of.kind, Extreme(of.program, attribute, largest)))

    def _add(self, variable: Variable, what: str = "") -> str:
        self.variables.append(variable)
        what = what or f"which are instances of {variable.kind}"
        return f"Observation: variable #{len(self.variables) - 1}, {what}"


def _set(value: Variable | str) -> Variable:
    if isinstance(value, str):
        raise Refused
    return value
