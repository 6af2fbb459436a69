"""`python -m corpus.bench`: how fast the readers are, and what reading a wheel unpacked first would cost."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from corpus.bench_made import OF_SEVERAL, further_cases
from corpus.bench_readers import OF_PACKAGES, Case, cases_of, run_reader
from corpus.bench_unpacking import compare_unpacking
from records.assets import ROOT, asset
from records.errors import UserError, run_command
from records.files import write_json

OUTPUT = ROOT / "results" / "bench_corpus.json"
LIBRARIES = ("datatrove", "orjson", "griffe", "PyYAML")
"""Libraries that the readers spend their time in."""


def main(argv: Sequence[str]) -> int:
    """Measure and write the record."""
    parser = argparse.ArgumentParser(prog="python -m corpus.bench", description="Measure the readers of the corpus.")
    parser.add_argument("--limit", type=int, help="most documents a reader yields (default: all of a package)")
    parser.add_argument("--installed", type=int, default=3000, help="most documents of a reader of what is installed")
    parser.add_argument("--repeats", type=int, default=3, help="runs of everything, of which the median counts")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="record to write")
    options = parser.parse_args(argv)
    if min(options.repeats, options.installed, 1 if options.limit is None else options.limit) < 1:
        raise UserError("--limit, --installed and --repeats take numbers from 1 on")
    packages, missing = found_packages()
    record = bench(packages, missing, options.limit, options.installed, options.repeats)
    write_json(options.output, record)
    print(f"corpus: {summary(record)}; written to {options.output}")
    return 0


def found_packages() -> tuple[dict[str, Path], dict[str, str]]:
    """Files of the packages that readers are written for, and why each that is absent is left out."""
    packages, missing = {}, {}
    for name in sorted({*OF_PACKAGES.values(), *(name for names in OF_SEVERAL.values() for name in names)}):
        try:
            packages[name] = asset(name).path
        except UserError as error:
            missing[name] = str(error).replace(f"{ROOT}/", "")
    return packages, missing


def bench(
    packages: Mapping[str, Path], missing: Mapping[str, str], limit: int | None, installed: int, repeats: int
) -> dict[str, Any]:
    """The record: machine, versions, every run's figures, the median of each reader, and headline ratios.

    Each round runs every reader once, so that what slows the machine for a while touches all of them alike.
    """
    with tempfile.TemporaryDirectory(prefix="bench-corpus-") as folder:
        cases = [*cases_of(packages, limit, installed), *further_cases(packages, limit, installed, Path(folder))]
        runs: dict[str, list[dict[str, Any]]] = {case.name: [] for case in cases}
        for number in range(repeats):
            for case in cases:
                print(f"corpus: round {number + 1} of {repeats}, {case.name}", file=sys.stderr)
                runs[case.name].append(run_reader(case, Path(folder) / str(number) / case.name.replace(" ", "_")))
        botocore = packages.get("botocore")
        unpacking = compare_unpacking(botocore, Path(folder), repeats) if botocore else None
        measures = {case.name: measured(case, runs[case.name]) for case in cases}
    return {
        "schema": 1,
        "part": "corpus",
        "machine": {"cores": os.cpu_count(), "processor": platform.machine(), "system": platform.system()},
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in LIBRARIES},
            **{name: path.name for name, path in packages.items() if name in OF_PACKAGES.values()},
        },
        "readers": measures,
        "skipped": skipped(missing),
        "unpacking": unpacking,
        "ratios": unpacking["ratios"] if unpacking else {},
    }


def measured(case: Case, runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Every run of a reader and its rates in the median run.

    Megabytes are those of the package as stored, 10^6 bytes; null where a cap leaves a part of it unread.
    """
    seconds = statistics.median(run["seconds"] for run in runs)
    stored = case.package.stat().st_size / 1e6 if case.package and case.limit is None else None
    return {
        "limit": case.limit,
        "stored_megabytes": stored and round(stored, 3),
        "runs": list(runs),
        "documents_per_second": round(runs[0]["documents"] / seconds, 2),
        "megabytes_per_second": stored and round(stored / seconds, 3),
    }


def skipped(missing: Mapping[str, str]) -> dict[str, str]:
    """Why each reader did not run, by its name."""
    found = {name: missing[package] for name, package in OF_PACKAGES.items() if package in missing}
    for name, packages in OF_SEVERAL.items():
        if lacking := [package for package in packages if package in missing]:
            found[name] = missing[lacking[0]]
    return found


def summary(record: Mapping[str, Any]) -> str:
    """The figures of a record in one line."""
    rates = [f"{name} {found['documents_per_second']:g} documents/s" for name, found in record["readers"].items()]
    ratios = [f"{name} {value:g}" for name, value in record["ratios"].items()]
    left_out = [f"{len(record['skipped'])} readers skipped"] if record["skipped"] else []
    return ", ".join([*rates, *ratios, *left_out])


if __name__ == "__main__":
    sys.exit(run_command(main))
