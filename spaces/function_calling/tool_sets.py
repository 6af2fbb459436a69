"""The gallery: tool sets a visitor can pick, with requests to try. They lie in tool_sets.json."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("tool_sets.json")


@dataclass(frozen=True)
class Example:
    """A request to try."""

    request: str
    kind: str
    """What it shows: single, multiple, parallel, no tool fits, a parameter is missing, several steps."""
    steps: list[list[dict[str, Any]]]
    """The calls of each step of a right answer, `{name: arguments}`."""
    right: bool = False
    """Whether the model that the gallery was measured with gets it right."""

    @property
    def runs(self) -> bool:
        """Whether it only shows something when calls are run."""
        return len(self.steps) > 1


@dataclass(frozen=True)
class ToolSet:
    """A few functions that belong together."""

    name: str
    tools: list[dict[str, Any]]
    """Bare functions: name, description, parameters."""
    examples: list[Example]
    sources: dict[str, dict[str, str]] = field(default_factory=dict)
    """Function → {api, license} of the corpus document it is made from; the others are written for this page."""

    @cached_property
    def text(self) -> str:
        """The tools as the editor shows them."""
        return json.dumps(self.tools, indent=2, ensure_ascii=False)


def load_tool_sets() -> dict[str, ToolSet]:
    """Every set of the gallery by name, in the order of the file."""
    sets = json.loads(FILE.read_text(encoding="utf-8"))["sets"]
    made = [ToolSet(**{**one, "examples": [Example(**example) for example in one["examples"]]}) for one in sets]
    return {one.name: one for one in made}


def measured_with() -> str:
    """Name of the model that the examples' labels are of."""
    return str(json.loads(FILE.read_text(encoding="utf-8"))["measured"]["model"])
