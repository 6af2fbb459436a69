"""`python -m eval.bench`: questions a second of lm-eval's hf backend and of ours, side by side in one run."""

from __future__ import annotations

import argparse
import gc
import importlib.metadata
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from eval.generation import core_count
from eval.statistics import mean, mean_stderr
from eval.tasks.bfcl.questions import LIVE, NON_LIVE, Question, questions
from eval.tasks.bfcl.scoring import judge
from records.errors import UserError, run_command
from records.files import sha256_file, sha256_json, write_json
from records.recipe import ROOT, build_folder, load_recipe

OUTPUT = ROOT / "results" / "bench_eval.json"
LIBRARIES = ("torch", "transformers", "lm_eval")
END = "<|im_end|>"
OURS = ("packed", "packed-int8")


@dataclass
class Way:
    """One way of answering: its runs and its last answers."""

    name: str
    answer: Callable[[list[Any]], list[str]]
    settings: dict[str, Any]
    runs: list[dict[str, Any]]
    answers: list[str]


def main(argv: Sequence[str]) -> int:
    """Measure and write the record."""
    parser = argparse.ArgumentParser(prog="python -m eval.bench", description="Measure the backends of evaluation.")
    parser.add_argument("--recipe", default="local", help="recipe whose model answers (default: local)")
    parser.add_argument("--model", type=Path, help="folder of another Llama")
    parser.add_argument("--questions", type=int, default=96, help="questions of the sample (default: 96)")
    parser.add_argument("--repeats", type=int, default=2, help="rounds; a way's median counts")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[8, 16, 32], help="tried for hf")
    parser.add_argument("--seed", type=int, default=1, help="of the sample")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="record to write")
    options = parser.parse_args(argv)
    if min(options.questions, options.repeats, *options.batch_sizes) < 1:
        raise UserError("--questions, --repeats and --batch-sizes take numbers from 1 on")
    from eval.progress import quiet_libraries

    quiet_libraries()
    folder = options.model or default_model(options.recipe)
    record = bench(folder, options.questions, options.repeats, options.batch_sizes, options.seed)
    write_json(options.output, record)
    print(f"eval: {summary(record)}; written to {options.output}")
    return 0


def default_model(recipe_name: str) -> Path:
    """Our fine-tuned model of the recipe, else its base. Raises UserError where there is neither."""
    recipe = load_recipe(recipe_name)
    models = build_folder(recipe) / "models"
    for name in (f"hephaestus-{recipe.training.base.size}-ift", "base"):
        if (models / name / "model.safetensors").is_file():
            return models / name
    raise UserError(f"no model under {models}: run `make train RECIPE={recipe.name}`, or give one with --model")


def sample(count: int, seed: int) -> list[Question]:
    """Questions drawn evenly from BFCL's single-turn categories, live and not."""
    chance = random.Random(seed)
    drawn = [chance.sample(questions(category), len(questions(category))) for category in (*NON_LIVE, *LIVE)]
    in_turn = [rows[n] for n in range(max(map(len, drawn))) for rows in drawn if n < len(rows)]
    return in_turn[:count]


def cap(category: str) -> int:
    """Most new tokens of an answer, as the tasks have them."""
    if "parallel" in category:
        return 384
    return 192 if category in ("live_simple", "live_multiple") else 160


def requests(asked: Sequence[Question]) -> list[Any]:
    """lm-eval's requests, as its tasks make them."""
    from lm_eval.api.instance import Instance

    made = []
    for number, question in enumerate(asked):
        options = {"until": [END], "do_sample": False, "max_gen_toks": cap(question.category)}
        doc = {"id": question.id, "settles": True}
        made.append(Instance("generate_until", doc, (question.prompt(), options), number))
    return made


def bench(folder: Path, count: int, repeats: int, batch_sizes: Sequence[int], seed: int) -> dict[str, Any]:
    """The record: machine, versions, sample, every run's figures, agreement of answers and scores, ratios."""
    asked = sample(count, seed)
    wanted = requests(asked)
    hf = load_hf(folder)
    tried = []
    for size in batch_sizes:
        say(f"hf with batches of {size} on {len(wanted[::3])} questions")
        tried.append({"batch_size": size, **timed(partial(answer_hf, hf, wanted[::3], size))[1]})
    best = max(tried, key=lambda run: run["questions_per_second"])["batch_size"]
    ways = [Way("hf", lambda some: answer_hf(hf, some, best), {"batch_size": best, "tried": tried}, [], [])]
    for backend in OURS:
        ways += our_ways(folder, backend, count)
    for number in range(repeats):
        for way in ways:
            say(f"round {number + 1} of {repeats}, {way.name}")
            way.answers, run = timed(partial(way.answer, wanted))
            way.runs.append(run)
    return describe(folder, asked, seed, ways)


def load_hf(folder: Path) -> Any:
    """lm-eval's own hf model in float32."""
    from lm_eval.models.huggingface import HFLM

    return HFLM(pretrained=str(folder), device="cpu", dtype="float32", batch_size=1)


