"""Readers that are measured on several packages together, or on documents written from one."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

from corpus.bench_readers import SEED, Case
from corpus.read_azure_cli import AzureCliReader, AzureExamplesReader
from corpus.read_botocore import BotocoreReader
from corpus.read_mcp import McpReader
from corpus.read_python import PythonReader
from corpus.read_replays import REPLAYS, ReplayReader
from corpus.session_rows import WholeServicesReader
from records.assets import library_wheels, listed_assets

SESSIONS = 500
"""Sessions played where no smaller cap is asked for."""
TOOLS = 5000
"""MCP tools written where no smaller cap is asked for."""
OF_SEVERAL = {
    "simulated sessions": ("botocore",),
    "mcp": ("botocore",),
    "azure-cli examples": (AzureCliReader.package,),
    "library wheels": library_wheels(),
    **{key.replace("_", " "): (replay.package, *replay.imports) for key, replay in REPLAYS.items()},
}
"""Packages by the name in the record; a reader runs where all are there."""


def further_cases(packages: Mapping[str, Path], limit: int | None, installed: int, folder: Path) -> list[Case]:
    """The cases whose packages are there; `folder` receives the documents written for them."""
    made = []
    for name, needed in OF_SEVERAL.items():
        if all(package in packages for package in needed):
            made.append(_case(name, [packages[package] for package in needed], limit, installed, folder))
    return made


def _case(name: str, wheels: list[Path], limit: int | None, installed: int, folder: Path) -> Case:
    if name == "simulated sessions":
        count = min(limit or SESSIONS, SESSIONS)
        reader = BotocoreReader(wheels[0], folder / "read", None, SEED)
        return Case(name, lambda place: WholeServicesReader([reader], None, place, count, SEED), count)
    if name == "mcp":
        source = write_tools(wheels[0], folder / "tools.zip", min(limit or TOOLS, TOOLS))
        return Case(name, lambda place: McpReader(source, name, "Apache-2.0", "AWS", place, None, SEED), None, source)
    if name == "azure-cli examples":
        return Case(name, lambda place: AzureExamplesReader(wheels[0], place, limit, SEED), limit, wheels[0])
    if name == "library wheels":
        most, paths = min(installed, limit or installed), [str(wheel) for wheel in wheels]
        return Case(name, lambda place: PythonReader((), place, most, SEED, [], paths, methods=True), most)
    replay = REPLAYS[name.replace(" ", "_")]
    version = listed_assets()[replay.package].version
    return Case(name, lambda place: ReplayReader(replay, version, wheels, place, limit, True), limit, wheels[0])


def write_tools(botocore: Path, file: Path, count: int) -> Path:
    """Operations of botocore as servers list tools, one document a service: what the MCP reader is measured on."""
    tools: dict[str, list[dict[str, object]]] = {}
    for api in BotocoreReader(botocore, file.parent / "read", count, SEED).apis():
        tool: dict[str, object] = {"name": api.name, "description": api.description, "inputSchema": api.parameters}
        tools.setdefault(api.service, []).append(tool)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for service, listed in sorted(tools.items()):
            archive.writestr(f"{service}.json", json.dumps({"tools": listed}))
    return file
