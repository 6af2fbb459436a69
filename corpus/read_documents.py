"""The part of reading APIs from documents, OpenAPI or MCP, that both share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from corpus.api import Api
from corpus.bounded_files import LARGEST_FILE, bounded_files
from corpus.licences import is_allowed
from corpus.openapi_documents import UNKNOWN, parsed
from corpus.read_apis import ApiStep, MalformedDocument, lacks


class DocumentReader(ApiStep):
    """Reads the files of a folder or archive whose documents hold operations."""

    suffixes: tuple[str, ...] = (".json",)
    largest = LARGEST_FILE
    """Most bytes of a document."""
    also: frozenset[str] = frozenset()
    """Licences that the recipe lets in beside the permissive ones."""
    malformed: str
    """Reason under which an operation counts that cannot be read."""

    def __init__(self, source: Path, package: str, folder: Path, limit: int | None, seed: int) -> None:
        """Args: as for ApiStep, and

        source: a file, folder or archive of documents.
        package: its name in rows and counts.
        """
        super().__init__(folder, limit, seed)
        self.source, self.package = source, package
        self.seen: set[str] = set()

    @abstractmethod
    def checked(self, content: Any) -> Any:
        """The parsed content itself. Raises MalformedDocument where it is no document of this kind."""

    def documents(
        self, *, count: bool = True, wanted: Callable[[str], bool] | None = None
    ) -> Iterator[tuple[str, Any]]:
        """Yield `(file, document)`; what cannot be read is counted where `count` says so. `wanted` tells by name."""
        try:
            for file in bounded_files(self.source):
                if not file.name.endswith(self.suffixes) or (wanted and not wanted(file.name)):
                    continue
                try:
                    document = self.checked(parsed(file.read(self.largest), file.name))
                except MalformedDocument as reason:
                    if count:
                        self.drop(str(reason), file.name)
                    continue
                yield file.name, document
        except MalformedDocument as reason:
            if count:
                self.drop(str(reason), self.source.name)

    def full(self, where: str, make: Callable[[], Api | None], licence: str) -> Iterator[Api]:
        """Yield the Api that `make` gives, or nothing and count the reason."""
        reason: str | None
        try:
            api = make()
            reason = lacks(api) or ("duplicate_id" if api is not None and api.id in self.seen else None)
            reason = reason or licence_problem(licence, self.also)
        except MalformedDocument as error:
            api, reason = None, str(error)
        except (KeyError, TypeError, AttributeError, ValueError, RecursionError):
            api, reason = None, self.malformed
        if reason or api is None:
            self.drop(reason or "deprecated", where)
            return
        self.seen.add(api.id)
        self.keep()
        yield api


def licence_problem(licence: str, also: frozenset[str]) -> str | None:
    """Why documents under a licence are left out, None where they may be passed on."""
    if is_allowed(licence, also):
        return None
    return "licence_unknown" if licence == UNKNOWN else "licence_not_allowed"
