"""The report's numbers, computed again from the samples by other means."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import pytest

from eval.report import aggregate, compare, write_report
from eval.statistics import mcnemar_exact, mean_stderr
from eval.tasks.bfcl.questions import CATEGORIES
from records.errors import UserError


@pytest.fixture
def results(tmp_path: Path) -> list[tuple[str, Path]]:
    """Three made-up results on the same questions."""
    chance = random.Random(2)
    made = []
    for role, skill in (("base", 0.02), ("control", 0.3), ("ours", 0.45)):
        folder = tmp_path / role
        (folder / "samples").mkdir(parents=True)
        tasks = {}
        for category in CATEGORIES:
            rows = []
            for number in range(40):
                right = chance.random() < skill
                rows.append({"id": f"{category}_{number}", "right": right, "reason": "right" if right else "words"})
            text = "\n".join(map(json.dumps, rows))
            (folder / "samples" / f"bfcl_{category}.jsonl").write_text(text)
            tasks[f"bfcl_{category}"] = {"version": "1.0", "n": 40}
        record = {
            "name": role,
            "label": role.title(),
            "model": role,
            "tasks": tasks,
            "questions_sha256": dict.fromkeys(CATEGORIES, "same"),
            "backend": "packed",
            "decoding": {"compute_type": "float32"},
        }
        (folder / "results.json").write_text(json.dumps({"record": record}))
        made.append((role, folder))
    return made


def rights(folder: Path, category: str) -> list[bool]:
    lines = (folder / "samples" / f"bfcl_{category}.jsonl").read_text().splitlines()
    return [json.loads(line)["right"] for line in lines]


def test_report_says_what_the_samples_say(results, tmp_path):
    import numpy
    from scipy.stats import binomtest

    report = write_report(results, tmp_path / "report")
    for category in CATEGORIES:
        row = report["categories"][category]
        for role, folder in results:
            right = numpy.array(rights(folder, category), dtype=float)
            p = right.mean()
            assert row["scores"][role]["score"] == pytest.approx(p)
            assert row["scores"][role]["stderr"] == pytest.approx(math.sqrt(p * (1 - p) / (len(right) - 1)))
        control, ours = (numpy.array(rights(folder, category), dtype=float) for _, folder in results[1:])
        paired = row["paired"]
        assert paired["difference"] == pytest.approx((ours - control).mean())
        assert paired["stderr"] == pytest.approx((ours - control).std(ddof=1) / math.sqrt(40))
        won, lost = int((ours > control).sum()), int((ours < control).sum())
        assert (paired["only_first_right"], paired["only_second_right"]) == (won, lost)
        assert paired["p"] == pytest.approx(binomtest(won, won + lost).pvalue if won + lost else 1.0)
    every = {role: [numpy.mean(rights(folder, c)) for c in CATEGORIES] for role, folder in results}
    for role, scores in every.items():
        assert report["summary"]["mean"][role] == pytest.approx(numpy.mean(scores))
        by_hand = (numpy.mean(scores[:3]) + scores[3] + scores[4] + scores[5]) / 4
        assert report["summary"]["bfcl_non_live_ast"][role] == pytest.approx(by_hand)
    assert sum(report["reasons"]["ours"].values()) == 40 * len(CATEGORIES)
    text = (tmp_path / "report" / "report.md").read_text()
    first = report["categories"]["simple_python"]["scores"]["ours"]
    assert f"{100 * first['score']:.1f} ± {100 * first['stderr']:.1f}" in text


def test_bfcl_aggregation_is_the_official_one():
    """By the function of bfcl_eval's score table, read from the wheel's source."""
    import ast
    import zipfile

    from records.assets import asset

    with zipfile.ZipFile(asset("bfcl-eval").path) as wheel:
        tree = ast.parse(wheel.read("bfcl_eval/eval_checker/eval_runner_helper.py"))
    name = "calculate_unweighted_accuracy"
    tree.body = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
    names: dict = {}
    exec(compile(tree, "eval_runner_helper.py", "exec"), names)
    chance = random.Random(4)
    scores = {category: chance.random() for category in CATEGORIES}

    def entry(value):
        return {"accuracy": value, "total_count": 1, "display_accuracy": value}

    simple = names[name]([entry(scores[c]) for c in CATEGORIES[:3]])
    whole = names[name]([simple, *[entry(scores[c]) for c in CATEGORIES[3:6]]])
    assert aggregate(scores, "bfcl_non_live_ast") == pytest.approx(whole["accuracy"])


@pytest.mark.parametrize("change", ["version", "questions", "backend"])
def test_results_that_do_not_belong_together_are_refused(results, tmp_path, change):
    path = results[1][1] / "results.json"
    values = json.loads(path.read_text())
    if change == "version":
        values["record"]["tasks"]["bfcl_parallel"]["version"] = "2.0"
    elif change == "questions":
        values["record"]["questions_sha256"]["parallel"] = "others"
    else:
        values["record"]["backend"] = "hf"
    path.write_text(json.dumps(values))
    with pytest.raises(UserError, match="were evaluated with different"):
        write_report(results, tmp_path / "report")
    assert not (tmp_path / "report" / "report.md").exists()


def test_one_model_has_a_report_without_pairs(results, tmp_path):
    report = write_report(results[:1], tmp_path / "report")
    assert "paired" not in report and "McNemar" not in (tmp_path / "report" / "report.md").read_text()


def test_report_is_the_same_bytes_again(results, tmp_path):
    write_report(results, tmp_path / "one")
    write_report(results, tmp_path / "two")
    for name in ("report.json", "report.md", "figures/scores.png"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_missing_result_is_named(tmp_path):
    with pytest.raises(UserError, match=r"results\.json is missing; run `make eval`"):
        write_report([("base", tmp_path / "none")], tmp_path / "report")


def test_mcnemar_and_stderr_match_scipy():
    from scipy.stats import binomtest, sem

    for won in range(12):
        for lost in range(12):
            expected = binomtest(won, won + lost).pvalue if won + lost else 1.0
            assert mcnemar_exact(won, lost) == pytest.approx(expected)
    values = [1, 0, 0, 1, 1, 0, 1]
    assert mean_stderr(values) == pytest.approx(sem(values))


def test_compare_needs_no_files(results):
    from eval.report import _read

    assert set(compare([_read(role, folder) for role, folder in results])["summary"]) == {"mean", "bfcl_non_live_ast"}
