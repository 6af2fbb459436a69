"""`python -m spaces.bench`: the Space's engine beside plain transformers; the running Space's memory and first call."""

from __future__ import annotations

import argparse
import gc
import importlib.metadata
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from records.errors import UserError, run_command
from records.files import sha256_file, write_json
from records.recipe import ROOT
from spaces.assembly import assemble
from spaces.bench_page import measure_page
from spaces.bench_questions import bfcl_questions

OUTPUT = ROOT / "results" / "bench_space.json"
MODEL = ROOT / "build" / "local" / "models" / "hephaestus-135m-ift"
VERSIONS = ("torch", "transformers", "gradio", "llguidance")
MAX_NEW_TOKENS = 160
WAYS = ("int8", "plain")

Case = tuple[str, str, list[dict[str, Any]]]
"""Kind (gallery or bfcl), request, tools."""


def main(argv: Sequence[str]) -> int:
    """Measure and write the record."""
    parser = argparse.ArgumentParser(prog="python -m spaces.bench", description="Measure the Space.")
    parser.add_argument("--model", type=Path, default=MODEL, help="model folder; its neighbour `base` is the base")
    parser.add_argument("--questions", type=int, default=48, help="questions of BFCL (default: 48)")
    parser.add_argument("--seed", type=int, default=1, help="of the sample of questions")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="record to write")
    options = parser.parse_args(argv)
    if not (options.model / "config.json").is_file():
        raise UserError(f"there is no model at {options.model}; run `make train`, or name one by --model")
    if options.questions < 1:
        raise UserError("--questions takes numbers from 1 on")
    with tempfile.TemporaryDirectory() as folder:
        space = assemble("function_calling", Path(folder) / "space")
        page = measure_page(space, options.model.resolve())
        sys.path.insert(0, str(space))
        record = {**bench(options.model, options.questions, options.seed), "page": page}
    write_json(options.output, record)
    print(
        f"space: {record['ratio_to_plain']:.2f} × plain transformers, {record['answers']['identical']} of "
        f"{record['answers']['questions']} answers the same, {page['peak_mb']} MB, first call "
        f"{page['first_call_seconds']} s; written to {options.output}"
    )
    return 0


def bench(folder: Path, questions: int, seed: int) -> dict[str, Any]:
    """Both engines answer each request to the end, in turns, so that what else the machine does touches both alike."""
    import torch
    from calls import chat_template  # type: ignore[import-not-found]
    from engine import PlainTransformers  # type: ignore[import-not-found]
    from model import MAX_PROMPT_TOKENS, Model  # type: ignore[import-not-found]

    start = time.perf_counter()
    model = Model(str(folder), chat_template())
    loading = time.perf_counter() - start
    plain = PlainTransformers(folder, "cpu").model
    plain_answer = _plain(plain, model)
    runs: list[dict[str, Any]] = []
    for number, (kind, request, tools) in enumerate([*_gallery(), *_bfcl(questions, seed)]):
        prompt = model.prompt([{"role": "user", "content": request}], tools)
        ids = model.tokenizer(prompt, add_special_tokens=False).input_ids
        if len(ids) > MAX_PROMPT_TOKENS:  # the page would refuse it
            continue
        ways: list[tuple[str, Callable[[list[int]], list[int]]]] = [("int8", _space(model)), ("plain", plain_answer)]
        figures = {name: _timed(model, way, ids, tools) for name, way in (ways if number % 2 else ways[::-1])}
        runs.append({"kind": kind, "request": request[:120], "prompt_tokens": len(ids), **figures})
        print(f"space: {number + 1} of {questions + len(_gallery())} requests", file=sys.stderr)
    del plain
    gc.collect()
    bfcl = [run for run in runs if run["kind"] == "bfcl"]
    return {
        "machine": {"cpus": os.cpu_count(), "processor": _processor(), "threads": torch.get_num_threads()},
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "versions": {name: importlib.metadata.version(name) for name in VERSIONS},
        "model": {"name": folder.name, "weights_sha256": sha256_file(folder / "model.safetensors")},
        "seconds_to_load": round(loading, 2),
        "runs": runs,
        "ratio_to_plain": _ratio(bfcl, "seconds"),
        "ratio_to_plain_processor": _ratio(bfcl, "processor_seconds"),
        "ratio_to_plain_same_answers": _ratio([run for run in bfcl if _same(run)], "seconds"),
        "ratio_to_plain_gallery": _ratio([run for run in runs if run["kind"] == "gallery"], "seconds"),
        "tokens_per_second": {name: _rate(bfcl, name) for name in WAYS},
        "answers": {
            "questions": len(bfcl),
            "identical": sum(map(_same, bfcl)),
            "valid_calls": {name: sum(run[name]["valid"] for run in bfcl) for name in WAYS},
        },
    }


