"""Where the files of a crawl lie: on the disk, on the Hub or at an address."""

from __future__ import annotations

import gzip
from pathlib import Path

from corpus.debian_pages import warc_file
from records.assets import ROOT, assets_folder
from records.errors import UserError
from records.recipe_corpus import CrawlRecipe

DOCUMENTATION = "documentation"
"""The name that stands for the crawl of `make crawl`: Debian's documentation, pydoc's pages where there is no apt."""
ENDINGS = {
    "warc": (".warc", ".warc.gz"),
    "parquet": (".parquet",),
    "html": (".html", ".htm", ".xhtml"),
}
COMMON_CRAWL = "https://data.commoncrawl.org/"


def documentation_file() -> Path:
    """The crawl of `make crawl`. Raises UserError: it was not made."""
    for file in made_crawls():
        if file.is_file():
            return file
    missing = made_crawls()[0]
    raise UserError(f"the recipe reads the crawl {DOCUMENTATION!r}, and {missing} is missing; run `make crawl` first")


def made_crawls() -> tuple[Path, Path]:
    """Where `make crawl` puts Debian's pages, and where pydoc's."""
    return warc_file(), assets_folder() / "pydoc-pages.warc.gz"


def source_of(item: CrawlRecipe) -> str:
    """Name of a crawl in rows and reports."""
    return item.path if item.path == DOCUMENTATION else item.path.rstrip("/").rsplit("/", 1)[-1].split(".")[0]


def crawl_files(item: CrawlRecipe) -> list[str]:
    """Paths or addresses of a crawl's files, sorted; those of a list of paths in its order.

    Raises:
        UserError: nothing is there, or no file has an ending of the format.
    """
    import fsspec

    if item.path == DOCUMENTATION:
        return [str(documentation_file())]
    place = item.path if "://" in item.path else str(ROOT / Path(item.path).expanduser())
    where = f"corpus.retrieval.crawls names {item.path}"
    if place.endswith((".paths", ".paths.gz")):
        return _listed(place, where)[: item.files]
    try:
        files, path = fsspec.core.url_to_fs(place)
        found = sorted(files.find(path)) if files.isdir(path) else [path] if files.exists(path) else []
    except (OSError, ValueError, ImportError) as error:
        raise UserError(f"{where}, which cannot be reached ({error}); correct the path in the recipe") from None
    if not found:
        raise UserError(f"{where}, and {place} does not exist or is empty; correct the path in the recipe")
    fitting = [name for name in found if name.lower().endswith(ENDINGS[item.format])]
    if not fitting:
        endings = " or ".join(ENDINGS[item.format])
        raise UserError(f"{where} as {item.format}, and {place} holds no file that ends in {endings}")
    return [files.unstrip_protocol(name) if "://" in place else name for name in fitting][: item.files]


def _listed(place: str, where: str) -> list[str]:
    """The WARC files of a list as Common Crawl publishes them, a path a line (`warc.paths.gz`)."""
    import fsspec

    try:
        with fsspec.open(place, "rb") as stream:
            content = stream.read()
        text = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        lines = [line.strip() for line in text.decode().splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise UserError(f"{where}, which cannot be read ({error}); correct the path in the recipe") from None
    if not lines:
        raise UserError(f"{where}, which lists no file")
    beside = place.rsplit("/", 1)[0]
    return [
        line if "://" in line or line.startswith("/") else
        COMMON_CRAWL + line if line.startswith("crawl-data/") else f"{beside}/{line}"
        for line in lines
    ]  # fmt: skip


def state_of_crawls(crawls: tuple[CrawlRecipe, ...]) -> list[str]:
    """Name, size and time of the files that crawls on this disk hold: a changed file is read again.

    The crawl of `make crawl` is looked for, not asked for: a plan is printed before it is made.
    """
    found = []
    there = [item for item in crawls if item.path != DOCUMENTATION or any(file.is_file() for file in made_crawls())]
    for name in (name for item in there for name in crawl_files(item)):
        if "://" in name:
            found.append(name)
        else:
            state = Path(name).stat()
            found.append(f"{name} {state.st_size} {state.st_mtime_ns}")
    return found
