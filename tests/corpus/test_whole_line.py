"""The command on the real wheels with a tiny recipe: workers, kill -9, reading back, errors."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from corpus.rows import CONFIGS, MAY_BE_EMPTY, TOKENISED
from records.recipe import ROOT

CAPS = "{botocore_apis: 60, google_apis: 60, python_apis: 40, code_files: 30, text_files: 40, trajectories: 15}"
RETRIEVAL = (
    "{seed_chunks: 24, candidate_chunks: null, neighbours: 10, min_score: 0.3, tokens: 32, prototypes: 12, topics: 4, "
    "sample: 40, rounds: 1}"
)
VARYING = {"run.json"}


def write_documents(folder: Path) -> str:
    """An OpenAPI document and a list of MCP tools, and the part of a recipe that names them."""
    name = {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}
    get = {"operationId": "getHat", "summary": "Finds one hat in the cloakroom.", "parameters": [name]}
    licence = {"name": "Apache 2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"}
    info = {"title": "Cloakroom", "version": "1", "license": licence}
    api = {"openapi": "3.0.0", "info": info, "paths": {"/hats/{name}": {"get": get}}}
    schema = {"type": "object", "properties": {"zone": {"type": "string", "description": "IANA name."}}}
    tools = [{"name": "get_time", "description": "Get the time in a zone.", "inputSchema": schema}]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cloakroom.json").write_text(json.dumps(api))
    (folder / "clock.json").write_text(json.dumps({"tools": tools}))
    mcp = f"{{path: {folder}/clock.json, license: MIT, attribution: The clock authors}}"
    return f"openapi: [{{path: {folder}/cloakroom.json}}], mcp: [{mcp}]"


def write_crawls(folder: Path) -> str:
    """Two folders of pages about calls, one under a licence that forbids rows, and what a recipe says of them."""
    about = (
        "Call the list operation to list the boxes of an account; pass the name of the box and a token of the page. "
    )
    for name in ("open", "copyleft"):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(6):
            html = (
                f"<html><body><main><p>{about * 3} This is page {number} of the {name} folder.</p></main></body></html>"
            )
            (folder / name / f"{number}.html").write_text(html)
    free = f"{{path: {folder}/open, format: html, license: MIT, attribution: The box authors}}"
    return f"crawls: [{free}, {{path: {folder}/copyleft, format: html, license: GPL-3.0-only}}]"


def tiny_recipe(folder: Path, workers: int) -> Path:
    text = (ROOT / "recipes" / "smoke.yaml").read_text()
    text = re.sub(r"^name: .*$", "name: tiny", text, flags=re.M)
    documents = write_documents(folder)
    text = re.sub(r"^  sources: .*$", f"  sources: {CAPS[:-1]}, {documents}}}", text, flags=re.M)
    text = re.sub(r"^  retrieval: .*$", f"  retrieval: {RETRIEVAL[:-1]}, {write_crawls(folder)}}}", text, flags=re.M)
    text = re.sub(r"calls: \{examples: \d+\}", "calls: {examples: 40}", text)
    text = re.sub(r"^  workers: .*$", f"  workers: {workers}", text, flags=re.M)
    file = folder / "tiny.yaml"
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def start(folder: Path, *options: str, recipe: Path | str, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "corpus", "--recipe", str(recipe), *options]
    settings = {**os.environ, "BUILD": str(folder / "build"), **environment}
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=settings,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def run(folder: Path, *options: str, recipe: Path | str, **environment: str) -> subprocess.CompletedProcess[str]:
    process = start(folder, *options, recipe=recipe, **environment)
    out, err = process.communicate(timeout=600)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def bytes_of(folder: Path) -> dict[str, str]:
    files = (file for file in sorted(folder.rglob("*")) if file.is_file() and file.name not in VARYING)
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the line ran with one worker, undisturbed."""
    folder = tmp_path_factory.mktemp("one")
    result = run(folder, recipe=tiny_recipe(folder, 1))
    assert result.returncode == 0, result.stderr
    return folder


