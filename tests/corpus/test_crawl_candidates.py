"""Crawls as candidates of retrieval: WARC files and lists of them, Parquet, folders of HTML, and damage in each."""

from __future__ import annotations

import dataclasses
import functools
import gzip
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpus.crawl_files import crawl_files, source_of, state_of_crawls
from corpus.crawl_rows import CrawlChunks, parts_of
from corpus.crawls import may_enter
from corpus.debian_pages import Page, write_warc
from corpus.drops import read_counts
from corpus.retrieve import write_hits
from corpus.rows import Row, read_documents, write_documents
from corpus.steps import Work
from records.errors import UserError
from records.recipe import load_recipe
from records.recipe_corpus import CrawlRecipe

WORDS = "The cutter folds each sheet twice and lays it on the pile beside the window, where it dries until evening. "


def html(words: str) -> bytes:
    return f"<html><body><main><p>{words * 4}</p></main></body></html>".encode()


def read(item: CrawlRecipe, folder: Path, tokens: tuple[str, ...] = ()) -> tuple[dict[str, str], dict[str, int]]:
    """Rows by id, and what was dropped, over all parts."""
    parts = [(item, part) for part in parts_of(item, crawl_files(item))]
    blocks = [CrawlChunks(parts, tokens, folder) for _ in parts]  # datatrove gives every task a copy of its own
    rows = {row.id: row.text for rank, block in enumerate(blocks) for row in block.run(None, rank, len(parts)) or ()}
    counts = read_counts(folder / "drops")[source_of(item)]["dropped"]
    return rows, {reason: found["count"] for reason, found in counts.items()}


@pytest.fixture
def warc(tmp_path: Path) -> Path:
    """Six pages, a gzip member each."""
    file = tmp_path / "pages.warc.gz"
    write_warc((Page("git-doc", f"p{n}.html", html(f"Sheet {n}. {WORDS}")) for n in range(6)), file)
    return file


def test_reading_goes_on_behind_a_damaged_record(tmp_path: Path, warc: Path) -> None:
    content = bytearray(warc.read_bytes())
    members = [place for place in range(len(content)) if content[place : place + 3] == b"\x1f\x8b\x08"]
    assert len(members) == 6
    content[members[2] + 60 : members[2] + 90] = b"\xff" * 30
    warc.write_bytes(bytes(content))
    rows, dropped = read(CrawlRecipe(str(warc), "warc"), tmp_path / "gzip")
    assert [name.split("/")[-1] for name in rows] == [f"p{n}.html#0" for n in (0, 1, 3, 4, 5)]
    assert dropped == {"unreadable": 1}
    plain = bytearray(
        b"".join(gzip.decompress(bytes(content[s:e])) for s, e in zip(members[3:], [*members[4:], None], strict=True))
    )
    second = plain.find(b"WARC/1.", 100)
    plain[second : second + 4] = b"XXXX"
    (tmp_path / "plain.warc").write_bytes(bytes(plain))
    rows, dropped = read(CrawlRecipe(str(tmp_path / "plain.warc"), "warc"), tmp_path / "plain")
    assert [name.split("/")[-1] for name in rows] == ["p3.html#0", "p5.html#0"] and dropped == {"unreadable": 1}


def test_a_file_that_ends_early_is_counted(tmp_path: Path, warc: Path) -> None:
    warc.write_bytes(warc.read_bytes()[:-40])
    rows, dropped = read(CrawlRecipe(str(warc), "warc"), tmp_path)
    assert len(rows) == 5 and dropped == {"unreadable": 1}


def test_a_folder_of_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corpus.crawl_rows.LONGEST_PAGE", 30_000)
    folder = tmp_path / "site"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep/a.HTML").write_bytes(html(WORDS))
    (folder / "b.html").write_bytes(html(WORDS))
    (folder / "nul.html").write_bytes(html("Cut\0 " + WORDS))
    (folder / "empty.html").write_bytes(b"")
    (folder / "short.htm").write_bytes(b"<p>short</p>")
    (folder / "huge.html").write_bytes(b"<p>" + b"word " * 10_000)
    (folder / "forged.html").write_bytes(html(f"<b>&lt;|im_end|&gt;</b> Forged. {WORDS}"))
    (folder / "notes.txt").write_bytes(html(WORDS))
    rows, dropped = read(CrawlRecipe(str(folder), "html"), tmp_path, ("<|im_end|>",))
    assert set(rows) == {"crawl/site/file:b.html#0", "crawl/site/file:nul.html#0"}
    assert not any("\0" in text for text in rows.values())
    assert dropped == {"repeated_chunk": 1, "no_text": 1, "too_short": 1, "too_long": 1, "control_token": 1}


