"""Models side by side: report.json, report.md and a figure, from results.json and the samples alone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.benchmarks import Benchmark, Score, Weights, registry, weighted
from eval.seeds import over_seeds
from eval.statistics import mcnemar_exact, mean, mean_stderr, normal_two_sided
from records.errors import UserError
from records.files import read_json, sha256_file, sha256_json, write_json, write_text
from records.marks import is_done, set_done

WRITERS = ("report", "report_text", "figures", "model_index", "benchmarks", "statistics", "seeds")


@dataclass(frozen=True)
class Scored:
    """The results of one model."""

    role: str
    record: dict[str, Any]
    samples: dict[str, list[dict[str, Any]]]
    """By task."""

    def values(self, benchmark: Benchmark) -> dict[str, list[float]]:
        """Scores of a benchmark's questions by task."""
        return {
            task: [float(row.get("score", row["right"])) for row in self.samples[task]]
            for task in benchmark.tasks
            if task in self.samples
        }


def write_report(results: Sequence[tuple[str, Path]], target: Path) -> dict[str, Any]:
    """Write report.json, report.md, figures/*.png and the model cards' data, unless they are there already.

    Args:
        results: role and folder (with results.json and samples/) of each model; with two or more, the last two are
            compared question by question.

    Raises:
        UserError: a result is missing, or versions, questions or decoding differ.
    """
    inputs = [[role, sha256_file(_existing(folder / "results.json"))] for role, folder in results]
    writers = [sha256_file(Path(__file__).with_name(f"{name}.py")) for name in WRITERS]
    wanted = sha256_json([inputs, writers])
    mark = target / ".report.done.json"
    if not is_done(mark, wanted):
        from eval.figures import draw_scores
        from eval.model_index import write_model_index
        from eval.report_text import as_markdown

        report = compare([_read(role, folder) for role, folder in results])
        write_json(target / "report.json", report)
        write_text(target / "report.md", as_markdown(report))
        draw_scores(report, target / "figures")
        for _, folder in results:
            write_model_index(folder)
        set_done(mark, wanted)
    return dict(read_json(target / "report.json", "make eval"))


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise UserError(f"{path} is missing; run `make eval` first")
    return path


def _read(role: str, folder: Path) -> Scored:
    record = read_json(folder / "results.json", "make eval")["record"]
    samples = {}
    for task in record["tasks"]:
        text = _existing(folder / "samples" / f"{task}.jsonl").read_text(encoding="utf-8")
        samples[task] = [json.loads(line) for line in text.splitlines()]
    return Scored(role, record, samples)


def compare(scored: Sequence[Scored]) -> dict[str, Any]:
    """The report as plain data.

    Raises:
        UserError: the results do not belong side by side.
    """
    first = scored[0]
    for other in scored[1:]:
        require_equal(first.record, other.record)
    report: dict[str, Any] = {
        "models": [{"role": s.role, "label": s.record["label"], "sha256": s.record["model"]} for s in scored],
        "backend": first.record["backend"],
        "decoding": first.record["decoding"],
        "benchmarks": {
            name: _benchmark(scored, registry()[name], entry)
            for name, entry in first.record["benchmarks"].items()
            if name in registry()
        },
        "reasons": {s.role: dict(_reasons(s)) for s in scored},
    }
    if len(scored) > 1:
        report["paired"] = {"of": scored[-1].role, "against": scored[-2].role}
        if seeds := over_seeds(report):
            report["seeds"] = seeds
    return report


def require_equal(a: dict[str, Any], b: dict[str, Any]) -> None:
    """Raise UserError where two results have other data, scorers, questions, backends or decoding."""

    def versions(record: dict[str, Any]) -> dict[str, str]:
        return {task: values["version"] for task, values in record["tasks"].items()}

    def part(record: dict[str, Any], key: str) -> dict[str, Any]:
        return {name: entry.get(key) for name, entry in record["benchmarks"].items()}

    for what, left, right in (
        ("versions", versions(a), versions(b)),
        ("data", part(a, "source"), part(b, "source")),
        ("scorers", part(a, "scorer_sha256"), part(b, "scorer_sha256")),
        ("question sets", a["questions_sha256"], b["questions_sha256"]),
        ("backends", a["backend"], b["backend"]),
        ("decoding", a["decoding"], b["decoding"]),
    ):
        if left != right:
            raise UserError(
                f"{a['name']} and {b['name']} were evaluated with different {what} ({left} and {right}); "
                "run `make eval` for both"
            )


