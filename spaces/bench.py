"""`python -m spaces.bench`: the Space's engine beside plain transformers, on the same prompts."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from records.errors import UserError, run_command
from records.files import write_json
from spaces.assembly import ROOT, assemble

OUTPUT = ROOT / "results" / "bench_space.json"
MODEL = ROOT / "build" / "local" / "models" / "hephaestus-135m-ift"
VERSIONS = ("torch", "transformers", "gradio", "llguidance")


def main(argv: Sequence[str]) -> int:
    """Measure and write the record."""
    parser = argparse.ArgumentParser(prog="python -m spaces.bench", description="Measure the Space's engine.")
    parser.add_argument("--model", type=Path, default=MODEL, help="model folder")
    parser.add_argument("--repeats", type=int, default=3, help="rounds over all examples of the gallery")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="record to write")
    options = parser.parse_args(argv)
    if not (options.model / "config.json").is_file():
        raise UserError(f"there is no model at {options.model}; run `make train`, or name one by --model")
    with tempfile.TemporaryDirectory() as folder:
        sys.path.insert(0, str(assemble("function_calling", Path(folder) / "space")))
        record = bench(options.model, options.repeats)
    write_json(options.output, record)
    print(f"space: {record['ratio_to_plain']:.2f} × plain transformers; written to {options.output}")
    return 0


def bench(folder: Path, repeats: int) -> dict[str, Any]:
    """Both engines write the same number of tokens after the same prompts, in turns, so load touches both alike."""
    import torch
    from calls import chat_template  # type: ignore[import-not-found]
    from documents import read_tools  # type: ignore[import-not-found]
    from engine import PlainTransformers  # type: ignore[import-not-found]
    from model import Model  # type: ignore[import-not-found]
    from tool_sets import load_tool_sets  # type: ignore[import-not-found]

    start = time.perf_counter()
    model = Model(str(folder), chat_template())
    loading = time.perf_counter() - start
    plain = PlainTransformers(folder, "cpu")
    runs = []
    for number in range(repeats):
        for one in load_tool_sets().values():
            tools = read_tools(one.text)
            for request in one.examples:
                prompt = model.prompt([{"role": "user", "content": request}], tools)
                ids = model.tokenizer(prompt, add_special_tokens=False).input_ids
                figures = {name: _timed(engine, ids) for name, engine in (("int8", model.engine), ("plain", plain))}
                runs.append({"round": number, "request": request, "prompt_tokens": len(ids), **figures})
    seconds = {name: [run[name]["seconds"] for run in runs] for name in ("int8", "plain")}
    return {
        "machine": {"cpus": os.cpu_count(), "processor": platform.processor(), "threads": torch.get_num_threads()},
        "load_average": os.getloadavg(),
        "versions": {name: importlib.metadata.version(name) for name in VERSIONS},
        "seconds_to_load": round(loading, 2),
        "runs": runs,
        "median_seconds": {name: round(statistics.median(each), 4) for name, each in seconds.items()},
        "ratio_to_plain": round(sum(seconds["plain"]) / sum(seconds["int8"]), 3),
    }


def _timed(engine: Any, ids: list[int], tokens: int = 32) -> dict[str, float]:
    start = time.perf_counter()
    logits = engine.start(ids)
    first = time.perf_counter() - start
    for _ in range(tokens - 1):
        logits = engine.step([int(logits.argmax())])
    seconds = time.perf_counter() - start
    return {
        "seconds": round(seconds, 4),
        "seconds_to_first": round(first, 4),
        "tokens_per_second": round(tokens / seconds, 2),
    }


if __name__ == "__main__":
    sys.exit(run_command(main))
