"""Questions and answers out of the files of each benchmark, in the forms that their authors publish."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from records.errors import UserError

SHORT = 10
"""A question of fewer words is searched for together with its choices: alone it would be said by anyone."""
_CODE = re.compile(r"<<<code>>>|['\"]code['\"]\s*:")


@dataclass(frozen=True)
class Item:
    """One question or answer of a benchmark."""

    benchmark: str
    id: str
    part: str
    """`question` or `answer`."""
    text: str


def bfcl_items(wheel: Path) -> Iterator[Item]:
    """Questions of `BFCL_v4_*.json` and answers of `possible_answer/`, of all categories.

    Raises:
        UserError: the wheel holds none.
    """
    empty = True
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(archive.namelist()):
            found = re.fullmatch(r"bfcl_eval/data/(possible_answer/)?BFCL_v4_(\w+)\.json", name)
            if not found or found[2] == "format_sensitivity":
                continue
            part = "answer" if found[1] else "question"
            for line in archive.read(name).decode("utf-8").splitlines():
                if line.strip():
                    empty = False
                    yield from _bfcl_texts(json.loads(line), part)
    if empty:
        raise UserError(f"{wheel} holds no BFCL_v4_*.json; it is not the bfcl-eval wheel of requirements/assets.txt")


def _bfcl_texts(entry: dict[str, Any], part: str) -> Iterator[Item]:
    if part == "answer":
        for text in _bfcl_answers(entry.get("ground_truth", [])):
            yield Item("bfcl", str(entry["id"]), part, text)
        return
    for turn in entry.get("question", []):
        for message in turn if isinstance(turn, list) else [turn]:
            # System prompts are the same instructions for many questions, not a question.
            if isinstance(message, dict) and message.get("role") == "user":
                yield Item("bfcl", str(entry["id"]), part, str(message.get("content", "")))


def _bfcl_answers(value: Any) -> Iterator[str]:
    """Each call of an answer as text. Of the accepted values that it lists for an argument, the first is taken."""
    for call in value if isinstance(value, list) else [value]:
        if isinstance(call, list):
            yield from _bfcl_answers(call)
        elif isinstance(call, dict):
            for name, arguments in call.items():
                yield from call_texts(name, _first_values(arguments))
        else:
            yield str(call)


def _first_values(arguments: Any) -> Any:
    if isinstance(arguments, dict):
        return {name: _first_values(_first(value)) for name, value in arguments.items()}
    return arguments


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else value


def call_texts(name: str, arguments: Any) -> Iterator[str]:
    """A call as its source writes it, with its keys in order, and so in our call format.

    `decontaminate.texts_of` puts the JSON of a row in that order too, so that another order of keys hides nothing.
    """
    forms = ({name: arguments}, {"name": name, "arguments": arguments})
    yield json.dumps(forms[0], ensure_ascii=False)
    yield from (json.dumps(form, ensure_ascii=False, sort_keys=True) for form in forms)


def mmlu_items(folder: Path) -> Iterator[Item]:
    """Questions and right choices of `mmlu/mmlu.zip`, whose rows are `question, A, B, C, D, right letter`."""
    with zipfile.ZipFile(folder / "mmlu" / "mmlu.zip") as archive:
        for name in sorted(archive.namelist()):
            if not name.endswith(".csv"):
                continue
            rows = csv.reader(io.StringIO(archive.read(name).decode("utf-8")))
            for number, row in enumerate(rows):
                if len(row) != 6:
                    continue
                question, *choices, letter = row
                shown = question if len(question.split()) >= SHORT else " ".join([question, *choices])
                item = f"{Path(name).stem}_{number}"
                yield Item("mmlu", item, "question", shown)
                if letter.strip() in "ABCD" and len(letter.strip()) == 1:
                    yield Item("mmlu", item, "answer", choices["ABCD".index(letter.strip())])


def api_bank_items(folder: Path) -> Iterator[Item]:
    """What users say and which calls are made in the dialogues of levels 1 and 2, and the scenes of level 3."""
    place = folder / "api_bank"
    for file in sorted(place.glob("lv1-lv2-samples/*/*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            if not line.strip():
                continue
            turn = json.loads(line)
            if turn.get("role") == "User":
                yield Item("api_bank", file.stem, "question", str(turn.get("text", "")))
            elif turn.get("role") == "API":
                for text in call_texts(str(turn.get("api_name")), turn.get("param_dict")):
                    yield Item("api_bank", file.stem, "answer", text)
    for file in sorted(place.glob("lv3-samples/*.txt")):
        yield Item("api_bank", file.stem, "question", file.read_text(encoding="utf-8"))


def api_bench_items(folder: Path) -> Iterator[Item]:
    """Instructions and answers of the three hubs' evaluation sets."""
    for hub in ("huggingface", "tensorflow", "torchhub"):
        lines = (folder / "api_bench" / f"{hub}_eval.json").read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines):
            if not line.strip():
                continue
            instruction, _, output = str(json.loads(line).get("code", "")).partition("###Output:")
            # The code at the end is what the hub's own documentation shows, line by line.
            output = _CODE.split(output)[0]
            yield Item("api_bench", f"{hub}_{number}", "question", instruction.replace("###Instruction:", ""))
            yield Item("api_bench", f"{hub}_{number}", "answer", output)


