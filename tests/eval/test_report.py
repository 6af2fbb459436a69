"""The report's numbers, computed again from the samples by other means."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import pytest

from eval.benchmarks import registry, weighted
from eval.report import compare, write_report
from eval.statistics import mcnemar_exact, mean_stderr
from eval.tasks.bfcl.questions import CATEGORIES, LIVE, NON_LIVE
from records.errors import UserError

SOURCE = {"name": "bfcl-eval", "version": "1", "sha256": "0" * 64}


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
            "benchmarks": {
                "bfcl_v2": {"title": "BFCL-v2", "rule": "r", "source": SOURCE, "scorer_sha256": "s", "of": 3641}
            },
            "questions_sha256": dict.fromkeys(tasks, "same"),
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
        row = report["benchmarks"]["bfcl_v2"]["tasks"][f"bfcl_{category}"]
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
    averages = report["benchmarks"]["bfcl_v2"]["averages"]
    for role, folder in results:
        scores = [numpy.mean(rights(folder, c)) for c in NON_LIVE]
        by_hand = (numpy.mean(scores[:3]) + scores[3] + scores[4] + scores[5]) / 4
        assert averages["non_live_ast"]["scores"][role]["score"] == pytest.approx(by_hand)
        assert averages["live_overall"]["scores"][role]["score"] == pytest.approx(
            numpy.mean([right for c in LIVE for right in rights(folder, c)])
        )
    assert sum(report["reasons"]["ours"].values()) == 40 * len(CATEGORIES)
    text = (tmp_path / "report" / "report.md").read_text()
    first = report["benchmarks"]["bfcl_v2"]["tasks"]["bfcl_simple_python"]["scores"]["ours"]
    assert f"{100 * first['score']:.1f} ± {100 * first['stderr']:.1f}" in text


@pytest.mark.parametrize("change", ["version", "questions", "backend", "data", "scorer", "decoding"])
def test_results_that_do_not_belong_together_are_refused(results, tmp_path, change):
    path = results[1][1] / "results.json"
    values = json.loads(path.read_text())
    if change == "version":
        values["record"]["tasks"]["bfcl_parallel"]["version"] = "2.0"
    elif change == "questions":
        values["record"]["questions_sha256"]["bfcl_parallel"] = "others"
    elif change == "data":
        values["record"]["benchmarks"]["bfcl_v2"]["source"] = SOURCE | {"sha256": "1" * 64}
    elif change == "scorer":
        values["record"]["benchmarks"]["bfcl_v2"]["scorer_sha256"] = "other"
    elif change == "decoding":
        values["record"]["decoding"] = {"mode": "constrained"}
    else:
        values["record"]["backend"] = "hf"
    path.write_text(json.dumps(values))
    with pytest.raises(UserError, match="were evaluated with different"):
        write_report(results, tmp_path / "report")
    assert not (tmp_path / "report" / "report.md").exists()


def test_seeds_are_averaged_and_each_compared_with_its_own_control(results, tmp_path):
    import shutil

    import numpy

    base, control, ours = results
    further = []
    for seed in (2, 3):
        for (role, folder), skill in ((control, 0.25), (ours, 0.5)):
            copied = tmp_path / f"{role}-seed{seed}"
            shutil.copytree(folder, copied)
            chance = random.Random(seed)
            for file in (copied / "samples").glob("*.jsonl"):
                rows = [json.loads(line) | {"right": chance.random() < skill} for line in file.read_text().splitlines()]
                file.write_text("\n".join(map(json.dumps, rows)))
            further.append((f"{role}-seed{seed}", copied))
    report = write_report([base, *further, control, ours], tmp_path / "report")
    assert report["paired"] == {"of": "ours", "against": "control"}, "the pair is that of the first seed"
    found, folders = report["seeds"], dict([*further, control, ours])
    assert found["roles"] == [["ours", "control"], ["ours-seed2", "control-seed2"], ["ours-seed3", "control-seed3"]]
    means = {role: numpy.mean(rights(folder, "parallel")) for role, folder in folders.items()}
    by_hand = [means[one] - means[other] for one, other in found["roles"]]
    row = found["rows"]["bfcl_parallel"]
    assert row["difference"]["by_seed"] == pytest.approx(by_hand)
    assert row["difference"]["mean"] == pytest.approx(numpy.mean(by_hand))
    assert row["difference"]["stderr"] == pytest.approx(numpy.std(by_hand, ddof=1) / math.sqrt(3))
    ours_alone = [means[one] for one, _ in found["roles"]]
    assert row["ours"] == pytest.approx({"mean": numpy.mean(ours_alone), "sd": numpy.std(ours_alone, ddof=1)})
    text = (tmp_path / "report" / "report.md").read_text()
    assert f"| {100 * row['difference']['mean']:+.1f} ± {100 * row['difference']['stderr']:.1f} |" in text
    assert "3 seeds of fine-tuning each" in text
    assert "seeds" not in write_report(results, tmp_path / "one seed")


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

    found = compare([_read(role, folder) for role, folder in results])
    assert set(found["benchmarks"]["bfcl_v2"]["averages"]) == {"headline", *registry()["bfcl_v2"].averages}
    assert found["benchmarks"]["bfcl_v2"]["averages"]["headline"]["paired"]["test"] == "z"


def test_an_average_without_its_tasks_is_none():
    assert weighted({"bfcl_multiple": [1.0, 0.0]}, registry()["bfcl_v2"].weights) is None


def test_a_benchmark_that_was_not_scored_is_in_the_report(results, tmp_path):
    for _, folder in results:
        values = json.loads((folder / "results.json").read_text())
        sentence = "not scored: missing the data of X (make x)"
        values["record"]["benchmarks"]["bfcl_v1"] = {"title": "X", "rule": "r", "not_scored": {"x": sentence}}
        values["record"]["tasks"] = {t: v for t, v in values["record"]["tasks"].items() if "live" in t}
        (folder / "results.json").write_text(json.dumps(values))
    write_report(results, tmp_path / "report")
    text = (tmp_path / "report" / "report.md").read_text()
    assert "missing the data of X (make x)" in text


def test_data_for_the_hub_are_what_its_library_reads(results, tmp_path):
    import yaml
    from huggingface_hub import parse_eval_result_entries
    from huggingface_hub.repocard_data import model_index_to_eval_results

    folder = results[0][1]
    values = json.loads((folder / "results.json").read_text())
    values["record"]["benchmarks"]["bfcl_v2"] |= {"score": 0.25, "stderr": 0.01, "n": 100, "hub_dataset": "a/b"}
    (folder / "results.json").write_text(json.dumps(values))
    write_report(results[:1], tmp_path / "report")
    entry = parse_eval_result_entries(yaml.safe_load((folder / ".eval_results" / "bfcl_v2.yaml").read_text()))[0]
    assert (entry.dataset_id, entry.task_id, entry.value) == ("a/b", "bfcl_v2", 25.0) and "n=100 of 3641" in entry.notes
    name, rows = model_index_to_eval_results(yaml.safe_load((folder / "model_index.yaml").read_text()))
    assert name == "base" and rows[0].metric_value == 25.0


@pytest.mark.parametrize("name", list(registry()))
def test_every_benchmark_has_its_score_in_the_forms_of_the_hub(results, tmp_path, name):
    """`.eval_results` for data sets of the Hub alone, model-index for all; whole, partial, and not scored."""
    import yaml
    from huggingface_hub import parse_eval_result_entries
    from huggingface_hub.repocard_data import model_index_to_eval_results

    from eval.model_index import write_model_index

    benchmark, (_, folder) = registry()[name], results[0]
    entry = {"title": benchmark.title, "rule": benchmark.rule, "source": SOURCE, "of": 90}
    entry |= {"hub_dataset": benchmark.hub_dataset, "percent": benchmark.percent, "partial": "2 of 3 parts alone"}
    values = json.loads((folder / "results.json").read_text())

    def write(**score):
        values["record"]["benchmarks"] = {name: entry | score}
        (folder / "results.json").write_text(json.dumps(values))
        write_model_index(folder)
        return sorted(file.name for file in (folder / ".eval_results").iterdir())

    files = write(score=0.125, stderr=0.02, n=30)
    assert files == ([f"{name}.yaml"] if benchmark.hub_dataset else [])
    for file in files:
        (found,) = parse_eval_result_entries(yaml.safe_load((folder / ".eval_results" / file).read_text()))
        assert (found.dataset_id, found.task_id, found.value) == (benchmark.hub_dataset, name, 12.5)
        assert "n=30 of 90" in found.notes and found.notes.startswith(
            "2 of 3 parts alone; percent, standard error 2.00"
        )
    _, (row,) = model_index_to_eval_results(yaml.safe_load((folder / "model_index.yaml").read_text()))
    assert (row.metric_value, row.dataset_type) == (12.5, name)
    assert row.metric_type == ("accuracy" if benchmark.percent else "overall score")
    assert "2 of 3 parts alone" in row.metric_name and "n=30" in row.metric_name
    assert write() == [] and yaml.safe_load((folder / "model_index.yaml").read_text())[0]["results"] == []
