"""Commands of the Azure CLI as APIs, and the examples of its help as calls."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus.api import Api
from corpus.azure_command_lines import arguments_of
from corpus.azure_commands import Command, Declared, declared_arguments, generated_command, help_entries
from corpus.bounded_files import BROKEN
from corpus.drops import CountingStep
from corpus.plain_text import shortened
from corpus.read_apis import MalformedDocument
from corpus.read_examples import brief_tool, request_of
from corpus.read_sdk import LONGEST_DESCRIPTION, SdkReader
from corpus.rows import Row, ordered_json
from records.calls import Call, calls_message, render_chat
from records.files import stable_hash

if TYPE_CHECKING:
    from datatrove.data import DocumentsPipeline

MODULE = re.compile(r"azure/cli/command_modules/(\w+)/(?:_help|_params|aaz/latest/.*/_[a-z]\w*)\.py")
OTHER_TOOLS = 2
"""Commands of the same module shown beside the one the example runs."""
LONGEST = 12_000
"""Characters of a dialogue."""


class AzureCliReader(SdkReader):
    """One row a command; a service is a command module."""

    name = package = "azure-cli"
    provider = "azure"
    license = "MIT"
    attribution = "Copyright (c) Microsoft Corporation (azure-cli)"
    repository = "Azure/azure-cli"

    @cached_property
    def modules(self) -> dict[str, list[str]]:
        """Files of each command module."""
        found: dict[str, list[str]] = {}
        try:
            names = sorted(self.wheel.files)
        except (*BROKEN, MalformedDocument) as error:
            raise MalformedDocument("corrupt_archive") from error
        for name in names:
            if part := MODULE.fullmatch(name):
                found.setdefault(part[1], []).append(name)
        return found

    def client_files(self, names: list[str]) -> dict[str, str]:
        """No file stands for a service here; `load` reads them all."""
        return {}

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__getstate__().items() if name != "modules"}

    def services(self) -> list[str]:
        """All command modules."""
        try:
            return sorted(self.modules)
        except MalformedDocument as reason:
            self.drop(str(reason), self.package)
            return []

    def load(self, service: str) -> dict[str, Any]:
        """`{command: Command}` of a module. What of it cannot be read is counted."""
        found: dict[str, Any] = {}
        arguments = Declared()
        for file in self.modules[service]:
            try:
                source = self.wheel.text(file)
                if file.endswith("/_params.py"):
                    arguments = declared_arguments(source)
                elif file.endswith("/_help.py"):
                    found.update(dict(help_entries(source)))
                elif command := generated_command(source):
                    # The generated class knows types; the help of the same name adds examples.
                    found[command.name] = command
            except MalformedDocument as reason:
                self.drop(str(reason), file)
            except (SyntaxError, ValueError, RecursionError):
                found[file] = "not_python"
        for command in found.values():
            if isinstance(command, Command):
                complete(command, arguments)
        return found

    def operations(self, document: dict[str, Any]) -> list[str]:
        """Names of the commands."""
        return sorted(document)

    def api(self, service: str, document: dict[str, Any], operation: str) -> Api | None:
        """One command. Raises ValueError where its help cannot be read."""
        command = document[operation]
        if not isinstance(command, Command):
            raise ValueError(command)
        return self.command_api(service, command)

    def operation(self, service: str, document: dict[str, Any], name: str, function: Any) -> Api | None:
        """Commands are no functions."""
        raise NotImplementedError

    def command_api(self, service: str, command: Command) -> Api:
        """The Api of a command."""
        parameters = {"type": "object", "properties": command.options, "required": command.required}
        return Api(
            id=f"{self.package}/{service}/{command.name.replace(' ', '.')}",
            provider=self.provider,
            service=service,
            version=self.wheel.version,
            name=f"az {command.name}",
            description=shortened(command.description, LONGEST_DESCRIPTION),
            parameters=parameters,
            source=self.package,
            license=self.license,
            url=f"https://learn.microsoft.com/cli/azure/{command.name.split()[0]}",
            attribution=self.attribution,
        )


def complete(command: Command, arguments: Declared) -> None:
    """Add the options that the module declares for the command, and those that its examples use."""
    words = command.name.split()
    scopes = [" ".join(words[:count]) for count in range(len(words), -1, -1)]
    for (scope, option), schema in arguments.schemas.items():
        if scope == command.name:
            command.options.setdefault(option, schema)
    for scope in scopes:
        for (place, short), long in arguments.short.items():
            if place == scope:
                command.short.setdefault(short, long)
    for _, line in command.examples:
        try:
            used = arguments_of(command, line)
        except MalformedDocument:
            continue
        for option, value in used.items():
            if option in ("output", "query", "subscription", "debug", "verbose"):
                continue
            if option not in command.options:
                known = [arguments.schemas[scope, option] for scope in scopes if (scope, option) in arguments.schemas]
                command.options[option] = known[0] if known else _seen(value)


def _seen(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"type": "boolean"}
    return {"type": "array", "items": {"type": "string"}} if isinstance(value, list) else {"type": "string"}


class AzureExamplesReader(CountingStep):
    """One `trajectories` row for each example of one command: the words, and the call that runs it."""

    type = "📖 - READER"
    name = "azure-cli examples"

    def __init__(self, wheel: Path, folder: Path, limit: int | None, seed: int) -> None:
        """Args: the wheel, the step's folder, the most dialogues (null: all), and the sampling seed."""
        super().__init__(folder / "drops")
        self.limit, self.seed = limit, seed
        self.commands = AzureCliReader(wheel, folder, None, seed)

    def run(self, data: DocumentsPipeline = None, rank: int = 0, world_size: int = 1) -> DocumentsPipeline:
        """Yield the dialogues, module by module, in the order of a hash."""
        rows = (row for service in self._order(self.commands.services()) for row in self._of(service))
        for where, row in rows:
            if self.limit is not None and self.kept >= self.limit:
                break
            if isinstance(row, str):
                self.drop(row, where)
            else:
                self.keep()
                yield row.document()
        self.write_counts(rank, self.name)

    def _order(self, names: list[str]) -> list[str]:
        return sorted(names, key=lambda name: stable_hash(f"{self.seed}/{name}"))

    def _of(self, service: str) -> Iterator[tuple[str, Row | str]]:
        found = {name: item for name, item in self.commands.load(service).items() if isinstance(item, Command)}
        apis = {name: self.commands.command_api(service, command) for name, command in found.items()}
        seen: set[str] = set()
        for name in self._order(list(found)):
            for number, (words, line) in enumerate(found[name].examples):
                where = f"{name}/{number}"
                try:
                    arguments = arguments_of(found[name], line)
                except MalformedDocument as reason:
                    yield where, str(reason)
                    continue
                row = self._row(apis, name, number, words, arguments)
                if not isinstance(row, str) and row.text in seen:
                    row = "repeated"
                elif not isinstance(row, str):
                    seen.add(row.text)
                yield where, row

    def _row(self, apis: dict[str, Api], name: str, number: int, words: str, arguments: dict[str, Any]) -> Row | str:
        api = apis[name]
        known = {option: value for option, value in arguments.items() if option in api.parameters["properties"]}
        if set(arguments) - set(known) - {"output", "query", "subscription"}:
            return "argument_not_in_schema"
        request = request_of({"description": re.sub(r" *\(auto-?generated\)\.?", "", words)}, known)
        if len(request.split()) < 4:
            return "no_description"
        others = sorted((other for other in apis if other != name), key=lambda other: stable_hash(f"{api.id}/{other}"))
        shown = sorted([name, *others[:OTHER_TOOLS]], key=lambda other: stable_hash(f"place/{api.id}/{other}"))
        tools = [brief_tool(apis[other]) for other in shown]
        messages = [{"role": "user", "content": request}, calls_message([Call(api.name, known)])]
        text = render_chat(messages, tools)
        if len(text) > LONGEST:
            return "too_long"
        return Row(
            id=f"{api.id}/example/{number}",
            config="trajectories",
            text=text,
            source=api.source,
            license=api.license,
            attribution=api.attribution,
            url=api.url,
            kind="recorded_example",
            api_ids=(api.id,),
            messages=ordered_json(messages),
            tools=ordered_json(tools),
            provenance={"reader": {"name": self.name, "version": api.version}},
        )
