"""The gallery: tool sets a visitor can pick, with requests to try.

They lie in tool_sets.json, and where examples were chosen for the model that is served, in release/tool_sets.json.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
FILES = (HERE / "release" / "tool_sets.json", HERE / "tool_sets.json")


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
    only: str | None = None
    """The one tool on offer; None offers the whole set."""

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
        return _as_text(self.tools)

    def text_for(self, example: Example) -> str:
        """The tools on offer in an example, as the editor shows them."""
        return self.text if example.only is None else _as_text([t for t in self.tools if t["name"] == example.only])


@dataclass(frozen=True)
class Measured:
    """How a model did on all candidates that the examples were chosen from."""

    model: str
    right: int
    of: int
    by_kind: dict[str, list[int]]
    """Kind → right answers, candidates."""
    weights_sha256: str = ""


def load_tool_sets() -> dict[str, ToolSet]:
    """Every set of the gallery by name, in the order of the file."""
    made = [
        ToolSet(**{**one, "examples": [Example(**example) for example in one["examples"]]}) for one in _read()["sets"]
    ]
    return {one.name: one for one in made}


def measured() -> Measured:
    """What was measured when the examples were chosen."""
    return Measured(**_read()["measured"])


def _read() -> dict[str, Any]:
    file = next(file for file in FILES if file.is_file())
    return dict(json.loads(file.read_text(encoding="utf-8")))


def _as_text(tools: list[dict[str, Any]]) -> str:
    return json.dumps(tools, indent=2, ensure_ascii=False)
