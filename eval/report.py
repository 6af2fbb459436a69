"""Models side by side: report.json, report.md and a figure, from results.json and the samples alone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.statistics import mcnemar_exact, mean, mean_stderr
from eval.tasks.bfcl.questions import CATEGORIES
from records.errors import UserError
from records.files import read_json, sha256_file, sha256_json, write_json, write_text
from records.marks import is_done, set_done

SIMPLE = ("simple_python", "simple_java", "simple_javascript")


@dataclass(frozen=True)
class Scored:
    """The results of one model."""

    role: str
    record: dict[str, Any]
    samples: dict[str, list[dict[str, Any]]]
    """By category."""


def write_report(results: Sequence[tuple[str, Path]], target: Path) -> dict[str, Any]:
    """Write report.json, report.md and figures/scores.png to `target`, unless they are there for the same results.

    Args:
        results: role and folder (with results.json and samples/) of each model; with two or more, the last two are
            compared question by question.

    Raises:
        UserError: a result is missing, or versions, questions or decoding differ.
    """
    inputs = [[role, sha256_file(_existing(folder / "results.json"))] for role, folder in results]
    wanted = sha256_json([inputs, sha256_file(Path(__file__))])
    mark = target / ".report.done.json"
    if not is_done(mark, wanted):
        scored = [_read(role, folder) for role, folder in results]
        report = compare(scored)
        write_json(target / "report.json", report)
        write_text(target / "report.md", as_markdown(report))
        from eval.figures import draw_scores

        draw_scores(report, target / "figures" / "scores.png")
        set_done(mark, wanted)
    return dict(read_json(target / "report.json", "make eval"))


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise UserError(f"{path} is missing; run `make eval` first")
    return path


def _read(role: str, folder: Path) -> Scored:
    record = read_json(folder / "results.json", "make eval")["record"]
    samples = {}
    for task in sorted(record["tasks"], key=lambda name: CATEGORIES.index(name.removeprefix("bfcl_"))):
        text = _existing(folder / "samples" / f"{task}.jsonl").read_text(encoding="utf-8")
        samples[task.removeprefix("bfcl_")] = [json.loads(line) for line in text.splitlines()]
    return Scored(role, record, samples)


def compare(scored: Sequence[Scored]) -> dict[str, Any]:
    """The report as plain data.

    Raises:
        UserError: the results do not belong side by side.
    """
    first = scored[0]
    for other in scored[1:]:
        _require_equal(first, other)
    categories = list(first.samples)
    report: dict[str, Any] = {
        "models": [{"role": s.role, "label": s.record["label"], "sha256": s.record["model"]} for s in scored],
        "backend": first.record["backend"],
        "decoding": first.record["decoding"],
        "categories": {category: _row(scored, category) for category in categories},
        "summary": {name: _summary(scored, categories, name) for name in ("mean", "bfcl_non_live_ast")},
        "reasons": {s.role: dict(_reasons(s)) for s in scored},
    }
    if len(scored) > 1:
        report["paired"] = {"of": scored[-1].role, "against": scored[-2].role, "all": _paired(scored, categories)}
        for category in categories:
            report["categories"][category]["paired"] = _paired(scored, [category])
    return report


def _require_equal(first: Scored, other: Scored) -> None:
    def versions(record: dict[str, Any]) -> dict[str, str]:
        return {task: values["version"] for task, values in record["tasks"].items()}

    a, b = first.record, other.record
    for what, left, right in (
        ("versions", versions(a), versions(b)),
        ("question sets", a["questions_sha256"], b["questions_sha256"]),
        ("backends", a["backend"], b["backend"]),
        ("decoding", a["decoding"], b["decoding"]),
    ):
        if left != right:
            raise UserError(
                f"{a['name']} and {b['name']} were evaluated with different {what} ({left} and {right}); "
                "run `make eval` for both"
            )


def _rights(scored: Scored, category: str) -> list[int]:
    return [int(sample["right"]) for sample in scored.samples[category]]


def _row(scored: Sequence[Scored], category: str) -> dict[str, Any]:
    task = scored[0].record["tasks"][f"bfcl_{category}"]
    scores = {}
    for model in scored:
        rights = _rights(model, category)
        scores[model.role] = {"score": mean(rights), "stderr": mean_stderr(rights), "right": sum(rights)}
    return {"n": len(scored[0].samples[category]), "version": task["version"], "scores": scores}


def _summary(scored: Sequence[Scored], categories: list[str], name: str) -> dict[str, float]:
    return {s.role: aggregate({c: mean(_rights(s, c)) for c in categories}, name) for s in scored}


def aggregate(scores: dict[str, float], name: str) -> float:
    """One number from scores by category.

    Args:
        name: `mean` over all categories with equal weights, or `bfcl_non_live_ast`, BFCL's own: `simple` is the mean of
            the three languages, and the result the mean of simple, multiple, parallel and parallel_multiple
            (bfcl_eval/eval_checker/eval_runner_helper.py); irrelevance is not part of it.
    """
    if name == "mean":
        return mean(list(scores.values()))
    simple = mean([scores[category] for category in SIMPLE])
    return mean([simple, scores["multiple"], scores["parallel"], scores["parallel_multiple"]])


def _paired(scored: Sequence[Scored], categories: list[str]) -> dict[str, Any]:
    ours, control = (_by_id(model, categories) for model in (scored[-1], scored[-2]))
    differences = [ours[question] - control[question] for question in ours]
    gained, lost = differences.count(1), differences.count(-1)
    return {
        "n": len(differences),
        "difference": mean(differences),
        "stderr": mean_stderr(differences),
        "only_first_right": gained,
        "only_second_right": lost,
        "p": mcnemar_exact(gained, lost),
    }


def _by_id(scored: Scored, categories: list[str]) -> dict[str, int]:
    return {sample["id"]: int(sample["right"]) for category in categories for sample in scored.samples[category]}


def _reasons(scored: Scored) -> list[tuple[str, int]]:
    counts = Counter(sample["reason"] for rows in scored.samples.values() for sample in rows)
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def as_markdown(report: dict[str, Any]) -> str:
    """The report for people."""
    roles = [model["role"] for model in report["models"]]
    lines = ["# Function calling, BFCL non-live", ""]
    lines += [f"- **{model['role']}**: {model['label']}" for model in report["models"]]
    lines += ["", *_table(report, roles), "", *_notes(report), "", *_reason_table(report, roles), ""]
    return "\n".join(lines)


def _table(report: dict[str, Any], roles: list[str]) -> list[str]:
    paired = report.get("paired")
    head = ["category", "n", *roles] + ([f"{paired['of']} − {paired['against']}", "p"] if paired else [])
    rows = [head, ["---", *["---:"] * (len(head) - 1)]]
    for category, row in report["categories"].items():
        cells = [category, str(row["n"])]
        cells += [f"{100 * row['scores'][r]['score']:.1f} ± {100 * row['scores'][r]['stderr']:.1f}" for r in roles]
        rows.append(cells + (_paired_cells(row["paired"]) if paired else []))
    number = sum(row["n"] for row in report["categories"].values())
    for name, title in (("mean", "**mean over categories**"), ("bfcl_non_live_ast", "**BFCL non-live AST**")):
        cells = [title, str(number) if name == "mean" else ""]
        cells += [f"{100 * report['summary'][name][role]:.1f}" for role in roles]
        rows.append(cells + ([""] * 2 if paired else []))
    if paired:
        whole = paired["all"]
        rows.append(["all questions, paired", str(whole["n"]), *[""] * len(roles), *_paired_cells(whole)])
    return [f"| {' | '.join(cells)} |" for cells in rows]


def _paired_cells(paired: dict[str, Any]) -> list[str]:
    return [f"{100 * paired['difference']:+.1f} ± {100 * paired['stderr']:.1f}", f"{paired['p']:.3g}"]


def _notes(report: dict[str, Any]) -> list[str]:
    version = next(iter(report["categories"].values()))["version"]
    decoding = report["decoding"]
    notes = [
        f"Percent right ± standard error; tasks {version}, official `ast_checker`; irrelevance is right when nothing "
        f"is called. Greedy decoding with {report['backend']} in {decoding['compute_type']}.",
        "The mean over categories gives all the same weight and is this project's own summary. BFCL non-live AST is "
        "BFCL's: simple is the mean of its three languages, then the mean of simple, multiple, parallel and "
        "parallel_multiple.",
    ]
    if "paired" in report:
        pair = report["paired"]
        notes.append(
            f"{pair['of']} − {pair['against']}: the same questions answered by both; p is the exact two-sided McNemar "
            "test on the questions that only one of them has right."
        )
    return [line for note in notes for line in (note, "")][:-1]


def _reason_table(report: dict[str, Any], roles: list[str]) -> list[str]:
    reasons: Counter[str] = Counter()
    for counts in report["reasons"].values():
        reasons.update(counts)
    rows = [["verdict", *roles], ["---", *["---:"] * len(roles)]]
    for reason, _ in sorted(reasons.items(), key=lambda item: (-item[1], item[0])):
        rows.append([f"`{reason}`", *[str(report["reasons"][role].get(reason, 0)) for role in roles]])
    return ["## Why answers are right or wrong", "", *[f"| {' | '.join(cells)} |" for cells in rows]]