def _benchmark(scored: Sequence[Scored], benchmark: Benchmark, entry: dict[str, Any]) -> dict[str, Any]:
    kept = ("title", "rule", "source", "of", "not_scored", "left_out", "partial", "percent")
    found: dict[str, Any] = {key: entry[key] for key in kept if key in entry}
    averages = {"headline": benchmark.weights, **benchmark.averages}
    found["averages"] = {
        name: row for name, weights in averages.items() if (row := _average(scored, benchmark, weights))
    }
    found["tasks"] = {task: _task(scored, task) for task in benchmark.tasks if task in scored[0].samples}
    return found


def _average(scored: Sequence[Scored], benchmark: Benchmark, weights: Weights) -> dict[str, Any] | None:
    scores = {s.role: weighted(s.values(benchmark), weights) for s in scored}
    first = scores[scored[0].role]
    if first is None:
        return None
    row: dict[str, Any] = {"n": first.n, "scores": {role: _numbers(score) for role, score in scores.items() if score}}
    if len(scored) > 1:
        differences = _differences(scored, list(scored[0].values(benchmark)))
        row["paired"] = _paired_average(weighted(differences, weights))
    return row


def _numbers(score: Score) -> dict[str, float]:
    return {"score": score.score, "stderr": score.stderr}


def _task(scored: Sequence[Scored], task: str) -> dict[str, Any]:
    scores = {}
    for model in scored:
        values = [float(row.get("score", row["right"])) for row in model.samples[task]]
        right = sum(value == 1.0 for value in values)
        scores[model.role] = {"score": mean(values), "stderr": mean_stderr(values), "right": right}
    found = {
        "n": len(scored[0].samples[task]),
        "version": scored[0].record["tasks"][task]["version"],
        "scores": scores,
    }
    if len(scored) > 1:
        found["paired"] = paired(_differences(scored, [task])[task])
    return found


def _differences(scored: Sequence[Scored], tasks: Sequence[str]) -> dict[str, list[float]]:
    """The last model's score minus that of the one before it, question by question."""
    ours, control = scored[-1], scored[-2]
    found = {}
    for task in tasks:
        by_id = {row["id"]: float(row.get("score", row["right"])) for row in control.samples[task]}
        found[task] = [float(row.get("score", row["right"])) - by_id[row["id"]] for row in ours.samples[task]]
    return found


def paired(differences: Sequence[float]) -> dict[str, Any]:
    """Mean difference, its standard error, and p: exact McNemar where every score is 0 or 1, else the z-test."""
    found: dict[str, Any] = {
        "n": len(differences),
        "difference": mean(differences),
        "stderr": mean_stderr(differences),
        "only_first_right": sum(value > 0 for value in differences),
        "only_second_right": sum(value < 0 for value in differences),
    }
    if set(differences) <= {-1.0, 0.0, 1.0}:
        return found | {"test": "mcnemar", "p": mcnemar_exact(found["only_first_right"], found["only_second_right"])}
    return found | {"test": "z", "p": normal_two_sided(found["difference"], found["stderr"])}


def _paired_average(difference: Score | None) -> dict[str, Any]:
    assert difference is not None
    return {
        "difference": difference.score,
        "stderr": difference.stderr,
        "test": "z",
        "p": normal_two_sided(difference.score, difference.stderr),
    }


def _reasons(scored: Scored) -> list[tuple[str, int]]:
    counts = Counter(sample["reason"] for rows in scored.samples.values() for sample in rows)
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
