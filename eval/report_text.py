"""The report for people: Markdown from the plain data of `report.compare`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

TABLE_END = 40
"""Tasks of a benchmark shown one by one; a benchmark with more has only its averages in the table."""


def as_markdown(report: dict[str, Any]) -> str:
    """Headlines of all benchmarks, then each benchmark by task, then why answers are right or wrong."""
    roles = [model["role"] for model in report["models"]]
    lines = ["# Evaluation", ""]
    lines += [f"- **{model['role']}**: {model['label']}" for model in report["models"]]
    lines += ["", *_headlines(report, roles), "", *_notes(report), *_seeds(report)]
    for name, benchmark in report["benchmarks"].items():
        if benchmark["tasks"]:
            lines += ["", *_benchmark(name, benchmark, report, roles)]
    lines += ["", *_reason_table(report, roles), ""]
    return "\n".join(lines)


def _headlines(report: dict[str, Any], roles: Sequence[str]) -> list[str]:
    rows = [_head("benchmark", report, roles)]
    lines = []
    for name, benchmark in report["benchmarks"].items():
        headline = benchmark["averages"].get("headline")
        if headline:
            title = f"**{benchmark['title']}**" + (" (partial)" if "partial" in benchmark else "")
            rows.append(_row(title, headline, report, roles))
            lines += [f"- {benchmark['title']}: {benchmark['partial']}"] if "partial" in benchmark else []
        else:
            reasons = sorted(set(benchmark.get("not_scored", {}).values())) or ["not scored: no question asked"]
            lines.append(f"- {benchmark['title']} (`{name}`): {'; '.join(reasons)}")
    return [*_table(rows), *(["", *lines] if lines else [])]


def _seeds(report: dict[str, Any]) -> list[str]:
    """The pair over the seeds they were trained with: what one seed shows may be luck."""
    found = report.get("seeds")
    if not found:
        return []
    ours, control = found["of"], found["against"]
    head = ["", "n", control, ours, f"{ours} − {control}", "by seed"]
    rows = [head]
    for title, row in found["rows"].items():
        means = [f"{100 * row[role]['mean']:.1f} ± {100 * row[role]['sd']:.1f}" for role in (control, ours)]
        difference = row["difference"]
        each = ", ".join(f"{100 * value:+.1f}" for value in difference["by_seed"])
        rows.append(
            [title, str(row["n"]), *means, f"{100 * difference['mean']:+.1f} ± {100 * difference['stderr']:.1f}", each]
        )
    note = (
        f"{len(found['roles'])} seeds of fine-tuning each. Scores: mean ± standard deviation over the seeds; "
        "differences: mean ± its standard error over the seeds, which all answered the same questions."
    )
    return ["", "## Over the seeds", "", note, "", *_table(rows)]


def _benchmark(name: str, benchmark: dict[str, Any], report: dict[str, Any], roles: Sequence[str]) -> list[str]:
    source = benchmark["source"]
    rows = [_head("task", report, roles)]
    if len(benchmark["tasks"]) <= TABLE_END:
        rows += [_row(_short(task, name), row, report, roles) for task, row in benchmark["tasks"].items()]
    for average, row in benchmark["averages"].items():
        title = "headline" if average == "headline" else average.replace("_", " ")
        rows.append(_row(f"**{title}**", row, report, roles))
    picture = [f"![{benchmark['title']}](figures/{name}.png)", ""]
    asked = sum(row["n"] for row in benchmark["tasks"].values())
    lines = [f"## {benchmark['title']}", "", *_table(rows), "", *picture]
    lines.append(
        f"{asked:,} of {benchmark['of']:,} questions asked; data {source['name']} {source['version']} "
        f"(sha256 `{source['sha256'][:12]}…`). Headline: {benchmark['rule']}."
        + (f" Here a {benchmark['partial']}." if "partial" in benchmark else "")
    )
    parts = sorted({*benchmark.get("not_scored", {}).items(), *benchmark.get("left_out", {}).items()})
    return [*lines, *(["", *[f"- `{task}`: {reason}" for task, reason in parts]] if parts else [])]


def _short(task: str, benchmark: str) -> str:
    family = benchmark.split("_v")[0]
    return task.removeprefix(f"{benchmark}_").removeprefix(f"{family}_")


def _head(first: str, report: dict[str, Any], roles: Sequence[str]) -> list[str]:
    pair = report.get("paired")
    return [first, "n", *roles, *([f"{pair['of']} − {pair['against']}", "p"] if pair else [])]


def _row(title: str, row: dict[str, Any], report: dict[str, Any], roles: Sequence[str]) -> list[str]:
    cells = [title, str(row["n"])]
    cells += [f"{100 * row['scores'][r]['score']:.1f} ± {100 * row['scores'][r]['stderr']:.1f}" for r in roles]
    if "paired" not in report:
        return cells
    pair = row["paired"]
    return [*cells, f"{100 * pair['difference']:+.1f} ± {100 * pair['stderr']:.1f}", f"{pair['p']:.3g}"]


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    if len(rows) == 1:
        return []
    lines = [rows[0], ["---", *["---:"] * (len(rows[0]) - 1)], *rows[1:]]
    return [f"| {' | '.join(cells)} |" for cells in lines]


def _notes(report: dict[str, Any]) -> list[str]:
    decoding = report["decoding"]
    mode = decoding.get("mode", "free")
    how = "answers to questions with tools follow the tools' schema (constrained)" if mode == "constrained" else "free"
    notes = [
        f"Percent ± standard error. Greedy decoding, {how}, with {report['backend']} in {decoding['compute_type']}. "
        "An average's standard error is that of its tasks, weighted, taken as independent."
    ]
    if "paired" in report:
        pair = report["paired"]
        notes.append(
            f"{pair['of']} − {pair['against']}: the same questions answered by both; p is the exact two-sided McNemar "
            "test on the questions that only one of them has right, and for averages and scores between 0 and 1 the "
            "two-sided z-test of the paired difference."
        )
    return [line for note in notes for line in (note, "")][:-1]


def _reason_table(report: dict[str, Any], roles: Sequence[str]) -> list[str]:
    reasons: Counter[str] = Counter()
    for counts in report["reasons"].values():
        reasons.update(counts)
    rows = [["verdict", *roles]]
    for reason, _ in sorted(reasons.items(), key=lambda item: (-item[1], item[0])):
        rows.append([f"`{reason}`", *[str(report["reasons"][role].get(reason, 0)) for role in roles]])
    return ["## Why answers are right or wrong", "", *_table(rows)]
