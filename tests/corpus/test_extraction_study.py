"""Extractors compared: how words agree with a source, and pages found beside what they were made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpus.extraction_study import Pair, main, measured, overlap, pairs_of
from corpus.read_crawl import page_text
from records.errors import UserError
from tests.corpus.test_crawl import deb

SOURCE = ".. _top:\n\nFold each sheet twice and lay it on the pile beside :ref:`the window <w>`, where it dries.\n" * 3
BODY = SOURCE.split("\n\n", 1)[1].replace(":ref:`the window <w>`", "the window")


def test_words_in_common_with_the_source() -> None:
    precision, recall, f1 = overlap("one two three four", "three four five six seven eight")
    assert (precision, recall) == (0.5, pytest.approx(1 / 3)) and f1 == pytest.approx(0.4)
    assert overlap("", "word") == overlap("word", "") == (0, 0, 0)
    assert overlap("fold fold fold", "fold")[0] == pytest.approx(1 / 3), "words count as often as they stand"


def test_pages_with_their_sources(tmp_path: Path) -> None:
    html = f"<html><body><nav>Index</nav><main><p>{BODY * 3}</p></main></body></html>"
    files = {
        "./d/html/a/b.html": html.encode(),
        "./d/html/c.html": b"",
        "./d/html/_sources/a/b.rst.txt": SOURCE.encode(),
    }
    found = pairs_of(deb(tmp_path, "made-doc", files))
    assert [(pair.name, pair.source) for pair in found] == [("./d/html/a/b", SOURCE)]
    scores = measured(page_text, [Pair("a", html.encode(), BODY * 3)])
    assert scores["recall"] == 1 and scores["no_text"] == 0 and scores["pages_per_second"] > 0


def test_without_packages_the_command_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSETS", str(tmp_path))
    with pytest.raises(UserError, match="make crawl"):
        main([])
