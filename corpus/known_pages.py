"""Pages whose origin is known, with their side (about APIs or not) and their part: training, validation or test.

Sites never stand in two parts: of the packages of debian_sites.py 60 % train, 20 % validate and 20 % test; a fifth of
the pages of the training sites are kept out of training as the part `same_site`. The fourteen packages of
debian_pages.py are in no part but `fourteen`: they test filters too, and the crawl of recipe `full` is made of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from corpus import debian_pages, debian_sites
from corpus.page_features import tokens_of
from corpus.read_crawl import CrawlReader
from records.errors import UserError
from records.files import sha256_file, stable_hash

PARTS = ("training", "validation", "test", "same_site", "fourteen")
AGENT, GENERAL = "agent", "general"


@dataclass(frozen=True)
class KnownPage:
    """A page, and where it is from."""

    url: str
    text: str
    about_apis: bool
    """The truth, by the package it comes from."""
    part: str

    @property
    def site(self) -> str:
        """The Debian package."""
        return site_of(self.url)

    @cached_property
    def tokens(self) -> list[str]:
        """What a filter sees."""
        return tokens_of(self.text)

    @property
    def label(self) -> str:
        """`agent` or `general`."""
        return AGENT if self.about_apis else GENERAL


def site_of(url: str) -> str:
    """The package in the address of a page."""
    return url.split("/")[2].removesuffix(".debian.invalid")


def parts_of_sites(sides: Iterable[Sequence[str]]) -> dict[str, str]:
    """The part of each site: of every side, by a hash of the names, 60 % training, 20 % validation, 20 % test."""
    parts = {}
    for side in sides:
        for place, site in enumerate(sorted(side, key=lambda name: stable_hash(f"part/{name}"))):
            parts[site] = ("training", "validation", "training", "test", "training")[place % 5]
    return parts


def has_crawl() -> bool:
    """Whether both files of `make crawl` are there."""
    return debian_pages.warc_file().is_file() and debian_sites.sites_file().is_file()


def crawl_identity() -> dict[str, str]:
    """The files of the crawls by their hashes."""
    return {file.name: sha256_file(file) for file in (debian_sites.sites_file(), debian_pages.warc_file())}


def read_known_pages(counts: Path, fourteen: bool = True) -> tuple[list[KnownPage], dict[str, int]]:
    """The pages of the crawls, and how many the reader dropped for which reason.

    Args:
        counts: folder of the reader's counts.
        fourteen: whether the pages of debian_pages.py are read too.

    Raises:
        UserError: a crawl is missing.
    """
    files = [debian_sites.sites_file(), *([debian_pages.warc_file()] if fourteen else [])]
    for file in files:
        if not file.is_file():
            raise UserError(f"{file} is missing; run `make crawl` first (it needs apt-get)")
    parts = parts_of_sites((debian_sites.API_SIDE, debian_sites.OTHER))
    pages, dropped = [], Counter[str]()
    for file in files:
        reader = CrawlReader((file,), counts)
        for item in reader.run() or ():
            pages.append(known_page(item.id, item.text, parts))
        dropped.update({reason: found["count"] for reason, found in reader.dropped.items()})
    return pages, dict(dropped)


def known_page(url: str, text: str, parts: dict[str, str]) -> KnownPage:
    """A page of a crawl with its side and part."""
    site = site_of(url)
    part = parts.get(site, "fourteen")
    if part == "training" and stable_hash(f"same site/{url}") % 5 == 0:
        part = "same_site"
    about = site in debian_sites.API_SIDE or site in debian_pages.API_SIDE
    return KnownPage(url, text, about, part)


def of_part(pages: Iterable[KnownPage], part: str) -> list[KnownPage]:
    """The pages of one part."""
    return [page for page in pages if page.part == part]


def sizes(pages: Iterable[KnownPage]) -> dict[str, dict[str, Any]]:
    """By part: pages, sites, and the share of pages about APIs."""
    found = {}
    pages = list(pages)
    for part in PARTS:
        chosen = of_part(pages, part)
        if chosen:
            share = round(sum(page.about_apis for page in chosen) / len(chosen), 4)
            found[part] = {"pages": len(chosen), "sites": len({p.site for p in chosen}), "share_about_apis": share}
    return found
