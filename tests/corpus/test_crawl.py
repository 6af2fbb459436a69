"""Crawls: WARC files written and read, damaged and strange pages, and filters measured on pages of known origin."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator

from corpus import debian_sites, known_origin, tune_filter
from corpus.debian_pages import API_SIDE, OTHER, Page, is_api_side, main, pages_of, warc_file, write_warc
from corpus.drops import read_counts
from corpus.known_origin import FOLDS
from corpus.known_pages import known_page, parts_of_sites, read_known_pages, sizes
from corpus.page_filter import filter_of
from corpus.page_models import Weights
from corpus.pydoc_pages import pydoc_file
from corpus.read_crawl import CrawlReader, page_text
from records.errors import UserError

WORDS = "The cutter folds each sheet twice and lays it on the pile beside the window, where it dries until evening. "
PAGE = f"<html><head><title>Sheets</title></head><body><nav>Home</nav><main><p>{WORDS * 4}</p></main></body></html>"


def read(folder: Path, *files: Path) -> tuple[dict[str, str], dict[str, int]]:
    found = {item.id: item.text for item in CrawlReader(files, folder).run() or ()}
    counts = read_counts(folder / "drops")["crawl"]
    return found, {reason: value["count"] for reason, value in counts["dropped"].items()}


def warc(file: Path, *contents: bytes) -> Path:
    write_warc((Page("git-doc", f"p{number}.html", content) for number, content in enumerate(contents)), file)
    return file


def test_pages_come_back_and_equal_pages_give_equal_bytes(tmp_path: Path) -> None:
    one, two = (warc(tmp_path / name, PAGE.encode(), PAGE.encode()) for name in ("one.warc.gz", "two.warc.gz"))
    assert one.read_bytes() == two.read_bytes()
    with one.open("rb") as stream:
        urls = [record.rec_headers.get_header("WARC-Target-URI") for record in ArchiveIterator(stream)]
    found, dropped = read(tmp_path, one)
    assert list(found) == urls == [f"https://git-doc.debian.invalid/p{n}.html" for n in range(2)] and not dropped
    assert all(text.startswith("The cutter folds") and "Home" not in text for text in found.values())


def test_what_gives_no_text_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corpus.read_crawl.LONGEST_PAGE", 20_000)
    file = warc(tmp_path / "w.warc.gz", b"", b"<html></html>", b"<p>short</p>", b"<p>" + b"x" * 40_000, PAGE.encode())
    found, dropped = read(tmp_path, file)
    assert list(found) == ["https://git-doc.debian.invalid/p4.html"]
    assert dropped == {"no_text": 2, "too_short": 1, "too_long": 1}


def test_a_damaged_file_gives_what_comes_before_the_damage(tmp_path: Path) -> None:
    whole = warc(tmp_path / "w.warc.gz", *[PAGE.encode()] * 5).read_bytes()
    (tmp_path / "cut.warc.gz").write_bytes(whole[: len(whole) * 3 // 5])
    (tmp_path / "noise.warc.gz").write_bytes(gzip.compress(b"\x00\xff" * 5000))
    (tmp_path / "empty.warc.gz").write_bytes(b"")
    files = [tmp_path / f"{name}.warc.gz" for name in ("cut", "noise", "empty", "w")]
    found, _ = read(tmp_path, *files)
    assert len(found) == 5, "the file behind the damaged ones is read whole"
    assert set(found.values()) == {next(iter(found.values()))}


def test_records_that_are_no_pages_are_counted(tmp_path: Path) -> None:
    head = "HTTP/1.1 {}\r\nContent-Type: {}\r\n\r\n"
    bodies = [head.format("404 Not Found", "text/html") + PAGE, head.format("200 OK", "image/png") + PAGE]
    records = ""
    for number, body in enumerate([*bodies, head.format("200 OK", "text/html; charset=utf-8") + PAGE]):
        names = f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: https://a.example/{number}\r\n"
        kind = "Content-Type: application/http; msgtype=response\r\n"
        records += f"{names}{kind}Content-Length: {len(body.encode())}\r\n\r\n{body}\r\n\r\n"
    (tmp_path / "plain.warc").write_bytes(records.encode())
    found, dropped = read(tmp_path, tmp_path / "plain.warc")
    assert list(found) == ["https://a.example/2"] and dropped == {"not_a_page": 2}


@pytest.mark.parametrize(
    ("declared", "written"),
    [("utf-8", "utf-8"), ("iso-8859-1", "iso-8859-1"), ("utf-16", "utf-8"), ("nonsense", "utf-8")],
)
def test_charsets_declared_and_wrong(declared: str, written: str) -> None:
    text = "Die Größe des Bogens wird über die Fläche gemessen, und die Höhe zählt nicht dazu. " * 5
    html = f'<html><head><meta charset="{declared}"></head><body><p>{text}</p></body></html>'
    found = page_text(html.encode(written))
    assert found is not None and "Größe" in found


def test_nul_bytes_and_deep_nesting_do_no_harm() -> None:
    assert "cutter" in (page_text(PAGE.replace("cutter", "cut\0ter").encode()) or "")
    assert page_text(b"<div>" * 5_000 + WORDS.encode()) is not None
    assert "\0" not in (page_text(b"\xff\xfe\x00") or "")


def deb(folder: Path, name: str, files: dict[str, bytes]) -> Path:
    """A package as dpkg-deb reads it: an `ar` archive of version, control and data."""

    def packed(members: dict[str, bytes]) -> bytes:
        held = io.BytesIO()
        with tarfile.open(fileobj=held, mode="w:gz") as archive:
            for path, content in members.items():
                info = tarfile.TarInfo(path)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
        return held.getvalue()

    parts = {
        "debian-binary": b"2.0\n",
        "control.tar.gz": packed({"./control": b"Package: x\n"}),
        "data.tar.gz": packed(files),
    }
    content = b"!<arch>\n"
    for part, body in parts.items():
        content += (
            f"{part:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(body):<10}`\n".encode() + body + b"\n" * (len(body) % 2)
        )
    file = folder / f"{name}_1_all.deb"
    file.write_bytes(content)
    return file


def test_packages_are_read_without_unpacking(tmp_path: Path) -> None:
    file = deb(tmp_path, "git-doc", {"./usr/share/a.html": PAGE.encode(), "./usr/share/b.txt": b"no page"})
    assert [(page.package, page.path) for page in pages_of(file)] == [("git-doc", "usr/share/a.html")]
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(UserError, match=r"git-doc_1_all\.deb is damaged"):
        list(pages_of(file))


def test_the_command_makes_the_crawls_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSETS", str(tmp_path))
    monkeypatch.setattr(
        "corpus.pydoc_pages.pydoc_pages", lambda: iter([Page("pydoc-json", "json.html", PAGE.encode())])
    )
    (tmp_path / "debian").mkdir()
    monkeypatch.setattr(debian_sites, "PAGES", 2)
    for name in (*API_SIDE, *OTHER):
        deb(tmp_path / "debian", name, {"./a.html": PAGE.encode()})
    for name in (*debian_sites.API_SIDE, *debian_sites.OTHER):
        deb(tmp_path / "debian", name, {f"./{letter}.html": PAGE.encode() for letter in "abc"})
    assert main([]) == 0
    before = warc_file().stat().st_mtime_ns
    assert main([]) == 0 and warc_file().stat().st_mtime_ns == before
    found, _ = read(tmp_path, warc_file())
    assert sum(map(is_api_side, found)) == len(API_SIDE) and len(found) == len(API_SIDE) + len(OTHER)
    assert list(read(tmp_path, pydoc_file())[0]) == ["https://pydoc-json.debian.invalid/json.html"]
    pages, dropped = read_known_pages(tmp_path)
    sites = len(debian_sites.API_SIDE) + len(debian_sites.OTHER)
    assert len(pages) == 2 * sites + len(found) and not dropped
    assert sizes(pages)["fourteen"] == {"pages": 14, "sites": 14, "share_about_apis": round(8 / 14, 4)}


def test_without_apt_the_command_makes_pydocs_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSETS", str(tmp_path))
    monkeypatch.setattr(
        "corpus.pydoc_pages.pydoc_pages", lambda: iter([Page("pydoc-json", "json.html", PAGE.encode())])
    )
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert main([]) == 0 and pydoc_file().exists() and not warc_file().exists()


def test_folds_leave_every_package_out_once() -> None:
    assert sorted(name for fold in FOLDS for name in fold) == sorted((*API_SIDE, *OTHER))
    assert all(set(fold) & set(API_SIDE) and set(fold) & set(OTHER) for fold in FOLDS)


def test_no_site_is_in_two_parts() -> None:
    sides = (debian_sites.API_SIDE, debian_sites.OTHER)
    parts = parts_of_sites(sides)
    assert len(parts) == sum(map(len, sides)) and not set(parts) & {*API_SIDE, *OTHER}
    pages = [known_page(f"https://{site}.debian.invalid/{n}.html", "", parts) for site in parts for n in range(40)]
    for page in pages:
        assert page.part == parts[page.site] or (page.part, parts[page.site]) == ("same_site", "training")
    share = sum(page.part == "same_site" for page in pages) / sum(parts[page.site] == "training" for page in pages)
    assert 0.15 < share < 0.25
    for side in sides:
        assert {parts[site] for site in side} == {"training", "validation", "test"}


def made_crawl() -> None:
    """Pages of seven words each side; every package also has a word of its own."""
    side = {**dict.fromkeys((*API_SIDE, *debian_sites.API_SIDE), "function parameter returns value")}
    side |= dict.fromkeys((*OTHER, *debian_sites.OTHER), "office chapter history garden")
    pages = []
    for name, kind in side.items():
        for number in range(6):
            text = f"{kind} {name.replace('-', ' ')} common words of all pages {'and more ' * 30} "
            content = f"<html><body><main><p>{text * 3}</p></main></body></html>"
            pages.append(Page(name, f"{number}.html", content.encode()))
    fourteen = {*API_SIDE, *OTHER}
    write_warc((page for page in pages if page.package in fourteen), warc_file())
    write_warc((page for page in pages if page.package not in fourteen), debian_sites.sites_file())


def test_tuning_and_measuring_on_a_made_crawl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSETS", str(tmp_path))
    monkeypatch.setenv("BUILD", str(tmp_path / "build"))
    for command in (lambda: known_origin.main(["--recipe", "smoke"]), lambda: tune_filter.main(["--seconds", "1"])):
        with pytest.raises(UserError, match=r"make crawl"):
            command()
    made_crawl()
    settings, weights = tmp_path / "settings.json", tmp_path / "weights.json"
    options = ["--seconds", "4", "--output", str(tmp_path / "tuned")]
    assert tune_filter.main([*options, "--settings", str(settings), "--weights", str(weights)]) == 0
    tuned = json.loads(settings.read_text())
    for name in ("weights", "fasttext"):
        assert all(tuned["scores"][name][part]["f1"] > 0.9 for part in tune_filter.TESTED)
    # The words of one package are on no list: there are fewer than eight sites with them.
    assert {"function", "garden"} <= set(Weights.load(weights).weights) and "postgresql" not in weights.read_text()
    monkeypatch.setattr("corpus.page_filter.SETTINGS", settings)
    monkeypatch.setattr("corpus.page_filter.WEIGHTS", weights)
    monkeypatch.setattr(known_origin, "SETTINGS", settings)
    assert known_origin.main(["--recipe", "smoke"]) == 0
    folder = tmp_path / "build/smoke/known_origin"
    report = json.loads((folder / "report.json").read_text())
    assert report["crawl"]["pages"] == 14 * 6 and report["weak_labels"] is None
    assert report["code"]["at_its_threshold"]["f1"] > 0.9 and report["same_packages"]["test"]["n"] > 9
    assert sum(fold["n"] for fold in report["unseen_packages"]["folds"]) == 14 * 6
    assert (folder / "pr.png").stat().st_size > 1000 and (folder / "failures.jsonl").exists()
    trained, pages = filter_of("crawl", tmp_path / "step")
    assert trained.name == "fasttext" and trained.about["scores"]["test"]["f1"] > 0.9 and len(pages) > 500
    assert filter_of("committed", tmp_path)[0].name == "weights"
