"""BFCL's multi-turn entries and their gold calls, read from the bfcl-eval wheel."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from eval.tasks.bfcl.tools import tool
from records.assets import asset
from records.calls import Tool, render_chat

MULTI_TURN = ("multi_turn_base", "multi_turn_miss_func", "multi_turn_miss_param", "multi_turn_long_context")

DOCUMENTS = {
    "GorillaFileSystem": "gorilla_file_system",
    "MathAPI": "math_api",
    "MessageAPI": "message_api",
    "TwitterAPI": "posting_api",
    "TicketAPI": "ticket_api",
    "TradingBot": "trading_bot",
    "TravelAPI": "travel_booking",
    "VehicleControlAPI": "vehicle_control",
}
"""Class → file of its function descriptions (bfcl_eval/constants/executable_backend_config.py)."""


@dataclass(frozen=True)
class Entry:
    """One conversation."""

    id: str
    category: str
    turns: list[list[dict[str, Any]]]
    """User messages by turn; empty in the turn in which held-out functions appear."""
    functions: list[dict[str, Any]]
    """Descriptions of the functions at hand from the start."""
    added: dict[int, list[dict[str, Any]]]
    """Held-out functions by the turn in which they appear."""
    gold: list[list[str]]
    """Calls by turn, in Python's notation."""
    raw: dict[str, Any]
    """As the checker wants it: `initial_config`, `involved_classes`, `id`."""

    @property
    def long_context(self) -> bool:
        """Whether the simulated classes are filled with many more files, flights and so on."""
        return "long_context" in self.category

    def prompt(self) -> str:
        """The text a model reads first, ending where its answer begins."""
        return self._prompt

    @cached_property
    def _prompt(self) -> str:
        return render_chat(self.turns[0], self.tools(0), answer_next=True)

    def tools(self, turn: int) -> list[Tool]:
        """The functions at hand in a turn as OpenAI tools."""
        later = [function for number, added in self.added.items() if number <= turn for function in added]
        return [tool(function, self.category) for function in [*self.functions, *later]]


@cache
def entries(category: str) -> tuple[Entry, ...]:
    """All entries of a category, in BFCL's order.

    Raises:
        UserError: the bfcl-eval wheel is missing or altered.
    """
    with zipfile.ZipFile(asset("bfcl-eval").path) as wheel:
        rows = _rows(wheel, f"BFCL_v4_{category}.json")
        gold = {row["id"]: row["ground_truth"] for row in _rows(wheel, f"possible_answer/BFCL_v4_{category}.json")}
        documents = {name: _rows(wheel, f"multi_turn_func_doc/{file}.json") for name, file in DOCUMENTS.items()}
    return tuple(_entry(row, category, gold[row["id"]], documents) for row in rows)


@cache
def entry_by_id(category: str) -> dict[str, Entry]:
    """The entries of a category by their ids."""
    return {entry.id: entry for entry in entries(category)}


def _entry(row: dict[str, Any], category: str, gold: list[list[str]], documents: dict[str, Any]) -> Entry:
    """Held-out functions are taken out as in bfcl_eval/utils.py, `populate_test_cases_with_predefined_functions`."""
    functions = [function for name in row["involved_classes"] for function in documents[name]]
    added: dict[int, list[dict[str, Any]]] = {}
    for turn, names in row.get("missed_function", {}).items():
        added[int(turn)] = []
        for name in names:
            place = next((n for n, function in enumerate(functions) if function["name"] == name), None)
            if place is not None:
                added[int(turn)].append(functions.pop(place))
    return Entry(row["id"], category, row["question"], functions, added, gold, row)


def _rows(wheel: zipfile.ZipFile, name: str) -> list[dict[str, Any]]:
    text = wheel.read(f"bfcl_eval/data/{name}").decode("utf-8")
    return [json.loads(line) for line in text.splitlines() if line.strip()]
