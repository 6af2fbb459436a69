"""Where the questions of AgentBench KG are looked up: a subgraph of Freebase in a file, or a SPARQL endpoint.

Both answer the same SPARQL. A subgraph is `knowledgegraph/subgraph.nt`, N-Triples with Freebase's names
(`http://rdf.freebase.com/ns/m.05t073s`), searched by rdflib; an endpoint is `$AGENTBENCH_SPARQL`, such as a Virtuoso
with the whole of Freebase. `knowledgegraph/ontology/` holds the authors' `vocab.json` (relations and attributes that
tools show) and `fb_roles` (domain, relation, range).
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from eval.bench_data import explain, find
from records.errors import UserError

NAMES = "http://rdf.freebase.com/ns/"
SUBGRAPH = "knowledgegraph/subgraph.nt"
VOCABULARY, ROLES = "knowledgegraph/ontology/vocab.json", "knowledgegraph/ontology/fb_roles"
SECONDS = 60.0
"""Most that one query of an endpoint may take."""


class QueryFailed(Exception):
    """A query that the graph cannot answer."""


class Graph(Protocol):
    """Answers SPARQL."""

    def query(self, sparql: str) -> list[str]:
        """Values of the one variable selected, in plain names. Raises QueryFailed."""


@dataclass(frozen=True)
class Ontology:
    """What the tools know of Freebase."""

    relations: frozenset[str]
    attributes: frozenset[str]
    ranges: dict[str, str]
    """Type of what a relation leads to."""


class FileGraph:
    """A subgraph in memory."""

    def __init__(self, graph: Any) -> None:
        self.graph = graph

    def query(self, sparql: str) -> list[str]:
        """See `Graph`."""
        try:
            return [plain(str(row[0])) for row in self.graph.query(sparql)]
        except Exception as error:  # rdflib raises whatever its parser and evaluation happen to raise
            raise QueryFailed(str(error)) from None


class Endpoint:
    """A SPARQL endpoint, asked by the SPARQL 1.1 protocol (POST, JSON results)."""

    def __init__(self, address: str) -> None:
        self.address = address

    def query(self, sparql: str) -> list[str]:
        """See `Graph`. Raises UserError where the endpoint does not answer."""
        import requests

        wanted = {"Accept": "application/sparql-results+json"}
        try:
            answer = requests.post(self.address, data={"query": sparql}, headers=wanted, timeout=SECONDS)
        except requests.RequestException as error:
            told = " ".join(str(error).split())[:200]
            raise UserError(f"AGENTBENCH_SPARQL={self.address} does not answer ({told}); start the server") from None
        if answer.status_code != 200:
            raise QueryFailed(answer.text[:200])
        try:
            rows = answer.json()["results"]["bindings"]
            return [plain(value["value"]) for row in rows for value in row.values()]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise UserError(f"{self.address} did not answer in SPARQL's JSON: {answer.text[:200]}") from None


def plain(value: str) -> str:
    """A value as the authors' program reads it: without Freebase's prefix and time zone."""
    return value.replace(NAMES, "").replace("-08:00", "")


def missing_graph() -> str | None:
    """What is missing for KG, or None."""
    for file in (VOCABULARY, ROLES):
        if find("agentbench", file) is None:
            return (
                f"Freebase's ontology: {explain('agentbench', file)} (src/server/tasks/knowledgegraph/ontology there)"
            )
    if os.environ.get("AGENTBENCH_SPARQL") or find("agentbench", SUBGRAPH):
        return None
    return (
        "Freebase: set AGENTBENCH_SPARQL to a SPARQL endpoint that holds it "
        "(https://github.com/dki-lab/Freebase-Setup), or put a subgraph as N-Triples into "
        f"$BENCH_DATA/agentbench/{SUBGRAPH}"
    )


def graph() -> Graph:
    """The endpoint where one is set, else the subgraph. Raises UserError where there is neither."""
    address = os.environ.get("AGENTBENCH_SPARQL")
    if address:
        return Endpoint(address)
    path = find("agentbench", SUBGRAPH)
    if path is None:
        raise UserError(f"KG is missing {missing_graph()}")
    return _subgraph(str(path))


@cache
def _subgraph(path: str) -> FileGraph:
    import rdflib

    loaded = rdflib.Graph()
    try:
        loaded.parse(path, format="nt")
    except Exception as error:  # as above
        raise UserError(f"{path}: not N-Triples ({' '.join(str(error).split())[:200]})") from None
    return FileGraph(loaded)


def ontology() -> Ontology:
    """The authors' files. Raises UserError where they are missing or cannot be read."""
    paths = [find("agentbench", file) for file in (VOCABULARY, ROLES)]
    if None in paths:
        raise UserError(f"KG is missing {missing_graph()}")
    return _ontology(*map(str, paths))


@cache
def _ontology(vocabulary: str, roles: str) -> Ontology:
    try:
        with open(vocabulary, encoding="utf-8") as stream:
            words = json.load(stream)
        with open(roles, encoding="utf-8") as stream:
            fields = [line.split() for line in stream if line.strip()]
        ranges = {relation: to for _, relation, to in fields}
        return Ontology(frozenset(words["relations"]), frozenset(words["attributes"]), ranges)
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{vocabulary} or {roles}: not the authors' ontology ({error!r}); fetch both again") from None
