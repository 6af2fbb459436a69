"""`python -m corpus.bench_seeds`: time and memory of the seed build alone, the first steps of a recipe's corpus."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from corpus.command import preflight, wheels_of
from corpus.line import line
from corpus.memory import PeakMemory
from corpus.steps import Work, run_step
from records.assets import ROOT, asset
from records.errors import run_command
from records.files import write_json
from records.recipe import Recipe, load_recipe

OUTPUT = ROOT / "results" / "bench_seeds.json"
STEPS = ("tokenizer", "sources")
"""What the readers need, and the readers."""


def main(argv: Sequence[str]) -> int:
    """Measure and write the record."""
    parser = argparse.ArgumentParser(prog="python -m corpus.bench_seeds", description="Measure a recipe's seed build.")
    parser.add_argument("--recipe", default="full", help="name in recipes/ or path of a YAML file (default: full)")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="record to write")
    options = parser.parse_args(argv)
    record = bench(load_recipe(options.recipe))
    write_json(options.output, record)
    print(f"seeds of {record['recipe']}: {record['seconds']:g} s, {record['peak_bytes'] / 2**30:.2f} GiB")
    return 0


def bench(recipe: Recipe) -> dict[str, Any]:
    """Run the seed build into a folder that goes again: seconds, memory of all its processes, counts, APIs."""
    with tempfile.TemporaryDirectory(prefix="bench-seeds-") as place:
        work = Work(recipe, Path(place) / "work", Path(place) / "corpus")
        preflight(work)
        seconds = {}
        with PeakMemory() as memory:
            for step in line():
                if step.name in STEPS:
                    start = time.perf_counter()
                    run_step(work, step, "bench")
                    seconds[step.name] = round(time.perf_counter() - start, 2)
        counts = json.loads((work.step("sources") / "report.json").read_text(encoding="utf-8"))
        with (work.folder / "apis.jsonl").open(encoding="utf-8") as lines:
            apis = {json.loads(item)["id"] for item in lines}
    return {
        "schema": 1,
        "part": "seeds",
        "recipe": recipe.name,
        "machine": {"cores": os.cpu_count(), "processor": platform.machine(), "system": platform.system()},
        "python": platform.python_version(),
        "workers": recipe.corpus.workers,
        "read_bytes": sum(asset(name).path.stat().st_size for name in wheels_of(recipe)),
        "seconds": seconds["sources"],
        "seconds_by_step": seconds,
        "peak_bytes": memory.peak_bytes,
        "distinct_apis": len(apis),
        **counts,
    }


if __name__ == "__main__":
    sys.exit(run_command(main))
