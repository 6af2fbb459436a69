"""The gallery: tool sets a visitor can pick, with requests to try. They lie in tool_sets.json."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("tool_sets.json")


@dataclass(frozen=True)
class ToolSet:
    """A few functions that belong together."""

    name: str
    tools: list[dict[str, Any]]
    """Bare functions: name, description, parameters."""
    examples: list[str]
    """Requests to try."""

    @cached_property
    def text(self) -> str:
        """The tools as the editor shows them."""
        return json.dumps(self.tools, indent=2, ensure_ascii=False)


def load_tool_sets() -> dict[str, ToolSet]:
    """Every set of the gallery by name, in the order of the file."""
    sets = [ToolSet(**values) for values in json.loads(FILE.read_text(encoding="utf-8"))]
    return {one.name: one for one in sets}
