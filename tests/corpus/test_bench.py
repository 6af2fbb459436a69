"""The bench of the readers, on caps of a few rows, and its comparison of zip and unpacked on a small wheel."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from corpus import bench
from corpus.bench_made import further_cases
from corpus.bench_readers import run_reader
from corpus.bench_seeds import bench as seeds_of
from corpus.bench_unpacking import compare_unpacking, read_models
from records.assets import asset
from records.errors import UserError
from records.recipe import load_recipe


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a run writes whose only wheel is Google's."""
    name = "google-api-python-client"
    missing = {"botocore": "it is missing", "oci": "it is missing"}
    monkeypatch.setattr(bench, "found_packages", lambda: ({name: asset(name).path}, missing))
    output = tmp_path / "results" / "bench.json"
    assert bench.main(["--limit", "4", "--installed", "3", "--repeats", "1", "--output", str(output)]) == 0
    return dict(json.loads(output.read_text()))


def test_every_reader_is_measured_or_says_why_not(record: dict[str, Any]) -> None:
    readers = record["readers"]
    assert {"google", "python functions", "code", "text"} == set(readers)
    assert readers["google"]["runs"][0]["documents"] == 4 and readers["python functions"]["runs"][0]["documents"] == 3
    for found in readers.values():
        (run,) = found["runs"]
        assert found["documents_per_second"] == pytest.approx(run["documents"] / run["seconds"], rel=0.05, abs=0.02)
        assert found["megabytes_per_second"] is None, "a capped reader does not read the whole package"
    assert record["skipped"]["botocore"] == record["skipped"]["recorded examples"] == "it is missing"
    assert record["machine"]["cores"] and record["versions"]["datatrove"]


def test_readers_of_several_packages_are_measured_where_all_are_there(tmp_path: Path) -> None:
    few = tmp_path / "botocore.whl"
    with zipfile.ZipFile(asset("botocore").path) as whole, zipfile.ZipFile(few, "w") as part:
        for name in whole.namelist():
            if name.startswith(("botocore/data/sqs/", "botocore/data/efs/", "botocore/data/batch/")):
                part.writestr(name, whole.read(name))
    wheels = {"botocore": few, "google-api-python-client": asset("google-api-python-client").path}
    cases = {case.name: case for case in further_cases(wheels, 6, 5, tmp_path)}
    assert set(cases) == {"simulated sessions", "mcp"}
    found = {name: run_reader(case, tmp_path / name) for name, case in cases.items()}
    assert found["mcp"]["documents"] == 6 and 1 <= found["simulated sessions"]["documents"] <= 6
    assert all(run["seconds"] > 0 and run["text_megabytes"] > 0 for run in found.values())


def test_both_ways_read_the_same_models(botocore_wheel: Path, tmp_path: Path) -> None:
    sound = tmp_path / "sound.whl"
    with zipfile.ZipFile(botocore_wheel) as old, zipfile.ZipFile(sound, "w") as new:
        for name in old.namelist():
            if "/boxes/" in name:
                new.writestr(name, old.read(name))
    found = compare_unpacking(sound, tmp_path, 2)
    assert found["operations"] == read_models(sound) == 6 and len(found["runs"]) == 2
    median = found["median"]
    both = median["unpack_seconds"] + median["read_unpacked_seconds"]
    assert found["ratios"]["unpacked_time_over_zip"] == pytest.approx(both / median["zip_seconds"], abs=0.01)
    assert not (tmp_path / "unpacked").exists()


@pytest.mark.parametrize("options", [["--repeats", "0"], ["--limit", "0"]])
def test_numbers_below_one_are_refused(options: list[str]) -> None:
    with pytest.raises(UserError, match="from 1 on"):
        bench.main(options)


@pytest.mark.slow
def test_seed_build_is_measured_alone() -> None:
    recipe = load_recipe("smoke")
    record = seeds_of(recipe)
    assert record["recipe"] == "smoke" and record["seconds"] > 0 and record["peak_bytes"] > 50 << 20
    assert record["distinct_apis"] == sum(
        record["readers"][name]["kept"] for name in ("botocore", "google-api-python-client", "python")
    )
