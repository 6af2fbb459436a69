"""The second tab's data: written from a build folder, read by the Space, searched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from records.release_data import _about, write_release


@pytest.fixture
def build(tmp_path: Path) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    data = tmp_path / "build" / "corpus" / "data" / "api_docs"
    data.mkdir(parents=True)
    rows = [
        {
            "api_ids": [f"s3/{name}"],
            "text": f'x:\n\n{{\n "name": "n",\n "description": "{about}",\n',
            "source": "botocore",
            "license": "MIT",
        }
        for name, about in (("create_bucket", "Makes a place."), ("get_object", "Reads of a bucket <b>."))
    ]
    parquet.write_table(pa.Table.from_pylist(rows), data / "train-00000-of-00001.parquet")
    manifest = {
        "name": "n",
        "recipe": {"name": "r", "seed": 1},
        "apis": {"distinct": 2},
        "sources": [{}],
        "configs": {"api_docs": {}},
    }
    (tmp_path / "build" / "corpus" / "manifest.json").write_text(json.dumps(manifest))
    scored = tmp_path / "build" / "eval" / "ours" / "results.json"
    scored.parent.mkdir(parents=True)
    scored.write_text(json.dumps({"record": {"tasks": {"t": {"score": 0.25, "stderr": 0.01, "n": 40}}}}))
    return tmp_path / "build"


def test_what_is_written_is_what_the_tab_shows(space: Path, build: Path, tmp_path: Path) -> None:
    from release import load_release
    from release_tab import _overview, found_html

    assert write_release(build, tmp_path)
    release: Any = load_release(tmp_path / "release")
    assert "25.0 ± 1.0 (n=40)" in _overview(release) and "2 distinct APIs" in _overview(release)
    assert "recipe <code>r</code>" in _overview(release)
    assert [row["name"] for row in release.search("BUCKET")] == ["s3/create_bucket", "s3/get_object"]
    assert release.search("bucket makes")[0]["description"] == "Makes a place."
    assert "<b>" not in found_html(release, "get_object") and "Nothing found" in found_html(release, "zzz")


def test_without_a_corpus_nothing_is_written_and_the_tab_says_so(space: Path, tmp_path: Path) -> None:
    from release import load_release
    from release_tab import _overview

    assert not write_release(tmp_path, tmp_path) and not (tmp_path / "release").exists()
    assert "Nothing released yet" in _overview(load_release(tmp_path / "release"))


@pytest.mark.parametrize(
    "text",
    [
        'AWS function, as JSON Schema:\n\n{\n "name": "x",\n "description": "Makes a \\"place\\".",\n "parameters": 1}',
        '# x.make\n\nAWS x (version 1)\n\nMakes a "place".\n\n## Parameters\n\n- a (string)',
        'def x_make(\n    *,\n    a: str,\n) -> bool:\n    """Makes a "place".\n\n    Args:\n        - a\n    """',
        'Question: Who makes?\n\nAnswer: `x.make`. Makes a "place".\n\nQuestion: With what?\n\nAnswer:\n\n- a',
        'Question: Who makes?\n\nAnswer: Makes a "place".\n\nQuestion: With what?\n\nAnswer:\n\n- a',
        'Makes a "place".',
    ],
)
def test_the_description_is_found_in_every_form_of_document(text: str) -> None:
    assert _about(text) == 'Makes a "place".'
