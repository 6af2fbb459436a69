"""Programs over a knowledge graph, as the tools of AgentBench KG build them, and their SPARQL.

The meaning is that of the authors' `utils/logic_form_util.py`: entities of the question are no answers, values in
languages other than English neither; a superlative finds the extreme value first and then all that has it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

PREFIX = "PREFIX ns: <http://rdf.freebase.com/ns/>\n"
ENGLISH = "FILTER (!isLiteral(?x) || lang(?x) = '' || langMatches(lang(?x), 'en'))"


@dataclass(frozen=True)
class Reached:
    """What a relation leads to from an entity, or from all of a set."""

    source: str | Program
    relation: str


@dataclass(frozen=True)
class Both:
    """What is in two sets."""

    one: Program
    other: Program


@dataclass(frozen=True)
class Extreme:
    """What of a set has the largest or smallest value of an attribute."""

    source: Program
    attribute: str
    largest: bool


@dataclass(frozen=True)
class Count:
    """How many are in a set."""

    source: Program


Program = Reached | Both | Extreme | Count


class NoQuery(Exception):
    """A program without a meaning: a count inside another program, or two superlatives."""


def answers_query(program: Program) -> str:
    """SPARQL for what a program stands for; selects one variable. Raises NoQuery."""
    return PREFIX + selection(program)


def relations_query(program: Program) -> str:
    """SPARQL for all relations that lead away from what a program stands for. Raises NoQuery."""
    return f"{PREFIX}SELECT DISTINCT ?rel WHERE {{ ?x ?rel ?obj . {{ {selection(program)} }} }}"


def entity_relations_query(entity: str) -> str:
    """SPARQL for all relations that lead away from an entity."""
    return f"{PREFIX}SELECT DISTINCT ?rel WHERE {{ ns:{entity} ?rel ?obj . }}"


def selection(program: Program) -> str:
    """The `SELECT` of a program. Raises NoQuery."""
    if isinstance(program, Count):
        return f"SELECT (COUNT(DISTINCT ?x) AS ?count) WHERE {{ {_where(program.source)} }}"
    extremes = list(_extremes(program))
    if not extremes:
        return f"SELECT DISTINCT ?x WHERE {{ {_where(program)} }}"
    if len(extremes) > 1:
        raise NoQuery("two superlatives")
    order = "DESC(?value)" if extremes[0].largest else "?value"
    first = f"{{ SELECT ?value WHERE {{ {_where(program)} }} ORDER BY {order} LIMIT 1 }}"
    return f"SELECT DISTINCT ?x WHERE {{ {' '.join(_patterns(program, '?x', _Names()))} {first} }}"


class _Names:
    """Fresh variables."""

    def __init__(self) -> None:
        self.count = 0

    def fresh(self) -> str:
        self.count += 1
        return f"?y{self.count}"


def _where(program: Program) -> str:
    if isinstance(program, Count):
        raise NoQuery("a count inside another program")
    filters = [f"FILTER (?x != ns:{entity})" for entity in dict.fromkeys(_entities(program))]
    return " ".join([ENGLISH, *_patterns(program, "?x", _Names()), *filters])


def _patterns(program: Program, variable: str, names: _Names) -> Iterator[str]:
    match program:
        case Reached(source=str(entity), relation=relation):
            yield f"ns:{entity} ns:{relation} {variable} ."
        case Reached(source=source, relation=relation):
            inner = names.fresh()
            yield from _patterns(source, inner, names)  # type: ignore[arg-type]
            yield f"{inner} ns:{relation} {variable} ."
        case Both(one=one, other=other):
            yield from _patterns(one, variable, names)
            yield from _patterns(other, variable, names)
        case Extreme(source=source, attribute=attribute):
            yield from _patterns(source, variable, names)
            yield f"{variable} ns:{attribute} ?value ."
        case Count():
            raise NoQuery("a count inside another program")


def _entities(program: Program) -> Iterator[str]:
    match program:
        case Reached(source=source):
            if isinstance(source, str):
                yield source
            else:
                yield from _entities(source)
        case Both(one=one, other=other):
            yield from _entities(one)
            yield from _entities(other)
        case Extreme(source=source) | Count(source=source):
            yield from _entities(source)


def _extremes(program: Program) -> Iterator[Extreme]:
    match program:
        case Reached(source=source):
            if not isinstance(source, str):
                yield from _extremes(source)
        case Both(one=one, other=other):
            yield from _extremes(one)
            yield from _extremes(other)
        case Extreme(source=source):
            yield program
            yield from _extremes(source)
        case Count(source=source):
            yield from _extremes(source)
