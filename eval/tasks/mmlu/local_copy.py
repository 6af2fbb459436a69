"""lm-eval's own MMLU tasks on the authors' CSV files.

lm-eval reads the data set `cais/mmlu`. From `BENCH_DATA/mmlu/mmlu.zip` this file writes a data set folder of the same
form (configurations, splits, columns and types of `cais/mmlu`), and hands its path to lm-eval's own YAML in place of
the Hub's name; prompt, choices, few-shot order and metric stay lm-eval's. As a program,

    python -m eval.tasks.mmlu.local_copy <folder>

writes `<folder>/cais/mmlu`, so that `cd <folder> && lm_eval --tasks mmlu …` runs offline: `datasets` prefers a folder
of that name to the Hub.
"""

from __future__ import annotations

import csv
import io
import json
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from eval.bench_data import identity, need
from records.errors import UserError, run_command
from records.files import replacing

REVISION = "c30699e8356da336a370243923dbaf21066bb9fe"
"""Commit of `cais/mmlu` that is read where `BENCH_DATA` has no zip file."""
SPLITS = {"test": "test", "validation": "val", "dev": "dev"}
"""Split of `cais/mmlu` → folder of the zip file."""

Row = dict[str, Any]


def read_rows(packed: Path) -> dict[str, dict[str, list[Row]]]:
    """`{subject: {split: rows}}` with the columns of `cais/mmlu`: question, subject, choices, answer (0 to 3).

    Raises:
        UserError: the zip file is not whole, or holds a row that is no question with four choices and a letter.
    """
    found: dict[str, dict[str, list[Row]]] = {}
    try:
        with zipfile.ZipFile(packed) as archive:
            for name in sorted(archive.namelist()):
                for split, folder in SPLITS.items():
                    ending = f"_{folder}.csv"
                    if f"data/{folder}/" in name and name.endswith(ending):
                        subject = Path(name).name.removesuffix(ending)
                        rows = _rows(archive.read(name).decode("utf-8"), subject, f"{packed}:{name}")
                        found.setdefault(subject, {})[split] = rows
    except (zipfile.BadZipFile, UnicodeDecodeError) as error:
        raise UserError(f"{packed} cannot be read ({error}); fetch it again") from None
    torn = [subject for subject, splits in found.items() if set(splits) != set(SPLITS)]
    if torn or not found:
        raise UserError(f"{packed} lacks splits of {', '.join(torn) or 'every subject'}; fetch it again")
    return found


def _rows(text: str, subject: str, where: str) -> list[Row]:
    rows = []
    for number, fields in enumerate(csv.reader(io.StringIO(text, newline="")), 1):
        if len(fields) != 6 or fields[5] not in ("A", "B", "C", "D"):
            raise UserError(f"{where}, row {number}: not a question, four choices and a letter; fetch the file again")
        rows.append(
            {"question": fields[0], "subject": subject, "choices": fields[1:5], "answer": "ABCD".index(fields[5])}
        )
    return rows


def write_copy(packed: Path, target: Path) -> Path:
    """Write the data set folder `target`; nothing is done where a copy of the same zip file lies there."""
    mark = {"source": identity([packed])}
    stamp = target / ".source.json"
    if stamp.is_file() and json.loads(stamp.read_text()) == mark:
        return target
    from datasets import ClassLabel, Dataset, Features, List, Value

    features = Features(
        {
            "question": Value("string"),
            "subject": Value("string"),
            "choices": List(Value("string")),
            "answer": ClassLabel(names=["A", "B", "C", "D"]),
        }
    )
    rows = read_rows(packed)
    with replacing(target) as partial:
        for subject, splits in rows.items():
            (partial / subject).mkdir(parents=True)
            for split, part in splits.items():
                Dataset.from_list(part, features=features).to_parquet(partial / subject / f"{split}.parquet")
        (partial / "README.md").write_text(_card(sorted(rows)), encoding="utf-8")
        (partial / ".source.json").write_text(json.dumps(mark))
    return target


def _card(subjects: Sequence[str]) -> str:
    lines = ["---", "configs:"]
    for subject in subjects:
        lines += [f"- config_name: {subject}", "  data_files:"]
        lines += [f"  - split: {split}\n    path: {subject}/{split}.parquet" for split in SPLITS]
    return "\n".join([*lines, "---", ""])


def load_tasks(shots: int, data: Path | None = None, subjects: Sequence[str] | None = None) -> dict[str, Any]:
    """lm-eval's `TaskManager.load` of its own group `mmlu`.

    Args:
        shots: 0 or 5 examples of the split `dev`, in its order, before each question.
        data: a folder of `write_copy`; None reads `cais/mmlu` from the Hub.
        subjects: load these subjects alone, without the group.
    """
    from lm_eval.tasks import TaskManager

    changes: dict[str, Any] = {"num_fewshot": shots}
    if data is not None:
        changes["dataset_path"] = str(data)
    else:
        changes["dataset_kwargs"] = {"revision": REVISION}
    members: list[dict[str, Any]] = [{"group": "mmlu"}]
    if subjects is not None:
        members = [{"task": f"mmlu_{subject}"} for subject in subjects]
    # Overrides reach lm-eval's registered tasks through the YAML of a group around them, which is then taken off.
    with tempfile.TemporaryDirectory() as folder:
        around = Path(folder) / "around.yaml"
        around.write_text(yaml.safe_dump({"group": "around", "task": [{**member, **changes} for member in members]}))
        loaded: Any = TaskManager(include_path=folder).load(["around"])
    for part in ("groups", "group_map"):
        loaded[part].pop("around", None)
    return loaded


def default_copy(build: Path) -> Path | None:
    """The copy of `BENCH_DATA/mmlu/mmlu.zip` below `build`, written when needed; None where BENCH_DATA has none."""
    from eval.bench_data import find

    packed = find("mmlu", "mmlu.zip")
    return write_copy(packed, build / "bench" / "cais" / "mmlu") if packed else None


def main(argv: Sequence[str]) -> int:
    """Write `<folder>/cais/mmlu`. Raises UserError for what the user can mend."""
    if len(argv) != 1:
        raise UserError("usage: BENCH_DATA=<data> python -m eval.tasks.mmlu.local_copy <folder>")
    print(write_copy(need("mmlu", "mmlu.zip"), Path(argv[0]) / "cais" / "mmlu"))
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))
