"""Files of datasets a piece at a time, and records that are plain text or code."""

from __future__ import annotations

import io
import json

import pytest

from corpus.foreign_calls import BadRow
from corpus.hub_formats_files import records_of
from corpus.hub_formats_plain import source_file, web_page
from tests.corpus.conftest import GOOD_CODE


def test_a_source_file_keeps_its_own_licences() -> None:
    record = {"content": GOOD_CODE, "max_stars_repo_name": "ada/count", "max_stars_repo_path": "src/count.py"}
    made = source_file({**record, "max_stars_repo_licenses": ["MIT", "BSD-3-Clause"], "hexsha": "abc"})
    assert (made.license, made.url) == ("BSD-3-Clause AND MIT", "https://github.com/ada/count/blob/HEAD/src/count.py")
    assert source_file({**record, "max_stars_repo_licenses": []}).license == ""
    assert source_file(record).license is None


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_json_is_read_in_pieces_and_a_damaged_end_is_named(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corpus.hub_formats_files.PIECE", size)
    records = [{"a": "é]},{"}, {"b": [1, {"c": '\\"'}]}]
    whole = json.dumps(records, ensure_ascii=False, indent=1).encode()
    assert list(records_of("x.json", io.BytesIO(whole), ())) == records
    *before, last = records_of("x.json", io.BytesIO(whole[:-6]), ())
    assert before == records[:1] and str(last) == "damaged_file"
    lines = b'{"a": 1}\n\nno\n[2]\n{"b": 2}'
    assert [part if isinstance(part, dict) else str(part) for part in records_of("x.jsonl", io.BytesIO(lines), ())] == [
        {"a": 1}, "not_json", "not_an_object", {"b": 2},
    ]  # fmt: skip


def test_records_without_text_are_named() -> None:
    with pytest.raises(BadRow, match=r"^no_text$"):
        web_page({"text": " ", "url": "https://a.example/"})
    with pytest.raises(BadRow, match=r"^test_file$"):
        source_file({"content": GOOD_CODE, "max_stars_repo_path": "tests/test_count.py"})
