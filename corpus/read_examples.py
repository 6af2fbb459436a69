"""Dialogues from the request and response examples that botocore carries: real calls with what the service answered."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from corpus.api import Api
from corpus.drops import CountingStep
from corpus.plain_text import plain_text, shortened
from corpus.read_apis import ATTRIBUTION, MalformedDocument
from corpus.read_botocore import BotocoreModels
from corpus.render_api import pruned
from corpus.rows import Row, ordered_json
from corpus.sampling import round_robin
from records.calls import Call, Message, calls_message, render_chat
from records.files import stable_hash

if TYPE_CHECKING:
    from datatrove.data import DocumentsPipeline

OTHER_TOOLS = 2
"""Tools of the same service shown beside the one the example calls."""
LONGEST = 12_000
"""Characters of a dialogue."""
_LEAD = re.compile(
    r"^(?:the following|this)(?: [\w-]+)? (?:example|command|operation|request|call|sample)s?(?: [\w-]+ command)? ",
    re.I,
)


class ExamplesReader(CountingStep):
    """One `trajectories` row for each example: the request in words, the call, and the recorded response."""

    type = "📖 - READER"
    name = "botocore examples"

    def __init__(self, wheel: Path, folder: Path, limit: int | None, seed: int) -> None:
        """Args: botocore's wheel, the step's folder, the most dialogues (null: all), and the sampling seed."""
        super().__init__(folder / "drops")
        self.models = BotocoreModels(wheel)
        self.limit = limit
        self.seed = seed

    def run(self, data: DocumentsPipeline = None, rank: int = 0, world_size: int = 1) -> DocumentsPipeline:
        """Yield the dialogues, services in turn."""
        examples = self._examples()
        keys = {service: sorted(found) for service, found in examples.items()}
        chosen: dict[str, list[str]] = {}
        for number, (service, key) in enumerate(round_robin(keys, self.seed)):
            if self.limit is not None and number >= self.limit * 1.1 + 20:
                break
            chosen.setdefault(service, []).append(key)
        for service in sorted(chosen):
            yield from self._rows(service, chosen[service], examples[service])
        self.write_counts(rank, self.name)

    def _rows(self, service: str, keys: list[str], examples: dict[str, Any]) -> Iterator[Any]:
        try:
            model = self.models.load(service)
        except MalformedDocument as reason:
            self.drop(str(reason), service)
            return
        for key in keys:
            if self.limit is not None and self.kept >= self.limit:
                return
            try:
                row = self._row(service, model, key, examples[key])
            except (KeyError, TypeError, AttributeError):
                self.drop("malformed_example", f"{service}/{key}")
                continue
            if isinstance(row, str):
                self.drop(row, f"{service}/{key}")
            else:
                self.keep()
                yield row.document()

    def _examples(self) -> dict[str, dict[str, Any]]:
        """Examples by service and by `<operation>/<number>`."""
        found: dict[str, dict[str, Any]] = {}
        names = set(self.models.archive.namelist())
        for service, version in self.models.versions.items():
            file = f"botocore/data/{service}/{version}/examples-1.json"
            if file not in names:
                continue
            try:
                operations = orjson.loads(self.models.archive.read(file)).get("examples", {})
                numbered = ((f"{op}/{n}", item) for op, items in operations.items() for n, item in enumerate(items))
                found[service] = dict(numbered)
            except (orjson.JSONDecodeError, AttributeError, TypeError):
                self.drop("malformed_examples", service)
        return found

    def _row(self, service: str, model: dict[str, Any], key: str, example: dict[str, Any]) -> Row | str:
        """The row, or the reason why there is none."""
        api = self.models.api(service, model, key.split("/")[0])
        if api is None:
            return "deprecated"
        arguments = example.get("input") or {}
        if any(name not in api.parameters["properties"] for name in arguments):
            return "argument_not_in_schema"
        request = request_of(example, arguments)
        if len(request.split()) < 4:
            return "no_description"
        messages: list[Message] = [
            {"role": "user", "content": request},
            calls_message([Call(api.name, arguments)]),
            {"role": "tool", "content": json.dumps(example.get("output") or {}, ensure_ascii=False)},
        ]
        tools = [brief_tool(tool) for tool in self._tools(service, model, api)]
        text = render_chat(messages, tools)
        if len(text) > LONGEST:
            return "too_long"
        return _as_row(api, key, text, messages, tools)

    def _tools(self, service: str, model: dict[str, Any], api: Api) -> list[Api]:
        others = sorted(model["operations"], key=lambda name: stable_hash(f"{api.id}/{name}"))[: OTHER_TOOLS * 2]
        found = [other for name in others if (other := self._other(service, model, name)) and other.id != api.id]
        return sorted([api, *found[:OTHER_TOOLS]], key=lambda tool: stable_hash(f"place/{api.id}/{tool.id}"))

    def _other(self, service: str, model: dict[str, Any], operation: str) -> Api | None:
        try:
            return self.models.api(service, model, operation)
        except (KeyError, TypeError, AttributeError):
            return None


def brief_tool(api: Api) -> dict[str, Any]:
    """The tool with first sentences for descriptions and nesting two levels deep: several must fit one dialogue."""
    schema = pruned(api.parameters, 2)
    parts = {name: {**part, "description": _brief(part)} for name, part in schema["properties"].items()}
    function = {"name": api.name, "description": shortened(api.description, 200), "parameters": schema}
    return {"type": "function", "function": {**function, "parameters": {**schema, "properties": parts}}}


def _brief(part: dict[str, Any]) -> str:
    return shortened(part.get("description", ""), 120).split("\n")[0]


def request_of(example: dict[str, Any], arguments: dict[str, Any]) -> str:
    """What a person would ask for: the example's description, then the values it uses."""
    words = plain_text(example.get("description") or example.get("title") or "")
    words = _LEAD.sub("", words)
    words = words[:1].upper() + words[1:]
    values = "; ".join(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in arguments.items())
    return f"{words.rstrip('.:')}. {f'Use {values}.' if values else ''}".strip()


def _as_row(api: Api, key: str, text: str, messages: list[Message], tools: list[dict[str, Any]]) -> Row:
    return Row(
        id=f"{api.id}/example/{key}",
        config="trajectories",
        text=text,
        source=api.source,
        license=api.license,
        attribution=ATTRIBUTION[api.provider],
        url=api.url,
        kind="recorded_example",
        api_ids=(api.id,),
        messages=ordered_json(messages),
        tools=ordered_json(tools),
        provenance={"reader": {"name": ExamplesReader.name, "version": api.version}},
    )