def nexus_items(folder: Path) -> Iterator[Item]:
    """Queries and gold calls of the five sets of NexusRaven v1, each in its own form."""
    parts = {"query": "question", "Input": "question", "instruction": "question"}
    parts |= {"reference": "answer", "Output": "answer", "golden_answer": "answer"}
    for file in sorted((folder / "nexus").glob("*_queries.json")):
        for number, entry in enumerate(json.loads(file.read_text(encoding="utf-8"))):
            turns = [entry[key] for key in sorted(entry) if key.startswith("turns_")] or [entry]
            for turn in turns:
                for key in (key for key in parts if isinstance(turn.get(key), str)):
                    yield Item("nexus", f"{file.stem}_{number}", parts[key], turn[key])


def agentbench_items(folder: Path) -> Iterator[Item]:
    """Questions and solutions of the database, operating system and knowledge graph sets."""
    place = folder / "agentbench"
    for file in sorted((place / "dbbench").glob("*.jsonl")):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines()):
            entry = json.loads(line)
            yield Item("agentbench", f"db_{file.stem}_{number}", "question", str(entry.get("description", "")))
            query = entry.get("sql")
            yield Item("agentbench", f"db_{file.stem}_{number}", "answer", _text_of(query or entry.get("label")))
    for file in sorted((place / "os_interaction" / "data").rglob("*.json")):
        entries = json.loads(file.read_text(encoding="utf-8"))
        for number, entry in enumerate(entries if isinstance(entries, list) else [entries]):
            name = f"os_{file.parent.name}_{file.stem}_{number}"
            yield Item("agentbench", name, "question", str(entry.get("description", "")))
            example = entry.get("evaluation", {}).get("example") or entry.get("example")
            yield Item("agentbench", name, "answer", _text_of(example))
    for file in sorted((place / "knowledgegraph").glob("*.json")):
        for entry in json.loads(file.read_text(encoding="utf-8")):
            yield Item("agentbench", f"kg_{entry.get('qid')}", "question", str(entry.get("question", "")))
            yield Item("agentbench", f"kg_{entry.get('qid')}", "answer", str(entry.get("s_expression", "")))


def _text_of(value: Any) -> str:
    """The texts of a value, keys of objects left out."""
    if isinstance(value, dict):
        return " ".join(_text_of(value[key]) for key in value if key in ("code", "query"))
    if isinstance(value, list):
        return " ".join(map(_text_of, value))
    return "" if value is None else str(value)