def test_killed_twice_with_two_workers_gives_the_same_bytes(finished: Path, tmp_path: Path) -> None:
    recipe, work = tiny_recipe(tmp_path, 2), tmp_path / "build/tiny/work/corpus"
    for seen in (work / "sources/rows/00001.jsonl", work / "marks/dedup.json"):
        process = start(tmp_path, recipe=recipe)
        while not seen.exists() and process.poll() is None:
            time.sleep(0.05)
        assert process.poll() is None, process.communicate()[1]
        # The process group is this command's own: it was started in a session of its own.
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert not (tmp_path / "build/tiny/corpus").exists(), "what is not finished is not there"
    before = (work / "marks/retrieval.json").stat().st_mtime_ns
    result = run(tmp_path, recipe=recipe)
    assert result.returncode == 0, result.stderr
    assert (work / "marks/retrieval.json").stat().st_mtime_ns == before, "done once, not again"
    assert bytes_of(tmp_path / "build/tiny/corpus") == bytes_of(finished / "build/tiny/corpus")


def test_a_second_run_does_nothing(finished: Path) -> None:
    before = {file: file.stat().st_mtime_ns for file in (finished / "build").rglob("*")}
    result = run(finished, recipe=finished / "tiny.yaml")
    assert result.returncode == 0 and "done already" in result.stdout
    assert {file: file.stat().st_mtime_ns for file in (finished / "build").rglob("*")} == before


def test_a_damaged_corpus_is_put_together_again(finished: Path) -> None:
    folder = finished / "build/tiny/corpus"
    before = bytes_of(folder)
    (folder / "data/code/train-00000-of-00001.parquet").unlink()
    assert run(finished, recipe=finished / "tiny.yaml").returncode == 0
    assert bytes_of(folder) == before


def test_the_manifest_tells_the_truth(finished: Path) -> None:
    folder = finished / "build/tiny/corpus"
    manifest = json.loads((folder / "manifest.json").read_text())
    hashes = bytes_of(folder)
    assert {file["path"]: file["sha256"] for file in manifest["files"]} == {
        name: digest
        for name, digest in hashes.items()
        if name.startswith(("data/", "tokens/", "LICENSES/", "reports/"))
    }
    assert manifest["mix"]["actual"] == pytest.approx(manifest["mix"]["target"], abs=0.005)
    for config, totals in manifest["configs"].items():
        size = sum(
            (folder / "tokens" / config / f"{split}.ds").stat().st_size for split in ("train", "validation")
        ) if config in TOKENISED else 2 * totals["tokens"]  # fmt: skip
        assert totals["tokens"] == size // 2
    assert all(source["license"] and (folder / "LICENSES" / f"{source['name']}.txt").stat().st_size
               for source in manifest["sources"])  # fmt: skip
    by_name = {source["name"]: source for source in manifest["sources"]}
    assert by_name["cloakroom"]["license"] == "Apache-2.0" and by_name["clock"]["apis"] == 1
    assert "Apache License" in (folder / "LICENSES/cloakroom.txt").read_text()
    assert "The clock authors" in (folder / "LICENSES/clock.txt").read_text()
    text = (folder / "manifest.json").read_text()
    assert str(finished) not in text and str(ROOT) not in text