def _gallery() -> list[Case]:
    from documents import read_tools  # type: ignore[import-not-found]
    from tool_sets import load_tool_sets  # type: ignore[import-not-found]

    sets = load_tool_sets().values()
    return [("gallery", example.request, read_tools(one.text_for(example))) for one in sets for example in one.examples]


def _bfcl(count: int, seed: int) -> list[Case]:
    from validation import check_tools  # type: ignore[import-not-found]

    return [("bfcl", request, check_tools(functions)) for request, functions in bfcl_questions(count, seed)]


def _space(model: Any) -> Callable[[list[int]], list[int]]:
    """The Space's engine, greedy, as `model.py` runs it."""

    def answer(ids: list[int]) -> list[int]:
        logits, written = model.engine.start(ids), list[int]()
        while True:
            written.append(int(logits.argmax()))
            if written[-1] in model.ends or len(written) == MAX_NEW_TOKENS:
                return written
            logits = model.engine.step(written[-1:])

    return answer


def _plain(plain: Any, model: Any) -> Callable[[list[int]], list[int]]:
    """`generate` of transformers in float32, greedy, with its own cache of keys and values."""
    import torch

    def answer(ids: list[int]) -> list[int]:
        given = torch.tensor([ids])
        options = {"max_new_tokens": MAX_NEW_TOKENS, "do_sample": False, "eos_token_id": model.ends}
        out = plain.generate(given, attention_mask=torch.ones_like(given), pad_token_id=model.ends[0], **options)
        return [int(token) for token in out[0, len(ids) :]]

    return answer


def _timed(model: Any, way: Callable[[list[int]], list[int]], ids: list[int], tools: Any) -> dict[str, Any]:
    from cards import check_answer  # type: ignore[import-not-found]
    from model import Answer

    start, processor = time.perf_counter(), time.process_time()
    written = way(ids)
    seconds, processor = time.perf_counter() - start, time.process_time() - processor
    text = model.tokenizer.decode(written, skip_special_tokens=True)
    calls = check_answer(Answer("", text), tools).calls
    return {
        "seconds": round(seconds, 4),
        "processor_seconds": round(processor, 4),
        "tokens": len(written),
        "answer": text,
        "valid": bool(calls) and all(call.valid for call in calls),
    }


def _same(run: dict[str, Any]) -> bool:
    return bool(run["int8"]["answer"] == run["plain"]["answer"])


def _ratio(runs: Sequence[dict[str, Any]], key: str) -> float:
    """Seconds a token of plain transformers over ours: answers that differ may have different lengths."""
    plain, ours = (
        sum(run[name][key] for run in runs) / max(1, sum(run[name]["tokens"] for run in runs))
        for name in ("plain", "int8")
    )
    return round(plain / ours, 3) if ours else 0.0


def _rate(runs: Sequence[dict[str, Any]], name: str) -> float:
    return round(sum(run[name]["tokens"] for run in runs) / sum(run[name]["seconds"] for run in runs), 2)


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor()


if __name__ == "__main__":
    sys.exit(run_command(main))
