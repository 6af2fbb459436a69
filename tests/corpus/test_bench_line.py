"""The bench beside datatrove's stock recipe, on made pages of two packages of Debian."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from corpus.bench_line import Page, at_scale, crawl_pages, described, main, run_side, train_side, write_warcs
from corpus.bench_line_run import DEDUP
from corpus.bench_planted import CHANGES, planted
from corpus.debian_pages import API_SIDE, OTHER, is_api_side, write_warc
from corpus.debian_pages import Page as CrawledPage
from records.errors import UserError

SYLLABLES = [a + b for a in "bdfgklmnprst" for b in "aeiou"]
WORDS = [one + other for one in SYLLABLES for other in SYLLABLES[:6]]
SIDES = (WORDS[::2], WORDS[1::2])


def made_crawl(file: Path, pages: int) -> Path:
    """Pages of all fourteen packages; four words in five are of their own side, so that no word gives it away."""
    rng = random.Random(5)
    hosts = [*API_SIDE, *OTHER]

    def page(number: int) -> CrawledPage:
        host = hosts[number % len(hosts)]
        own, others = SIDES if host in API_SIDE else SIDES[::-1]
        lines = [" ".join(rng.choice(own if rng.random() < 0.8 else others) for _ in range(14)) for _ in range(12)]
        html = "<html><body><main>" + "".join(f"<p>{line}.</p>" for line in lines) + "</main></body></html>"
        return CrawledPage(host, f"{number}.html", html.encode())

    write_warc((page(number) for number in range(pages)), file)
    return file


@pytest.fixture(scope="module")
def crawl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_crawl(tmp_path_factory.mktemp("crawl") / "made.warc.gz", 240)


def test_our_side_keeps_the_pages_about_apis(crawl: Path, tmp_path: Path) -> None:
    pages = crawl_pages(crawl, None)
    assert len(pages) == 240 and all(len(page.text) > 250 for page in pages)
    model, threshold = train_side("ours", pages[:160], tmp_path / "model")
    write_warcs(pages[160:], tmp_path / "warc")
    found = run_side("ours", tmp_path / "warc", model, threshold, tmp_path / "run")
    assert sum(map(is_api_side, found["kept"])) > 0.9 * sum(is_api_side(page.url) for page in pages[160:])
    row = described(found, pages[160:])
    assert row["kept_set"]["f1"] > 0.9 and row["pages"] == 80 and 50 < row["peak_megabytes"] < 5000


def test_planted_near_duplicates_are_counted_by_how_they_differ(tmp_path: Path) -> None:
    rng = random.Random(2)
    words = [f"w{number:x}" for number in range(3000)]
    texts = [" ".join(rng.choices(words, k=400)) for _ in range(100)]
    found = planted([*texts, texts[0], "too short to change"], DEDUP, tmp_path)
    assert found["texts"] == 100 and found["planted"] == found["without_a_copy"] == 50
    assert found["recall"] >= 0.95 and found["falsely_removed"] == 0
    assert {name: part["planted"] for name, part in found["by_change"].items()} == dict.fromkeys(CHANGES, 10)


def test_the_largest_page_is_at_every_scale() -> None:
    pages = [Page(f"https://a.example/{n}", b"", size, "") for n, size in enumerate([*range(20), 900, *range(30, 41)])]
    one, all_of_it = at_scale(pages, 1), at_scale(pages, 16)
    assert [page.size for page in one] == [900, 0]
    assert len(all_of_it) == 32 and {page.url for page in all_of_it} == {page.url for page in pages}


def test_no_crawl_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="make crawl"):
        main(["--crawl", str(tmp_path / "none.warc.gz")])


@pytest.mark.slow
def test_the_record_has_every_side_and_the_ratios(crawl: Path, tmp_path: Path) -> None:
    assert main(["--crawl", str(crawl), "--repeats", "1", "--output", str(tmp_path / "record.json")]) == 0
    record = json.loads((tmp_path / "record.json").read_text())
    ran = {(run["side"], run["scale"]) for run in record["runs"]}
    assert ran == {(side, scale) for side in ("ours", "stock, resiliparse") for scale in (1, 4, 16)} | {
        ("stock", 1),
        ("stock", 4),
    }
    assert all(value > 0 for value in record["ratios"].values())