def test_columns_of_a_parquet_file(tmp_path: Path) -> None:
    texts = [WORDS * 4, None, "", "short", "With a \0 byte. " + WORDS * 4]
    table = pa.table({"text": texts, "url": [f"https://a.example/{n}" for n in range(5)]})
    pq.write_table(table, tmp_path / "fine.parquet")
    (tmp_path / "noise.parquet").write_bytes(b"PAR1 noise")
    rows, dropped = read(CrawlRecipe(str(tmp_path), "parquet"), tmp_path)
    assert [name.rsplit("/", 1)[-1] for name in rows] == ["0#0", "4#0"] and "\0" not in "".join(rows.values())
    assert dropped == {"no_text": 2, "too_short": 1, "unreadable": 1}
    pq.write_table(table.rename_columns(["content", "url"]), tmp_path / "fine.parquet")
    with pytest.raises(UserError, match=r"no column text.*it has content, url.*text_column"):
        read(CrawlRecipe(str(tmp_path / "fine.parquet"), "parquet"), tmp_path)
    rows, _ = read(CrawlRecipe(str(tmp_path / "fine.parquet"), "parquet", text_column="content", pages=1), tmp_path)
    assert len(rows) == 1


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The folder at an address of this machine."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    handler.log_message = lambda *_: None  # type: ignore[attr-defined]
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_list_of_warc_paths(tmp_path: Path, warc: Path, served: str) -> None:
    (tmp_path / "warc.paths.gz").write_bytes(gzip.compress(b"pages.warc.gz\nother.warc.gz\n"))
    here = CrawlRecipe(str(tmp_path / "warc.paths.gz"), "warc", files=1)
    assert crawl_files(here) == [str(warc)]
    there = CrawlRecipe(f"{served}/warc.paths.gz", "warc", files=1)
    assert crawl_files(there) == [f"{served}/pages.warc.gz"]
    assert read(here, tmp_path / "one") == read(there, tmp_path / "two")
    (tmp_path / "cc.paths").write_text("crawl-data/CC-MAIN-2026-05/x.warc.gz\n")
    assert crawl_files(CrawlRecipe(str(tmp_path / "cc.paths"), "warc")) == [
        "https://data.commoncrawl.org/crawl-data/CC-MAIN-2026-05/x.warc.gz"
    ]


def test_wrong_paths_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(UserError, match=r"none.*does not exist"):
        crawl_files(CrawlRecipe(str(tmp_path / "none"), "warc"))
    with pytest.raises(UserError, match=r"holds no file that ends in \.warc or \.warc\.gz"):
        crawl_files(CrawlRecipe(str(tmp_path), "warc"))
    monkeypatch.setenv("ASSETS", str(tmp_path))
    documentation = CrawlRecipe("documentation", "warc")
    assert state_of_crawls((documentation,)) == []
    with pytest.raises(UserError, match="make crawl"):
        crawl_files(documentation)
    (tmp_path / "pydoc-pages.warc.gz").write_bytes(b"")
    assert crawl_files(documentation) == [str(tmp_path / "pydoc-pages.warc.gz")]


def test_pages_enter_by_licence_or_consent() -> None:
    crawls = [
        CrawlRecipe("a", "html"),
        CrawlRecipe("b", "html", license="MIT"),
        CrawlRecipe("c", "html", license="GPL-3.0-only"),
        CrawlRecipe("d", "html", license="GPL-3.0-only", opt_in=True),
    ]
    assert may_enter(crawls) == {"b", "d"}
    with pytest.raises(ValueError, match="looked up"):
        CrawlRecipe("e", "html", opt_in=True)


def test_what_is_retrieved_of_copyleft_pages_only_measures(tmp_path: Path) -> None:
    free, copyleft = CrawlRecipe("free", "html", license="MIT"), CrawlRecipe("left", "html", license="GPL-3.0-only")
    recipe = load_recipe("smoke")
    retrieval = dataclasses.replace(recipe.corpus.retrieval, crawls=(free, copyleft))
    recipe = dataclasses.replace(recipe, corpus=dataclasses.replace(recipe.corpus, retrieval=retrieval))
    rows = [
        Row(f"crawl/{name}/{n}", "text", WORDS, name, item.license, "them", "", "page").document()
        for name, item in (("free", free), ("left", copyleft))
        for n in range(2)
    ]
    write_documents(tmp_path / "pages.jsonl", rows)
    hit = {"seed": "s", "score": 0.5, "topic": 1}
    hits = {"crawl/free/0": hit, "crawl/left/1": hit, "numpy/README#0": hit}
    write_hits(Work(recipe, tmp_path, tmp_path), tmp_path, [tmp_path / "pages.jsonl"], hits)
    assert set(json.loads((tmp_path / "hits.json").read_text())) == {"crawl/free/0", "numpy/README#0"}
    assert [row.id for row in read_documents(tmp_path / "crawl.jsonl")] == ["crawl/free/0"]
    (measured,) = read_documents(tmp_path / "measured.jsonl")
    assert measured.id == "crawl/left/1" and measured.metadata["provenance"]["retrieval"] == hit


def test_the_recipe_full_reads_the_crawl_and_lets_no_page_in() -> None:
    crawls = load_recipe("full").corpus.retrieval.crawls
    assert [item.path for item in crawls] == ["documentation"] and may_enter(crawls) == set()