def test_crawls_are_candidates_and_copyleft_pages_no_rows(finished: Path) -> None:
    folder, step = finished / "build/tiny/corpus", finished / "build/tiny/work/corpus/retrieval"
    report = json.loads((folder / "reports/retrieval.json").read_text())
    assert {name: (crawl["may_enter"], crawl["pages"]) for name, crawl in report["crawls"].items()} == {
        "open": (True, 6), "copyleft": (False, 6),
    }  # fmt: skip
    candidates = set(json.loads((step / "candidates.json").read_text()))
    assert sum(name.startswith(("crawl/open/", "crawl/copyleft/")) for name in candidates) == 12
    measured = [json.loads(line) for line in (step / "measured.jsonl").read_text().splitlines()]
    assert not {row["id"] for row in measured} & set(json.loads((step / "hits.json").read_text()))
    rows = [row for file in folder.glob("data/*/*.parquet") for row in pq.read_table(file).to_pylist()]
    assert not [row["id"] for row in rows if row["source"] == "copyleft"]
    web = [json.loads(row["provenance"])["retrieval"] for row in pq.read_table(folder / "data/web").to_pylist()]
    assert web and all(found["seed"] and found["score"] >= 0.3 for found in web)
    assert report["cascade"]["embedded"] <= report["candidates"]
    assert (folder / "figures/retrieval_map.png").stat().st_size > 1000


def test_retrieval_is_compared_with_exact_search(finished: Path) -> None:
    from corpus import retrieval_study

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BUILD", str(finished / "build"))
        recipe = str(finished / "tiny.yaml")
        assert retrieval_study.main(["--recipe", recipe, "--checked", "40", "--output", str(finished / "study")]) == 0
    report = json.loads((finished / "study/report.json").read_text())
    assert report["checked"] == 40 and set(report["recall_at_k"]) <= {"1", "2", "3", "4", "5", "6", "7", "8", "9", "10"}
    assert set(report["first_stages"]) == {
        "student", "student_by_best_score", "tf_idf", "bm25", "static_token_embeddings", "fasttext_average",
    }  # fmt: skip
    assert all(0 < row["share_needed"] <= 1 for row in report["first_stages"].values())


def test_leaks_planted_in_its_rows_are_found(finished: Path) -> None:
    from corpus import bench_leaks

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BUILD", str(finished / "build"))
        recipe, output = str(finished / "tiny.yaml"), finished / "leaks.json"
        assert bench_leaks.main(["--recipe", recipe, "--items", "40", "--output", str(output)]) == 0
    report = json.loads(output.read_text())
    assert report["planted"] == 200 and report["recall"] >= 0.99 and report["found_in_clean_rows"] == 0


def test_every_config_loads(finished: Path) -> None:
    from datasets import config, load_dataset

    assert str(config.HF_DATASETS_CACHE).startswith(os.environ["HF_HOME"]), "rows of another run might be loaded"

    folder = finished / "build/tiny/corpus"
    manifest = json.loads((folder / "manifest.json").read_text())
    front = yaml.safe_load((folder / "README.md").read_text().split("---\n")[1])
    names = [config["config_name"] for config in front["configs"]]
    assert set(CONFIGS) - set(MAY_BE_EMPTY) <= set(names) and front["license_link"] == "LICENSES"
    infos = {info["config_name"]: info["splits"] for info in front["dataset_info"]}
    assert set(infos) == set(names), "load_dataset tells folders of one name apart by these"
    for name in names:
        loaded = load_dataset(str(folder), name)
        assert {split["name"]: split["num_examples"] for split in infos[name]} == {k: len(v) for k, v in loaded.items()}
        assert sum(map(len, loaded.values())) == manifest["configs"][name]["documents"]
        assert set(loaded) == {"train", "validation"} and loaded["train"][0]["license"]


def test_croissant_describes_every_file(finished: Path) -> None:
    import mlcroissant

    folder = finished / "build/tiny/corpus"
    described = mlcroissant.Dataset(jsonld=str(folder / "croissant.json"))
    assert not described.metadata.ctx.issues.errors
    names = {record_set.id for record_set in described.metadata.record_sets}
    assert {f"data/{name}.parquet" for name in names} == {
        file.relative_to(folder).as_posix() for file in (folder / "data").rglob("*.parquet")
    }
    name = "ift/train-00000-of-00001"
    first = next(iter(described.records(record_set=name)))
    rows = pq.read_table(folder / f"data/{name}.parquet").to_pylist()
    assert first[f"{name}/text"].decode() == rows[0]["text"] and first[f"{name}/tokens"] == rows[0]["tokens"]


