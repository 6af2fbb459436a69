"""APIs of Model Context Protocol servers, from results of `tools/list` kept as JSON files."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from corpus.api import Api
from corpus.openapi_schemas import JsonSchema, schema_of
from corpus.plain_text import plain_text, shortened, snake_case
from corpus.read_apis import MalformedDocument
from corpus.read_documents import DocumentReader

LONGEST_DESCRIPTION = 2000


class McpReader(DocumentReader):
    """One documentation row for each tool of every document; a file is a server, named by `serverInfo` or by the file.

    A document says nothing about its licence, so whoever collected the files gives one for all of them.
    """

    name = "mcp"
    largest = 16 << 20
    malformed = "malformed_tool"

    def __init__(
        self, source: Path, package: str, licence: str, attribution: str, folder: Path, limit: int | None, seed: int
    ) -> None:
        """Args: as for DocumentReader, and

        licence: SPDX expression of all documents; tools under one that is not allowed are counted and left out.
        attribution: whom a row names.
        """
        super().__init__(source, package, folder, limit, seed)
        self.licence, self.attribution = licence, attribution

    def checked(self, content: Any) -> Any:
        """The document. Raises MalformedDocument: not_tools_list or rpc_error."""
        tools_of(content)
        return content

    def apis(self) -> Iterator[Api]:
        """All full tools, at most `limit`, each once."""
        for file, document in self.documents():
            for tool in tools_of(document):
                if self.limit is not None and self.kept >= self.limit:
                    return
                where = f"{file}: {tool.get('name') if isinstance(tool, dict) else tool}"[:200]
                yield from self.full(where, partial(self.api, file, document, tool), self.licence)

    def api(self, file: str, document: Any, tool: dict[str, Any]) -> Api:
        """One tool. Raises KeyError, TypeError or MalformedDocument where it is no tool."""
        about = document.get("serverInfo") if isinstance(document, dict) else None
        about = about if isinstance(about, dict) else {}
        server = snake_case(str(about.get("name") or Path(file).stem)) or "server"
        called = tool["name"]
        if not isinstance(called, str) or not called.strip():
            raise MalformedDocument("no_name")
        result = tool.get("outputSchema")
        return Api(
            id=f"{self.package}/{server}/{called}",
            provider=server,
            service=server,
            version=str(about.get("version") or ""),
            name=called,
            description=_description(tool),
            parameters=_object(tool["inputSchema"]),
            source=self.package,
            license=self.licence,
            url=str(about.get("websiteUrl") or ""),
            returns=schema_of(result, result, 2, of_request=False) if isinstance(result, dict) else {},
            attribution=self.attribution,
        )


def tools_of(document: Any) -> list[Any]:
    """The tools of a result, bare or in a JSON-RPC response. Raises MalformedDocument: not_tools_list or rpc_error."""
    if isinstance(document, dict) and "error" in document and "result" not in document:
        raise MalformedDocument("rpc_error")
    if isinstance(document, dict) and isinstance(document.get("result"), dict):
        document = document["result"]
    if not isinstance(document, dict) or not isinstance(document.get("tools"), list):
        raise MalformedDocument("not_tools_list")
    return list(document["tools"])


def _object(schema: Any) -> JsonSchema:
    """References are resolved within the schema, `$defs` included."""
    found = schema_of(schema, schema, 5)
    return {"type": "object", "properties": {}, **found}


def _description(tool: dict[str, Any]) -> str:
    """The description, or the title where there is none; what annotations promise in words."""
    annotations = tool.get("annotations") if isinstance(tool.get("annotations"), dict) else {}
    text = tool.get("description") or tool.get("title") or (annotations or {}).get("title") or ""
    lines = [plain_text(line) if "<" in line else line.strip() for line in str(text).replace("\x00", "").split("\n")]
    text = "\n".join(line for line in lines if line)
    hints = [words for key, words in HINTS if (annotations or {}).get(key) is True]
    return shortened(f"{text}\n{' '.join(hints)}".strip() if len(text.split()) > 2 else text, LONGEST_DESCRIPTION)


HINTS = (
    ("readOnlyHint", "It changes nothing."),
    ("destructiveHint", "It may destroy what is there."),
    ("idempotentHint", "Calling it again has no further effect."),
)
