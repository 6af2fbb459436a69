"""APIs of Microsoft Graph, from the request builders and models in the msgraph-sdk wheel."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from corpus.api import Api
from corpus.plain_text import plain_text, snake_case
from corpus.read_apis import MalformedDocument
from corpus.read_sdk import SdkReader, words_of
from corpus.sdk_schemas import Member, Model, SdkSchemas
from corpus.sdk_wheels import docstring_of, function_sources

ROOT = "msgraph/generated/"
BUILDER = re.compile(ROOT + r"([a-z]\w*)/(?:.*/)?\w+_request_builder\.py")
METHOD = re.compile(r"^    async def (get|post|put|patch|delete)\(", re.M)
TEMPLATE = re.compile(r'super\(\).__init__\(request_adapter, "\{\+baseurl\}([^"{]*(?:\{[^?][^"{]*)*)(?:\{\?[^"]*)?"')
IMPORT = re.compile(r"^ *from (\.+)([\w.]*) import (\w+)$", re.M)
BY_KEY = re.compile(r"def by_\w+\(self, ?(\w+): [^\n]*\n(?:(?!    def ).*\n)*? +param \1: ([^\n]*)")
QUERY = r"class \w+{}QueryParameters\(\):\n((?:(?!    @dataclass|    class ).*\n)*)"
ENTRY = re.compile(r"^(?: {4}| {8})(?:# ([^\n]*)\n +)?(\w+): ([^\n=]+?) = ", re.M)
ENCODED = re.compile(r'if original_name == "(\w+)":\n *return "([^"]*)"')
CLASS = re.compile(r"^class \w+\(([^)]*)\):\n", re.M)
VALUE = re.compile(r'^    \w+ = "([^"]*)"', re.M)
NOT_SAID = frozenset(("odata_type", "additional_data", "backing_store", "odata_next_link", "odata_count"))
MORE_INFO = re.compile(r" *Find more info here: (https?://\S+)")


class MsGraphReader(SdkReader):
    """One documentation row for each method of every path; a service is the first part of the path."""

    name = "msgraph"
    package = "msgraph-sdk"
    provider = "microsoft"
    license = "MIT"
    attribution = "Copyright (c) Microsoft Corporation (msgraph-sdk)"
    repository = "microsoftgraph/msgraph-sdk-python"

    def client_files(self, names: list[str]) -> dict[str, str]:
        """Services; their files are found again by name."""
        return {found[1]: ROOT + found[1] for name in names if (found := BUILDER.fullmatch(name))}

    def load(self, service: str) -> dict[str, Any]:
        """Functions by `<method> <path>`, builders by path, and what the service says about keys in a path."""
        builders: dict[str, tuple[str, str]] = {}
        functions: dict[str, str] = {}
        keys: dict[str, str] = {}
        broken = None
        for file in self.wheel.files:
            if file.startswith(f"{ROOT}{service}/") and BUILDER.fullmatch(file):
                try:
                    text = self.wheel.text(file)
                except MalformedDocument as reason:
                    broken = reason
                    continue
                keys |= dict(BY_KEY.findall(text))
                if path := TEMPLATE.search(text):
                    builders[unquote(path[1])] = (file, text)
                    sources = function_sources(text)
                    functions |= {f"{method} {unquote(path[1])}": sources[method] for method in METHOD.findall(text)}
        if broken and not builders:
            raise broken
        return {"functions": functions, "builders": builders, "keys": keys}

    def operation(self, service: str, document: dict[str, Any], name: str, function: Any) -> Api | None:
        """One method of a path."""
        method, path = name.split(" ", 1)
        file, text = document["builders"][path]
        fields = docstring_of(function).split("\nparam ")[0].split("\nReturns:")[0].strip()
        if re.search(r"^ +warn\(", text[: text.index("def ")], re.M) or re.match(r"\W*deprecated", fields, re.I):
            return None
        link = MORE_INFO.search(fields)
        schemas = SdkSchemas(self._model)
        names = {name: f"M{self._place(target)}" for name, target in imports_of(text, file).items()}
        members = dict(_path_members(path, document["keys"])) | dict(_query_members(text, method))
        parameters = schemas.of_members(members, 2)
        body = next((part.annotation for part in function.args.args if part.arg == "body"), None)
        if body is not None:
            content = schemas.of_type(_qualified(ast.unparse(body), names), 4)
            own = content.get("properties") or {"body": {**content, "description": "The request body."}}
            parameters["properties"] = {**own, **parameters["properties"]}
            required = parameters.get("required", []) + (
                ["body"] if "body" in own and "properties" not in content else []
            )
            parameters |= {"required": required} if required else {}
        result = function.returns
        return self.made(
            service,
            ".".join([*_steps(path)[1:], method]),
            words_of(MORE_INFO.sub("", fields)),
            parameters,
            link[1] if link else "https://learn.microsoft.com/graph/api/overview",
            returns=schemas.of_type(_qualified(ast.unparse(result), names), 2, of_request=False)
            if result is not None
            else {},
        )

    @cached_property
    def known(self) -> dict[str, Any]:
        """Files by number, numbers by file, and the models that were read, by number."""
        return {"files": [], "places": {}, "models": {}}

    def _place(self, file: str) -> int:
        """A number for a file: classes of equal names lie in different ones."""
        known = self.known
        if file not in known["places"]:
            known["places"][file] = len(known["files"])
            known["files"].append(file)
        return int(known["places"][file])

    def _model(self, name: str) -> Model | None:
        known = self.known
        if not re.fullmatch(r"M\d+", name) or int(name[1:]) >= len(known["files"]):
            return None
        if name not in known["models"]:
            known["models"][name] = None  # a class that derives from itself ends here
            known["models"][name] = self._read(known["files"][int(name[1:])])
        found: Model | None = known["models"][name]
        return found

    def _read(self, file: str) -> Model | None:
        try:
            text = self.wheel.text(file)
        except MalformedDocument:
            return None
        head = CLASS.search(text)
        if not head:
            return None
        if "Enum" in head[1]:
            return Model(choices=tuple(VALUE.findall(text)))
        names = {name: f"M{self._place(target)}" for name, target in imports_of(text, file).items()}
        members: dict[str, Member] = {}
        for base in head[1].split(","):
            if (parent := names.get(base.strip())) and (model := self._model(parent)):
                members |= model.members
        body = text[head.end() :].split("    def ", 1)[0]
        members |= {key: part for key, part in _members(body, names) if key not in NOT_SAID}
        return Model(members)


def imports_of(source: str, file: str) -> dict[str, str]:
    """Files of the classes that a source imports relative to itself, by class name."""
    found = {}
    for dots, module, name in IMPORT.findall(source):
        folder = file.split("/")[: -len(dots)]
        found[name] = "/".join([*folder, *module.split(".")]) + ".py"
    return found


def _members(body: str, names: dict[str, str]) -> Iterator[tuple[str, Member]]:
    for words, name, kind in ENTRY.findall(body):
        text = plain_text(words) if "<" in words else words.strip()
        text = "" if re.fullmatch(r"The \w+ property", text) else text
        yield name.removesuffix("_"), Member(_qualified(kind, names), text, hidden="Read-only." in text)


def _query_members(source: str, method: str) -> Iterator[tuple[str, Member]]:
    if found := re.search(QUERY.format(method.capitalize()), source):
        encoded = dict(ENCODED.findall(found[1]))
        for words, name, kind in ENTRY.findall(found[1]):
            yield unquote(encoded.get(name, name)), Member(kind, words.strip())


def _path_members(path: str, keys: dict[str, str]) -> Iterator[tuple[str, Member]]:
    for name in re.findall(r"\{\+?([^{}]+)\}", path):
        yield snake_case(name), Member("str", keys.get(snake_case(name), ""), required=True)


def _steps(path: str) -> list[str]:
    """`/users/{user-id}/messages` → users, item, messages."""
    parts = [re.sub(r"\(.*\)", "", part).removeprefix("microsoft.graph.") for part in path.strip("/").split("/")]
    return ["item" if part.startswith("{") else snake_case(part) for part in parts]


def _qualified(kind: str, names: dict[str, str]) -> str:
    return re.sub(r"\w+", lambda word: names.get(word[0], word[0]), kind)
