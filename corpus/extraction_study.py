"""Which library extracts a page's text: resiliparse beside trafilatura, by speed and by the text the page was made of.

`python -m corpus.extraction_study` (`make extraction-study`) reads packages of `make crawl` that carry the
reStructuredText behind their pages (`_sources/`), extracts those pages with both, and writes report.json.
"""

from __future__ import annotations

import argparse
import platform
import re
import subprocess
import sys
import tarfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import mean, median
from typing import Any

from corpus.read_crawl import page_text
from records.assets import assets_folder
from records.errors import UserError, run_command
from records.files import stable_hash, write_json
from records.recipe import ROOT

PACKAGES = ("python3.11-doc", "debian-policy", "developers-reference")
"""Packages of the crawl with their sources beside the pages."""
PAGES = 200
_WORD = re.compile(r"[^\W\d_]{3,}")
_MARKUP = re.compile(r"^\s*\.\. [\w-]+::?|^\s*:[\w ]+:|:[\w:]+:`|`_+|https?://\S+", re.M)


@dataclass(frozen=True)
class Pair:
    """A page and what it was made of."""

    name: str
    page: bytes
    source: str


def pairs_of(package: Path) -> list[Pair]:
    """Pages of a package whose source lies in `_sources/`, in the order of a hash of their names."""
    pages: dict[str, bytes] = {}
    sources: dict[str, bytes] = {}
    command = ["dpkg-deb", "--fsys-tarfile", str(package)]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE) as process,
        tarfile.open(fileobj=process.stdout, mode="r|") as archive,
    ):
        for member in archive:
            stream = archive.extractfile(member) if member.isfile() else None
            if stream is None:
                continue
            if "/_sources/" in member.name and member.name.endswith(".txt"):
                folder, below = member.name.split("/_sources/", 1)
                sources[f"{folder}/{below.split('.')[0]}"] = stream.read()
            elif member.name.endswith(".html"):
                pages[member.name.removesuffix(".html")] = stream.read()
    found = [Pair(name, pages[name], sources[name].decode("utf-8", "replace")) for name in pages if name in sources]
    return sorted(found, key=lambda pair: stable_hash(pair.name))


def words_of(text: str) -> Counter[str]:
    """The words of a text, each with its count."""
    return Counter(_WORD.findall(text.lower()))


def overlap(extracted: str, source: str) -> tuple[float, float, float]:
    """Precision, recall and F1 of the words that an extraction has of its source, its markup aside."""
    got, wanted = words_of(extracted), words_of(_MARKUP.sub(" ", source))
    common = (got & wanted).total()
    precision = common / got.total() if got else 0.0
    recall = common / wanted.total() if wanted else 0.0
    return precision, recall, 2 * precision * recall / (precision + recall) if common else 0.0


def by_trafilatura(page: bytes) -> str | None:
    """What trafilatura extracts as datatrove sets it: precision favoured, no comments, no fallback."""
    from trafilatura import extract

    found = extract(page, favor_precision=True, include_comments=False, deduplicate=True, fast=True)
    return str(found) if found else None


def by_trafilatura_for_recall(page: bytes) -> str | None:
    """The same with recall favoured."""
    from trafilatura import extract

    found = extract(page, favor_recall=True, include_comments=False, fast=True)
    return str(found) if found else None


EXTRACTORS: dict[str, Callable[[bytes], str | None]] = {
    "resiliparse": page_text,
    "trafilatura": by_trafilatura,
    "trafilatura_for_recall": by_trafilatura_for_recall,
}


def measured(extract: Callable[[bytes], str | None], pairs: Sequence[Pair]) -> dict[str, Any]:
    """Pages a second of one core, characters, and how the extracted words agree with the sources."""
    start = time.process_time()
    texts = [extract(pair.page) or "" for pair in pairs]
    seconds = time.process_time() - start
    scores = [overlap(text, pair.source) for text, pair in zip(texts, pairs, strict=True)]
    precision, recall, f1 = zip(*scores, strict=True)
    return {
        "pages_per_second": round(len(pairs) / seconds, 1),
        "characters": sum(map(len, texts)),
        "no_text": sum(not text for text in texts),
        "precision": round(mean(precision), 4),
        "recall": round(mean(recall), 4),
        "f1": round(mean(f1), 4),
        "median_f1": round(median(f1), 4),
    }


def study(packages: Sequence[Path], most: int) -> dict[str, Any]:
    """The report: every extractor on the same pages, and by package."""
    by_package = {package.name.split("_")[0]: pairs_of(package)[:most] for package in packages}
    pairs = [pair for found in by_package.values() for pair in found]
    for extract in EXTRACTORS.values():
        extract(pairs[0].page)  # what is imported at first use is not timed
    return {
        "machine": {"processor": platform.processor() or platform.machine(), "python": platform.python_version()},
        "versions": {name: version(name) for name in ("resiliparse", "trafilatura")},
        "pages": len(pairs),
        "source_words": sum(words_of(_MARKUP.sub(" ", pair.source)).total() for pair in pairs),
        "extractors": {name: measured(extract, pairs) for name, extract in EXTRACTORS.items()},
        "f1_by_package": {
            package: {name: measured(extract, found)["f1"] for name, extract in EXTRACTORS.items()}
            for package, found in by_package.items()
            if found
        },
    }


def main(argv: Sequence[str]) -> int:
    """Measure and write. Raises UserError when the packages were not fetched."""
    parser = argparse.ArgumentParser(prog="python -m corpus.extraction_study", description="Compare extractors.")
    parser.add_argument("--pages", type=int, default=PAGES, help=f"most pages of a package (default: {PAGES})")
    parser.add_argument("--output", type=Path, default=ROOT / "build/extraction_study", help="folder of the report")
    options = parser.parse_args(argv)
    found = [file for name in PACKAGES for file in sorted((assets_folder() / "debian").glob(f"{name}_*.deb"))[:1]]
    if len(found) < len(PACKAGES):
        raise UserError(f"{assets_folder() / 'debian'} lacks packages of the crawl; run `make crawl` first")
    report = study(found, options.pages)
    write_json(options.output / "report.json", report)
    for name, row in report["extractors"].items():
        print(
            f"{name:24} {row['pages_per_second']:8.1f} pages/s  precision {row['precision']:.3f}  "
            f"recall {row['recall']:.3f}  F1 {row['f1']:.3f}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))
