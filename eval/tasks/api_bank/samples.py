"""API-Bank's dialogues (levels 1 and 2), cut into samples and prompts as the authors' `evaluator.py` does."""

from __future__ import annotations

import ast
import csv
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from eval.bench_data import need
from records.calls import render_chat
from records.errors import UserError

FOLDERS = {1: "lv1-lv2-samples/level-1-given-desc", 2: "lv1-lv2-samples/level-2-toolsearcher"}
API_LIST = "data/all_apis.csv"

CALL_PROMPT = """
Based on the given API description and the existing conversation history 1..t, please generate the API request that \
the AI should call in step t+1 and output it in the format of [ApiName(key1='value1', key2='value2', ...)], replace \
the ApiName with the actual API name, and replace the key and value with the actual parameters. \n\
Your output should start with a square bracket "[" and end with a square bracket "]". Do not output any other \
explanation or prompt or the result of the API call in your output. \n\
This year is 2023.
Input: \n\
User: [User's utterence]
AI: [AI's utterence]

Expected output:
[ApiName(key1='value1', key2='value2', ...)]

API descriptions:
"""
RESPONSE_PROMPT = """
Based on the given API description and the existing conversation history 1..t, please generate the next dialog that \
the AI should response after the API call t.
This year is 2023.
Input: \n\
User: [User's utterence]
AI: [AI's utterence]
[ApiName(key1='value1', key2='value2', …)]

Expected output:
AI: [AI's utterence]

API descriptions:
"""
"""Both prompts of the authors' evaluator.py, spelling and blanks included."""

TOOL_SEARCHER = {
    "name": "ToolSearcher",
    "description": "Searches for relevant tools in library based on the keyword.",
    "input_parameters": {"keywords": {"type": "str", "description": "The keyword to search for."}},
    "output_parameters": {"best_matchs": {"type": "Union[List[dict], dict]", "description": "The best match tool(s)."}},
}
"""From the authors' apis/tool_search.py; their list of APIs leaves it out."""

Item = dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """One step of a dialogue that the model is to take."""

    id: str
    level: int
    kind: str
    """`call` or `response`."""
    history: tuple[Item, ...]
    apis: tuple[str, ...]
    """APIs of the whole dialogue, in the order of their first call (the authors' order is that of a Python set)."""
    truth: Item

    def prompt(self) -> str:
        """The authors' messages as the model reads them."""
        known = descriptions()
        names = ("ToolSearcher",) if self.level == 2 and self.kind == "call" else self.apis
        listed = "\n".join(json.dumps(known[name]) for name in names)
        head = CALL_PROMPT if self.kind == "call" else RESPONSE_PROMPT
        messages = [{"role": "system", "content": head + listed}]
        return render_chat(messages + [_message(item) for item in self.history], answer_next=True)

    def gold(self) -> str:
        """The answer that is wanted, as text."""
        return call_text(self.truth) if self.kind == "call" else str(self.truth["text"])


def call_text(item: Item) -> str:
    """`[Name(key='value', …)]`, as the authors write calls into prompts."""
    inside = ", ".join(f"{key}='{value}'" for key, value in item["param_dict"].items())
    return f"[{item['api_name']}({inside})]"


def _message(item: Item) -> Item:
    if item["role"] == "API":
        # The authors give results as further system messages; our template holds one of those, so results are `tool`.
        return {"role": "tool", "content": f"{call_text(item)} Response: {item['result']['output']}"}
    return {"role": {"User": "user", "AI": "assistant"}[item["role"]], "content": item["text"]}


@cache
def samples(level: int, kind: str) -> tuple[Sample, ...]:
    """All steps of a level, `call` or `response`, in the order of file names.

    Raises:
        UserError: data are missing, or a file is not what it should be.
    """
    folder = need("api_bank", FOLDERS[level])
    found = [sample for file in sorted(folder.glob("*.jsonl")) for sample in _cut(file, level)]
    return tuple(sample for sample in found if sample.kind == kind and not undescribed(sample))


@cache
def by_id(level: int, kind: str) -> dict[str, Sample]:
    """The steps of a level, `call` or `response`, by their ids."""
    return {sample.id: sample for sample in samples(level, kind)}


def undescribed(sample: Sample) -> tuple[str, ...]:
    """APIs of the dialogue that the authors' list holds no description of: such dialogues cannot be asked.

    That is `ImageCaption` alone, whose row in `all_apis.csv` holds a full stop.
    """
    return tuple(name for name in sample.apis if name not in descriptions())


def _cut(file: Path, level: int) -> list[Sample]:
    try:
        items = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
        places = [n for n, item in enumerate(items) if item["role"] == "API"]
        apis = tuple(dict.fromkeys(items[n]["api_name"] for n in places))
        found = []
        for n in places:
            found.append(Sample(f"{file.stem}:{n}", level, "call", tuple(items[:n]), apis, items[n]))
            after = items[n + 1] if n + 1 < len(items) else None
            # A call that follows a call is a sample of its own already; the authors count it a second time.
            if after is not None:
                kind = "response" if after["role"] == "AI" else "call"
                history = tuple(items[: n + 1])
                found.append(Sample(f"{file.stem}:{n + 1}:after", level, kind, history, apis, after))
        return [sample for sample in found if sample.truth["role"] in ("API", "AI")]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{file}: no dialogue of API-Bank ({error!r}); fetch the file again") from None


@cache
def descriptions() -> dict[str, Item]:
    """`{name: {name, description, input_parameters, output_parameters}}` of every API, from the authors' list."""
    path = need("api_bank", API_LIST)
    found: dict[str, Item] = {"ToolSearcher": TOOL_SEARCHER}
    with path.open(encoding="utf-8-sig", newline="") as stream:
        for row in csv.DictReader(stream):
            name, source = (row.get("类名") or "").strip(), row.get("api_info") or ""
            # Rows of APIs that the authors planned and dropped hold notes or nothing.
            if name and (parts := _assigned(source)):
                found.setdefault(name, {"name": name, **parts})
    return found


def _assigned(source: str) -> Item:
    """The literals assigned in a class body that is data of the benchmark, parsed and never run; empty without them."""
    wanted = ("description", "input_parameters", "output_parameters")
    values = {}
    try:
        for node in ast.parse(source).body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                values[node.targets[0].id] = ast.literal_eval(node.value)
    except (SyntaxError, ValueError):
        return {}
    if not values.keys() >= set(wanted):
        return {}
    # The list says `{None}` of the one API without parameters (`GetToday`), a Python set, which is no JSON.
    return {name: {} if isinstance(values[name], set) else values[name] for name in wanted}
