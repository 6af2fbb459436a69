"""The part of reading APIs that all sources share: listing, choosing, counting, and rows of documentation."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus.api import Api
from corpus.drops import CountingStep
from corpus.render_api import FORMS, render, richness
from corpus.rows import Row, ordered_json
from corpus.sampling import round_robin
from records.files import replacing, stable_hash

if TYPE_CHECKING:
    from datatrove.data import DocumentsPipeline


class MalformedDocument(Exception):
    """A service document that cannot be read; the message is the named reason."""


class ApiStep(CountingStep):
    """Yields one documentation row an API and writes the Api records beside them."""

    type = "📖 - READER"
    package: str
    """Name under which it counts."""

    def __init__(self, folder: Path, limit: int | None, seed: int) -> None:
        """Args: `folder` for counts and Api records, the most APIs to read (null: all), and the sampling seed."""
        super().__init__(folder / "drops")
        self.records = folder / "apis"
        self.limit = limit
        self.seed = seed

    @abstractmethod
    def apis(self) -> Iterator[Api]:
        """All full APIs, at most `limit`, each once and counted."""

    def run(self, data: DocumentsPipeline = None, rank: int = 0, world_size: int = 1) -> DocumentsPipeline:
        """Yield the rows; the Api records are whole when it ends."""
        with replacing(self.records / f"{rank:05d}.jsonl") as partial, partial.open("w", encoding="utf-8") as stream:
            for api in self.apis():
                stream.write(ordered_json(dataclasses.asdict(api)) + "\n")
                yield documentation_row(api).document()
        self.write_counts(rank, self.package)


class ApiReader(ApiStep):
    """Reads the operations of one package; one datatrove task reads one package.

    A capped reader takes an equal number of operations of every service, as far as they have them.
    """

    @abstractmethod
    def services(self) -> list[str]:
        """Names of the services, latest version of each."""

    @abstractmethod
    def load(self, service: str) -> dict[str, Any]:
        """The document of a service. Raises MalformedDocument."""

    @abstractmethod
    def operations(self, document: dict[str, Any]) -> list[str]:
        """Keys of the operations in a document."""

    @abstractmethod
    def api(self, service: str, document: dict[str, Any], operation: str) -> Api | None:
        """One operation; None where it is deprecated."""

    def apis(self) -> Iterator[Api]:
        """All full APIs, at most `limit`, each once."""
        wanted = self.limit if self.limit is not None else float("inf")
        turns: dict[str, dict[str, int]] = {}
        for turn, (service, operation) in enumerate(round_robin(self._catalogue(), self.seed)):
            # More than wanted, because some of the chosen turn out to lack documentation.
            if turn >= wanted * 1.1 + 20:
                break
            turns.setdefault(service, {})[operation] = turn
        found = [pair for service in sorted(turns) for pair in self._full(service, turns[service])]
        found.sort(key=lambda pair: pair[0])
        for _, api in found[: self.limit]:
            self.keep()
            yield api

    def _catalogue(self) -> dict[str, list[str]]:
        found = {}
        for service in self.services():
            try:
                found[service] = self.operations(self.load(service))
            except MalformedDocument as reason:
                self.drop(str(reason), service)
        return found

    def _full(self, service: str, turns: dict[str, int]) -> Iterator[tuple[int, Api]]:
        document, seen = self.load(service), set()
        for operation, turn in turns.items():
            where = f"{service}/{operation}"
            try:
                api = self.api(service, document, operation)
            except (KeyError, TypeError, AttributeError, ValueError):
                self.drop("malformed_operation", where)
                continue
            reason = lacks(api)
            if api is None or reason:
                self.drop(reason or "deprecated", where)
            elif api.id in seen:
                self.drop("duplicate_id", where)
            else:
                seen.add(api.id)
                yield turn, api


def lacks(api: Api | None) -> str | None:
    """Why an API does not count as full, or None: name, description of 3+ words, typed or documented parameters."""
    if api is None:
        return "deprecated"
    if len(api.description.split()) < 3:
        return "no_description"
    if not api.parameters.get("properties"):
        return "no_parameters"
    return None


def documentation_row(api: Api) -> Row:
    """The `api_docs` row of an API, in the form that a hash of its id picks."""
    form = FORMS[stable_hash(f"form/{api.id}") % len(FORMS)]
    return Row(
        id=api.id,
        config="api_docs",
        text=render(api, form),
        source=api.source,
        license=api.license,
        attribution=attribution_of(api),
        url=api.url,
        kind=form,
        api_ids=(api.id,),
        provenance={"reader": {"name": api.source, "version": api.version, "richness": richness(api)}},
    )


def attribution_of(api: Api) -> str:
    """Whom a row written from an API names."""
    return api.attribution or ATTRIBUTION[api.provider]


ATTRIBUTION = {
    "aws": "Copyright Amazon.com, Inc. or its affiliates (botocore service models)",
    "google": "Copyright Google LLC (API discovery documents of google-api-python-client)",
}
"""Attribution of a row, by provider; Python functions carry that of their distribution."""
