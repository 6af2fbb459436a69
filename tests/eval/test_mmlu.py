"""MMLU offline: lm-eval's own tasks on the authors' CSV files."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from eval.tasks.mmlu.local_copy import SPLITS, load_tasks, read_rows, write_copy
from records.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
REAL = Path(os.environ.get("SHARED_DATA", ROOT.parent / "shared" / "data")) / "benchmarks" / "mmlu" / "mmlu.zip"
SUBJECTS = ("anatomy", "virology")


@pytest.fixture(scope="module")
def packed(tmp_path_factory) -> Path:
    """A made-up zip file in the authors' form: quotes, commas, line ends within a field, blanks around the text."""
    path = tmp_path_factory.mktemp("mmlu") / "mmlu.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for subject in SUBJECTS:
            for folder, count in (("dev", 5), ("val", 2), ("test", 4)):
                text = io.StringIO(newline="")
                for number in range(count):
                    question = f'  In {subject}, {folder} "{number}" is,\nas they say,  '
                    csv.writer(text).writerow([question, "1, one", "2", '"3"', f"{number}", "ABCD"[number % 4]])
                archive.writestr(f"data/{folder}/{subject}_{folder}.csv", text.getvalue())
    return path


def lm_eval_yaml(subject: str) -> dict:
    import lm_eval

    folder = Path(lm_eval.__file__).parent / "tasks" / "mmlu" / "default"
    shared = yaml.safe_load((folder / "_default_template_yaml").read_text())
    return shared | yaml.safe_load((folder / f"mmlu_{subject}.yaml").read_text())


def contexts(task) -> list[tuple[str, list[str], int]]:
    task.set_fewshot_seed(seed=1234)
    task.build_all_requests()
    by_doc: dict[int, list] = {}
    for request in task.instances:
        by_doc.setdefault(request.doc_id, []).append(request.args)
    return [(args[0][0], [choice for _, choice in args], n) for n, args in sorted(by_doc.items())]


@pytest.mark.parametrize("shots", [0, 5])
def test_prompts_choices_and_few_shot_order_are_those_of_lm_evals_yaml(packed, tmp_path, shots):
    """Rebuilt here with jinja from the YAML and Python's csv alone."""
    from jinja2 import Template

    copy = write_copy(packed, tmp_path / "cais" / "mmlu")
    loaded = load_tasks(shots, copy, SUBJECTS)
    for subject in SUBJECTS:
        config = lm_eval_yaml(subject)
        template = Template(config["doc_to_text"])
        rows = {}
        with zipfile.ZipFile(packed) as archive:
            for folder in ("dev", "test"):
                text = archive.read(f"data/{folder}/{subject}_{folder}.csv").decode()
                rows[folder] = list(csv.reader(io.StringIO(text, newline="")))
        asked = [template.render(question=row[0], choices=row[1:5]) for row in rows["test"]]
        shown = [f"{template.render(question=row[0], choices=row[1:5])} {row[5]}\n\n" for row in rows["dev"]]
        expected = [config["description"] + "".join(shown[:shots]) + text for text in asked]
        got = contexts(loaded["tasks"][f"mmlu_{subject}"])
        assert [prompt for prompt, _, _ in got] == expected
        assert all(choices == [" A", " B", " C", " D"] for _, choices, _ in got)
        task = loaded["tasks"][f"mmlu_{subject}"]
        answers = [task.doc_to_target(doc) for doc in task.test_docs()]
        assert ["ABCD"[answer] for answer in answers] == [row[5] for row in rows["test"]]


def test_the_copy_is_written_once_and_anew_when_the_source_changes(packed, tmp_path):
    target = write_copy(packed, tmp_path / "copy")
    stamp = target / "anatomy" / "test.parquet"
    before = stamp.stat().st_mtime_ns
    write_copy(packed, target)
    assert stamp.stat().st_mtime_ns == before
    other = tmp_path / "other.zip"
    other.write_bytes(packed.read_bytes())
    with zipfile.ZipFile(other, "a") as archive:
        for folder in SPLITS.values():
            archive.writestr(f"data/{folder}/astronomy_{folder}.csv", "q,a,b,c,d,A\n")
    write_copy(other, target)
    assert (target / "astronomy" / "test.parquet").is_file()


@pytest.mark.parametrize("spoil", ["short", "letter", "no_zip"])
def test_spoilt_files_are_named(packed, tmp_path, spoil):
    path = tmp_path / "mmlu.zip"
    if spoil == "no_zip":
        path.write_bytes(b"PK not a zip")
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("data/dev/a_dev.csv", "q,a,b,c\n" if spoil == "short" else "q,a,b,c,d,E\n")
    with pytest.raises(UserError, match=r"mmlu\.zip"):
        read_rows(path)


def test_command_says_what_is_missing(tmp_path):
    environment = {**os.environ, "BENCH_DATA": str(tmp_path)}
    command = [sys.executable, "-m", "eval.tasks.mmlu.local_copy", str(tmp_path / "out")]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert ran.returncode == 2
    assert "mmlu/mmlu.zip is missing" in ran.stderr and "BENCH_DATA" in ran.stderr


@pytest.mark.skipif(not REAL.is_file(), reason=f"{REAL} is absent")
def test_real_data_has_every_question():
    rows = read_rows(REAL)
    assert len(rows) == 57
    counts = {split: sum(len(part[split]) for part in rows.values()) for split in SPLITS}
    assert counts == {"test": 14_042, "validation": 1_531, "dev": 285}


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_file(), reason=f"{REAL} is absent")
def test_real_group_loads_whole_and_weighs_by_size(tmp_path):
    loaded = load_tasks(0, write_copy(REAL, tmp_path / "mmlu"))
    assert len(loaded["tasks"]) == 57
    assert set(loaded["groups"]) == {"mmlu", "mmlu_stem", "mmlu_other", "mmlu_social_sciences", "mmlu_humanities"}
    assert sum(len(task.test_docs()) for task in loaded["tasks"].values()) == 14_042


@pytest.mark.skipif(not REAL.is_file(), reason=f"{REAL} is absent")
def test_registry_entry(monkeypatch, tmp_path):
    from eval.benchmarks import registry
    from eval.tasks.mmlu import benchmark

    monkeypatch.setenv("BENCH_DATA", str(REAL.parents[1]))
    monkeypatch.setenv("BUILD", str(tmp_path))
    benchmark._counts.cache_clear()
    entry = registry()["mmlu"]
    assert sum(len(entry.ids(task)) for task in entry.tasks) == 14_042 and len(entry.tasks) == 57
    assert not entry.missing() and entry.source().version == "0-shot"
    monkeypatch.setenv("MMLU_SHOTS", "5")
    assert entry.source().version == "5-shot"
    loaded = benchmark.load_mmlu(["mmlu_anatomy"])
    assert len(loaded["tasks"]["mmlu_anatomy"].test_docs()) == len(entry.ids("mmlu_anatomy"))
    assert loaded["tasks"]["mmlu_anatomy"].config.num_fewshot == 5
    monkeypatch.setenv("MMLU_SHOTS", "3")
    with pytest.raises(UserError, match="MMLU_SHOTS"):
        entry.source()
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    assert set(entry.missing()) == set(entry.tasks)
    benchmark._counts.cache_clear()
