"""What this Space knows of its release: files of `release/`, put beside it when it is assembled, or of the Hub."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
MAX_FOUND = 25
MAX_QUERY = 200


@dataclass(frozen=True)
class Release:
    """Summary, API search index and figures; all empty where nothing was released yet."""

    summary: dict[str, Any] = field(default_factory=dict)
    """corpus {name, recipe, tokenizer, apis, configs, sources}, scores {model: {task: {score, stderr, n}}}."""
    apis: list[list[str]] = field(default_factory=list)
    """Rows of name, description, source, licence."""
    figures: tuple[Path, ...] = ()
    dataset: str = ""
    """Hub id of the dataset, where one is named with its owner."""
    model: str = ""

    def search(self, query: str) -> list[dict[str, str]]:
        """At most MAX_FOUND rows that hold every word of the query; those with all of them in the name come first."""
        words = query[:MAX_QUERY].lower().split()
        if not words:
            return []
        found = [row for row in self.apis if all(word in f"{row[0]} {row[1]}".lower() for word in words)]
        found.sort(key=lambda row: (not all(word in row[0].lower() for word in words), len(row[0])))
        return [dict(zip(("name", "description", "source", "license"), row, strict=False)) for row in found[:MAX_FOUND]]


def front_matter(readme: Path = HERE / "README.md") -> dict[str, Any]:
    """The head of the Space's card."""
    from huggingface_hub import metadata_load

    return metadata_load(readme) or {}


def named(matter: dict[str, Any], key: str) -> str:
    """The first Hub id under a key of the front matter; "" where none names its owner."""
    found = (matter.get(key) or [""])[0]
    return found if "/" in found else ""


def load_release(folder: Path = HERE / "release") -> Release:
    """Read `release/`; without it, the dataset's manifest from the Hub; with neither, an empty release."""
    matter = front_matter()
    dataset, model = named(matter, "datasets"), named(matter, "models")
    summary, apis = _json(folder / "summary.json"), _json(folder / "apis.json")
    if summary is None and dataset:
        summary = _from_hub(dataset)
    figures = tuple(sorted(folder.glob("*.png")))
    return Release(summary or {}, apis or [], figures, dataset, model)


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _from_hub(dataset: str) -> dict[str, Any] | None:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    try:
        manifest = _json(Path(hf_hub_download(dataset, "manifest.json", repo_type="dataset", etag_timeout=5)))
    except (HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled, OSError):
        return None
    keys = ("name", "recipe", "tokenizer", "apis", "configs", "sources")
    if not isinstance(manifest, dict):
        return None
    recipe = manifest.get("recipe")
    found = {key: manifest.get(key) for key in keys}
    return {"corpus": {**found, "recipe": recipe.get("name") if isinstance(recipe, dict) else recipe}}
