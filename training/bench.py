"""`python -m training.bench`: the adapter against a plain PyTorch loop over transformers' Llama, step by step in turn.

Both train the same shapes from the same random weights on the same sequences with the same optimizer, in one process:
after each step of nanotron's own loop the plain loop makes its step on the same batch, so whatever slows the machine
for a while touches both. A ratio is the median over steps of plain seconds over adapter seconds.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from records.errors import UserError, run_command
from records.files import write_json
from records.recipe import ROOT
from training.bench_run import SHAPES, run
from training.processes import KEEP_MEMORY

OUTPUT = ROOT / "results" / "bench_train.json"
LIBRARIES = ("torch", "transformers", "nanotron")
# Dense peaks in bfloat16 by the makers' data sheets, operations a second.
PEAKS = {"A100": 312e12, "H100": 989e12, "H200": 989e12}


def main(argv: Sequence[str]) -> int:
    """Measure and write the record."""
    parser = argparse.ArgumentParser(prog="python -m training.bench", description="Adapter against a plain loop.")
    parser.add_argument("--shape", choices=sorted(SHAPES), default="135m")
    parser.add_argument("--steps", type=int, default=8, help="steps of each, after two that do not count")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="record to write")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.steps < 1:
        raise UserError("--steps takes numbers from 1 on")
    if options.child:
        data, alone, dtype = (*options.child.split(","), "", "")[:3]
        with tempfile.TemporaryDirectory(prefix="bench-train-") as folder:
            print(
                json.dumps(
                    run(Path(folder), options.shape, data, options.steps, alone, "bfloat16" if dtype else "float32")
                )
            )
        return 0
    record = bench(options.shape, options.steps)
    write_json(options.output, record)
    ratios = ", ".join(f"{name} {value:g}" for name, value in record["ratios"].items())
    print(f"training: {ratios}; written to {options.output}")
    return 0


def bench(shape: str, steps: int) -> dict[str, Any]:
    """The record: machine, versions, every step of both, peak memory of each alone, and headline ratios."""
    runs = {data: _child(shape, steps, data) for data in ("whole", "packed")}
    memory = {kind: _child(shape, 1, f"packed,{kind}")["peak_bytes"] for kind in ("adapter", "plain")}
    whole = runs["whole"]
    if whole["device"] != "cpu":
        runs["bfloat16"] = _child(shape, steps, "packed,,bfloat16")
    ratios = {
        "ratio_to_plain": whole["ratio"],
        "ratio_to_plain_packed": runs["packed"]["ratio"],
        "memory_to_plain": round(memory["adapter"] / memory["plain"], 3),
    }
    peak = next((value for name, value in PEAKS.items() if name in whole["device"]), None)
    if peak and "bfloat16" in runs:
        # PaLM (arXiv 2204.02311), appendix B: 6 operations a weight and token, 12 · layers · hidden · sequence besides.
        half = runs["bfloat16"]
        ratios["mfu"] = round(half["adapter_tokens_per_second"] * half["flops_per_token"] / peak, 4)
        ratios["ratio_to_plain_bfloat16"] = half["ratio"]
    return {
        "schema": 1,
        "part": "train",
        "machine": {
            "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
            "processor": platform.machine(),
            "system": platform.system(),
            "device": whole["device"],
        },
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in LIBRARIES},
        },
        "shape": shape,
        "runs": runs,
        "peak_memory_bytes": memory,
        "ratios": ratios,
        "what": {
            "whole": "each sequence is one document, so that the plain loop needs no mask",
            "packed": "several documents a sequence, which neither lets see each other",
            "bfloat16": "packed in bfloat16 with larger micro batches, on a GPU only; MFU is of this run",
        },
    }


def _child(shape: str, steps: int, what: str) -> dict[str, Any]:
    print(f"training: {what.replace(',', ' · ')}", file=sys.stderr)
    line = [sys.executable, "-m", "training.bench", "--shape", shape, "--steps", str(steps), "--child", what]
    environment = {"GLIBC_TUNABLES": KEEP_MEMORY} | os.environ
    done = subprocess.run(line, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise UserError(f"the run of {what} ended with {done.returncode}; its own words are above")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def median_ratio(plain: Sequence[float], adapter: Sequence[float]) -> float:
    """Median over steps of plain seconds over adapter seconds: above 1 the adapter is faster."""
    return round(statistics.median(p / a for p, a in zip(plain, adapter, strict=True)), 4)


if __name__ == "__main__":
    sys.exit(run_command(main))
