"""The steps of the corpus: each has a folder and a mark, and is done once for the same inputs."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from records.assets import listed_assets
from records.files import read_json, remove, sha256_file, write_json
from records.marks import fingerprint, is_done
from records.recipe import ROOT, Recipe, build_folder


@dataclass(frozen=True)
class Work:
    """Where the corpus of one recipe is made."""

    recipe: Recipe
    folder: Path
    """Work folder, `build/<recipe>/work/corpus`."""
    output: Path
    """The finished corpus, `build/<recipe>/corpus`."""

    def step(self, name: str) -> Path:
        """Folder of a step."""
        return self.folder / name

    @property
    def workers(self) -> int:
        """datatrove processes."""
        return self.recipe.corpus.workers


@dataclass(frozen=True)
class Step:
    """One step of the line."""

    name: str
    purpose: str
    keys: tuple[str, ...]
    """Keys of the recipe's corpus section that its output depends on."""
    run: Callable[[Work, Path], None]
    """Does the work in the step's folder; called with a folder that an interrupted run may have begun."""


def work_of(recipe: Recipe) -> Work:
    """The folders of a recipe's corpus."""
    build = build_folder(recipe)
    return Work(recipe, build / "work" / "corpus", build / "corpus")


def prints_of(work: Work, steps: Sequence[Step], outside: dict[str, Any]) -> dict[str, str]:
    """Fingerprint of every step: its recipe values, our sources, what lies outside, and the step before."""
    values = dataclasses.asdict(work.recipe.corpus)
    before = fingerprint(outside=outside, sources=_sources(), seed=work.recipe.seed, assets=_assets())
    prints = {}
    for step in steps:
        before = fingerprint(step=step.name, values={key: values[key] for key in step.keys}, before=before)
        prints[step.name] = before
    return prints


def _sources() -> dict[str, str]:
    shared = [ROOT / "records" / name for name in ("calls.py", "chat_template.jinja")]
    ours = [file for form in ("*.py", "*.json", "*/*.zip") for file in sorted((ROOT / "corpus").glob(form))]
    return {file.name: sha256_file(file) for file in [*ours, *shared]}


def _assets() -> dict[str, str]:
    return {name: item.sha256 for name, item in sorted(listed_assets().items())}


def mark_of(work: Work, step: str) -> Path:
    """The completion mark of a step."""
    return work.folder / "marks" / f"{step}.json"


def is_complete(work: Work, step: Step, prints: dict[str, str]) -> bool:
    """Whether the step ended with these inputs."""
    return is_done(mark_of(work, step.name), prints[step.name])


def run_step(work: Work, step: Step, print_of_inputs: str) -> None:
    """Run one step and mark it. What an interrupted run of the same inputs left is kept; anything older goes."""
    folder, begun = work.step(step.name), work.folder / "marks" / f"{step.name}.begun.json"
    if not is_done(begun, print_of_inputs):
        remove(mark_of(work, step.name))
        remove(folder)
        write_json(begun, {"fingerprint": print_of_inputs})
    folder.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    step.run(work, folder)
    seconds = round(time.monotonic() - start, 2)
    write_json(mark_of(work, step.name), {"fingerprint": print_of_inputs, "seconds": seconds})


def seconds_of(work: Work, steps: Sequence[Step]) -> dict[str, float]:
    """Seconds that each step took when it last ran."""
    marks = {step.name: mark_of(work, step.name) for step in steps}
    return {name: json.loads(mark.read_text())["seconds"] for name, mark in marks.items() if mark.exists()}


def report_of(work: Work, step: str) -> Any:
    """The report that a step wrote."""
    return read_json(work.step(step) / "report.json", "python -m corpus")


def write_report(folder: Path, value: Any) -> None:
    """Write a step's report."""
    write_json(folder / "report.json", value)
