"""The part of reading SDK wheels that all of them share."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from pathlib import Path
from typing import Any

from corpus.api import Api
from corpus.plain_text import plain_restructured_text, plain_text, shortened
from corpus.read_apis import ApiReader, MalformedDocument
from corpus.sdk_schemas import JsonSchema
from corpus.sdk_wheels import SdkWheel, function_sources, parsed_function

LONGEST_DESCRIPTION = 2000


class SdkReader(ApiReader):
    """Reads the client classes of one SDK; a service is one source file unless a subclass says otherwise.

    A document is `{"functions": {name: source}}` and what a subclass adds.
    """

    provider: str
    license: str
    """SPDX expression of the wheel, as its METADATA and LICENSE say."""
    attribution: str
    repository: str
    """`owner/name` on GitHub."""

    def __init__(self, wheel: Path, folder: Path, limit: int | None, seed: int) -> None:
        """`wheel`: the SDK's; the rest as for ApiReader."""
        super().__init__(folder, limit, seed)
        self.wheel = SdkWheel(wheel)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("clients", "known")}

    @cached_property
    def clients(self) -> dict[str, str]:
        """Source file of every service, by service name. A damaged wheel has none and is counted."""
        try:
            files = self.wheel.files
        except (OSError, ValueError, RuntimeError, MalformedDocument) as error:
            raise MalformedDocument("corrupt_archive") from error
        return self.client_files(sorted(files))

    @abstractmethod
    def client_files(self, names: list[str]) -> dict[str, str]:
        """Of the names of all files the source file of every service, latest version, by service name."""

    def services(self) -> list[str]:
        """All services of the wheel."""
        return list(self.clients)

    def load(self, service: str) -> dict[str, Any]:
        """The functions of a service. Raises MalformedDocument as SdkWheel.text does."""
        return {"functions": function_sources(self.wheel.text(self.clients[service])), "models": {}}

    def operations(self, document: dict[str, Any]) -> list[str]:
        """Names of public functions."""
        return [name for name in document["functions"] if not name.startswith("_")]

    def api(self, service: str, document: dict[str, Any], operation: str) -> Api | None:
        """One operation; None when it is deprecated. Raises ValueError or KeyError where it cannot be read."""
        return self.operation(service, document, operation, parsed_function(document["functions"][operation]))

    @abstractmethod
    def operation(self, service: str, document: dict[str, Any], name: str, function: Any) -> Api | None:
        """The Api of a parsed function."""

    def made(
        self,
        service: str,
        name: str,
        description: str,
        parameters: JsonSchema,
        url: str,
        returns: JsonSchema | None = None,
        version: str = "",
        errors: tuple[str, ...] = (),
    ) -> Api:
        """An Api with what all of the SDK share; `name` is called on `service`."""
        name = f"{service}.{name}"
        return Api(
            id=f"{self.package}/{service}/{name}",
            provider=self.provider,
            service=service,
            version=version or self.wheel.version,
            name=name,
            description=shortened(description, LONGEST_DESCRIPTION),
            parameters=parameters,
            source=self.package,
            license=self.license,
            url=url,
            returns=returns or {},
            errors=errors,
            attribution=self.attribution,
        )


def words_of(markup: str) -> str:
    """A description in reStructuredText or Markdown, perhaps with HTML in it, as plain text."""
    text = plain_restructured_text(markup)
    return "\n".join(plain_text(line) for line in text.split("\n")) if "<" in text or "&" in text else text