def answer_hf(hf: Any, wanted: list[Any], batch_size: int) -> list[str]:
    """Answers of lm-eval's hf model on all cores."""
    import torch

    torch.set_num_threads(core_count())
    hf.batch_size_per_gpu = batch_size
    return list(hf.generate_until(wanted, disable_tqdm=True))


def our_ways(folder: Path, backend: str, count: int) -> list[Way]:
    """A backend of ours by the stop rules of hf, and ending answers once they are settled."""
    from eval.answers import AnswerFile
    from eval.packed import PackedLM

    batch_size = min(48, max(1, -(-count // (2 * core_count()))))
    compute_type = "int8" if backend == "packed-int8" else "float32"
    lm = PackedLM(folder, batch_size, compute_type=compute_type)

    def answer(wanted: list[Any], settle: bool) -> list[str]:
        lm.store, lm.settle = AnswerFile(None), settle
        return lm.generate_until(wanted, disable_tqdm=True)

    settings = {"batch_size": batch_size, **lm.decoding}
    return [
        Way(backend, lambda wanted: answer(wanted, False), settings, [], []),
        Way(f"{backend}, settled", lambda wanted: answer(wanted, True), settings, [], []),
    ]


def timed(answer: Callable[[], list[str]]) -> tuple[list[str], dict[str, Any]]:
    """Answers, and the wall-clock seconds and processor seconds they took."""
    gc.collect()
    started, busy = time.perf_counter(), time.process_time()
    answers = answer()
    seconds, busy = time.perf_counter() - started, time.process_time() - busy
    rates = {"questions_per_second": round(len(answers) / seconds, 3)}
    return answers, {"seconds": round(seconds, 2), "processor_seconds": round(busy, 2), **rates}


def describe(folder: Path, asked: list[Question], seed: int, ways: list[Way]) -> dict[str, Any]:
    """The record of these runs."""
    import torch

    prompts = [question.prompt() for question in asked]
    return {
        "schema": 1,
        "part": "eval",
        "machine": {
            "cores": core_count(),
            "processor": torch.cpu.get_capabilities().get("cpu_name", platform.machine()),
            "avx512_vnni": torch.cpu.get_capabilities().get("avx512_vnni", False),
        },
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in LIBRARIES},
        },
        "model": {"name": folder.name, "weights_sha256": sha256_file(folder / "model.safetensors")},
        "sample": {
            "seed": seed,
            "questions": len(asked),
            "of": "BFCL single-turn, live and not, evenly from each category",
            "ids_sha256": sha256_json([question.id for question in asked]),
            "prompt_characters": {"mean": round(mean([len(p) for p in prompts])), "most": max(map(len, prompts))},
        },
        "ways": {way.name: measured(way, ways[0], asked) for way in ways},
        "ratios": ratios(ways),
        "headline": "ratios without `settled`: the same stop rules (end token, token cap) on both sides",
    }


def measured(way: Way, hf: Way, asked: list[Question]) -> dict[str, Any]:
    """Runs of a way, and its last answers beside those of hf."""
    right = [float(judge(question, answer).right) for question, answer in zip(asked, way.answers, strict=True)]
    before = [float(judge(question, answer).right) for question, answer in zip(asked, hf.answers, strict=True)]
    same = [ours == theirs for ours, theirs in zip(way.answers, hf.answers, strict=True)]
    apart = [ours - theirs for ours, theirs in zip(right, before, strict=True)]
    return {
        "settings": way.settings,
        "runs": way.runs,
        "questions_per_second": rate(way),
        "identical_to_hf": round(mean(list(map(float, same))), 4),
        "score": round(mean(right), 4),
        "stderr": round(mean_stderr(right), 4),
        "score_minus_hf": round(mean(apart), 4),
        "score_minus_hf_stderr": round(mean_stderr(apart), 4),
    }


def rate(way: Way) -> float:
    """Questions a second in the median run."""
    return round(statistics.median(run["questions_per_second"] for run in way.runs), 3)


def ratios(ways: Sequence[Way]) -> dict[str, float]:
    """Median over rounds of each way's rate over that of hf in the same round."""
    names = {"packed": "exact_over_hf", "packed-int8": "int8_over_hf"}
    found = {}
    for way in ways[1:]:
        backend, _, settled = way.name.partition(", ")
        pairs = zip(way.runs, ways[0].runs, strict=True)
        each = [ours["questions_per_second"] / theirs["questions_per_second"] for ours, theirs in pairs]
        found[names[backend] + (f"_{settled}" if settled else "")] = round(statistics.median(each), 2)
    return found


def summary(record: Mapping[str, Any]) -> str:
    """The figures of a record in one line."""
    rates = [f"{name} {way['questions_per_second']:g} questions/s" for name, way in record["ways"].items()]
    return ", ".join([*rates, *[f"{name} {value:g}" for name, value in record["ratios"].items()]])


def say(text: str) -> None:
    """Progress, to stderr."""
    print(f"eval: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(run_command(main))
