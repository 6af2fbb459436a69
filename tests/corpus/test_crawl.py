"""Crawls: WARC files written and read, damaged and strange pages, and filters measured on pages of known origin."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator

from corpus import known_origin
from corpus.debian_pages import API_SIDE, OTHER, Page, is_api_side, main, pages_of, warc_file, write_warc
from corpus.drops import read_counts
from corpus.known_origin import FOLDS, KnownPage, best_threshold, measured
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


def test_the_command_makes_the_crawl_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSETS", str(tmp_path))
    (tmp_path / "debian").mkdir()
    for name in (*API_SIDE, *OTHER):
        deb(tmp_path / "debian", name, {"./a.html": PAGE.encode()})
    assert main([]) == 0
    before = warc_file().stat().st_mtime_ns
    assert main([]) == 0 and warc_file().stat().st_mtime_ns == before
    found, _ = read(tmp_path, warc_file())
    assert sum(map(is_api_side, found)) == len(API_SIDE) and len(found) == len(API_SIDE) + len(OTHER)


def test_folds_leave_every_package_out_once() -> None:
    assert sorted(name for fold in FOLDS for name in fold) == sorted((*API_SIDE, *OTHER))
    assert all(set(fold) & set(API_SIDE) and set(fold) & set(OTHER) for fold in FOLDS)


def page(package: str, number: int, words: str = "") -> KnownPage:
    return KnownPage(f"https://{package}.debian.invalid/{number}.html", words, words)


def test_threshold_and_scores() -> None:
    scored = [
        (page("git-doc", 1), 0.9),
        (page("git-doc", 2), 0.4),
        (page("anarchism", 3), 0.35),
        (page("anarchism", 4), 0.1),
    ]
    assert best_threshold(scored) == 0.36
    assert measured(scored, 0.36)["f1"] == 1 and measured(scored, 0.5)["recall"] == 0.5
    assert measured(scored, 0.05)["precision"] == 0.5


def test_the_measurement_on_a_made_crawl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of seven words each side; packages that are left out use other words than the ones that are seen."""
    monkeypatch.setenv("ASSETS", str(tmp_path))
    monkeypatch.setenv("BUILD", str(tmp_path / "build"))
    with pytest.raises(UserError, match=r"make crawl"):
        known_origin.main(["--recipe", "smoke"])
    pages = []
    for name in (*API_SIDE, *OTHER):
        kind = "function parameter returns" if name in API_SIDE else "office chapter history"
        for number in range(12):
            text = f"{kind} {name.replace('-', ' ')} common words of all pages {'and more ' * 30} "
            pages.append(
                Page(name, f"{number}.html", f"<html><body><main><p>{text * 3}</p></main></body></html>".encode())
            )
    write_warc(iter(pages), warc_file())
    assert known_origin.main(["--recipe", "smoke"]) == 0
    folder = tmp_path / "build/smoke/known_origin"
    report = json.loads((folder / "report.json").read_text())
    assert report["crawl"]["pages"] == len(pages) and report["recipe"] is None
    assert report["same_packages"]["test"]["f1"] > 0.9
    assert sum(fold["n"] for fold in report["unseen_packages"]["folds"]) == len(pages)
    assert (folder / "pr.png").stat().st_size > 1000 and (folder / "failures.jsonl").exists()