def test_datasheet_and_card_have_no_gaps(finished: Path) -> None:
    for name in ("README.md", "datasheet.md"):
        text = (finished / "build/tiny/corpus" / name).read_text()
        assert "None" not in text and "{" not in re.sub(r"`[^`]*`|```.*?```", "", text, flags=re.S)
    for title in ("Motivation", "Composition", "Collection process", "Uses", "Distribution", "Maintenance"):
        assert f"## {title}" in text


def integers(value: object) -> set[int]:
    """Every integer in a JSON value, also those inside of its texts."""
    if isinstance(value, dict):
        return set().union(*map(integers, value.values()), set())
    if isinstance(value, list):
        return set().union(*map(integers, value), set())
    if isinstance(value, str):
        return {int(found.replace(",", "")) for found in re.findall(r"\d[\d,]*\d|\d", value)}
    return {value} if isinstance(value, int) else set()


def test_numbers_of_card_and_datasheet_are_in_manifest_and_reports(finished: Path) -> None:
    folder = finished / "build/tiny/corpus"
    manifest = json.loads((folder / "manifest.json").read_text())
    records = [manifest, *(json.loads(file.read_text()) for file in sorted((folder / "reports").glob("*.json")))]
    records.append(json.loads((ROOT / "results/2026-11-24-known-origin/report.json").read_text()))
    known = integers(records)
    for key in ("documents", "tokens"):
        known.add(sum(config[key] for config in manifest["configs"].values()))
        for licence in {source["license"] for source in manifest["sources"]}:
            known.add(sum(source[key] for source in manifest["sources"] if source["license"] == licence))
    for name in ("README.md", "datasheet.md"):
        shown = re.findall(r"\b\d{1,3}(?:,\d{3})+\b", (folder / name).read_text())
        assert len(shown) > 20 and {int(number.replace(",", "")) for number in shown} <= known, name


@pytest.mark.parametrize("recipe", ["local", "full"])
def test_dry_run_writes_nothing(tmp_path: Path, recipe: str) -> None:
    result = run(tmp_path, "--dry-run", recipe=recipe)
    assert result.returncode == 0 and "expected" in result.stdout and "to do" in result.stdout
    assert not (tmp_path / "build").exists()


def test_missing_wheels_stop_before_any_work(tmp_path: Path) -> None:
    result = run(tmp_path, recipe="smoke", ASSETS=str(tmp_path / "none"))
    assert result.returncode == 2 and "Traceback" not in result.stderr
    assert "bfcl" in result.stderr and "make setup" in result.stderr and len(result.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "build").exists()


def test_a_missing_document_stops_before_any_work(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, 1)
    (tmp_path / "clock.json").unlink()
    result = run(tmp_path, recipe=recipe)
    assert result.returncode == 2 and "clock.json does not exist" in result.stderr and "Traceback" not in result.stderr
    assert not (tmp_path / "build").exists()


def test_a_wrong_name_of_a_hub_dataset_stops_before_any_work(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, 1)
    recipe.write_text(recipe.read_text().replace("botocore_apis: 60,", "botocore_apis: 60, hub: {toolacee: 5},"))
    result = run(tmp_path, recipe=recipe)
    assert result.returncode == 2 and "did you mean toolace?" in result.stderr and "Traceback" not in result.stderr
    assert not (tmp_path / "build").exists()


def test_an_unknown_benchmark_stops_before_any_work(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, 1)
    recipe.write_text(recipe.read_text().replace("benchmarks: [bfcl,", "benchmarks: [bfcl, gsm8k,"))
    result = run(tmp_path, recipe=recipe)
    assert result.returncode == 2 and "gsm8k" in result.stderr and "Traceback" not in result.stderr
    assert not (tmp_path / "build").exists()
