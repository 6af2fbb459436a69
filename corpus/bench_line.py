"""`python -m corpus.bench_line`: pages to kept texts, beside datatrove's stock recipe on the same pages.

The pages are those of `make crawl`, whose origin is known. Three fifths train both sides' classifiers, the rest is what
is measured, at one, four and sixteen sixteenths of it, the largest page always among them. Sides take turns, so that
what slows the machine meets all.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus.bench_line_run import DEDUP, STEPS
from corpus.bench_planted import planted
from corpus.classify import probability_of, train_lines
from corpus.debian_pages import is_api_side, warc_file
from corpus.filter_scores import best_threshold, counted, scored_by
from corpus.known_pages import KnownPage
from corpus.page_filter import SETTINGS
from corpus.page_models import train_fasttext
from corpus.read_crawl import page_text
from records.assets import ROOT
from records.errors import UserError, run_command
from records.files import read_json, stable_hash, write_json
from records.recipe_corpus import FilterRecipe

OUTPUT = ROOT / "results" / "bench_line.json"
FILTER = FilterRecipe(epochs=20, learning_rate=0.3, word_ngrams=2, dimension=32, labels=0, threshold=0.5)
"""Of stock's classifier; ours has the settings of `make tune-filter`."""
SCALES = (1, 4, 16)
FILES = 4
SLOW = "stock"
"""The side that runs at the small scales alone: trafilatura reads some twenty pages a second."""
LIBRARIES = ("datatrove", "Resiliparse", "trafilatura", "fasttext-community", "numpy")


@dataclass(frozen=True)
class Page:
    """A page of the crawl: where its record stands, and what it holds."""

    url: str
    record: bytes
    """The gzip member of its WARC record."""
    size: int
    """Bytes of HTML."""
    text: str


def main(argv: Sequence[str]) -> int:
    """Measure and write the record."""
    parser = argparse.ArgumentParser(prog="python -m corpus.bench_line", description=str(__doc__).split("\n")[0])
    parser.add_argument("--pages", type=int, help="most pages of the crawl (default: all)")
    parser.add_argument("--crawl", type=Path, default=warc_file(), help="WARC file of `make crawl`, or one like it")
    parser.add_argument("--repeats", type=int, default=3, help="runs at the smallest scale, of which the median counts")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="record to write")
    options = parser.parse_args(argv)
    if options.repeats < 1 or (options.pages is not None and options.pages < 200):
        raise UserError("--repeats takes numbers from 1 on, --pages from 200 on")
    record = bench(options.crawl.name, crawl_pages(options.crawl, options.pages), options.repeats)
    write_json(options.output, record)
    print(f"corpus: {summary(record)}; written to {options.output}")
    return 0


def crawl_pages(crawl: Path, most: int | None) -> list[Page]:
    """Pages of the crawl in the order of a hash. Raises UserError when there is no crawl."""
    if not crawl.is_file():
        raise UserError(f"{crawl} is missing; run `make crawl` first (it needs apt-get)")
    found = sorted(_records(crawl), key=lambda pair: stable_hash(f"bench/{pair[0]}"))[:most]
    return [Page(url, record, len(content), page_text(content) or "") for url, (record, content) in found]


def _records(file: Path) -> Iterator[tuple[str, tuple[bytes, bytes]]]:
    """Addresses with gzip member and content of every page."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    raw = file.read_bytes()
    with file.open("rb") as stream:
        found = [
            (record.record_type, record.stream_pos, str(record.headers.get("WARC-Target-URI")), record.reader.read())
            for record in ArchiveIterator(stream, record_types=WarcRecordType.any_type, parse_http=True)
        ]
    ends = [start for _, start, _, _ in found[1:]] + [len(raw)]
    for (kind, start, url, content), end in zip(found, ends, strict=True):
        if kind == WarcRecordType.response:
            yield url, (raw[start:end], content)


def bench(crawl: str, pages: Sequence[Page], repeats: int) -> dict[str, Any]:
    """The record: machine, versions, every run, and headline ratios of stock over ours."""
    training, measured = [p for p in pages if _trains(p)], [p for p in pages if not _trains(p)]
    runs: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="bench-line-") as place:
        folder = Path(place)
        models = {side: train_side(side, training, folder / f"model {side}") for side in ("ours", "stock")}
        for scale in SCALES:
            chosen = at_scale(measured, scale)
            write_warcs(chosen, folder / f"warc {scale}")
            for number in range(repeats if scale == SCALES[0] else 1):
                for side in (side for side in STEPS if side != SLOW or scale < SCALES[-1]):
                    print(f"corpus: {side}, {len(chosen)} pages, run {number + 1}", file=sys.stderr)
                    at = folder / f"{side} {scale} {number}"
                    model, threshold = models["ours" if side == "ours" else "stock"]
                    found = run_side(side, folder / f"warc {scale}", model, threshold, at)
                    runs.append({"side": side, "scale": scale, **described(found, chosen)})
        near = planted([page.text for page in measured], DEDUP, folder / "planted")
    return {
        "schema": 1,
        "part": "corpus line",
        "machine": {"cores": os.cpu_count(), "processor": platform.machine(), "system": platform.system()},
        "versions": {"python": platform.python_version(), **{n: importlib.metadata.version(n) for n in LIBRARIES}},
        "pages": {"training": len(training), "measured": len(measured), "crawl": crawl},
        "steps": {side: list(steps) for side, steps in STEPS.items()},
        "thresholds": {side: threshold for side, (_, threshold) in models.items()},
        "runs": runs,
        "ratios": ratios(runs),
        "near_duplicates": near,
    }


def at_scale(pages: Sequence[Page], scale: int) -> list[Page]:
    """The first `scale` sixteenths of the pages, the largest of all among them: it sets the memory of any run that has
    it, so that without it two scales would be told apart by their pages.
    """
    largest = max(pages, key=lambda page: page.size)
    others = [page for page in pages if page is not largest]
    return [largest, *others][: len(pages) * scale // SCALES[-1]]


def _trains(page: Page) -> bool:
    return stable_hash(f"bench training/{page.url}") % 10 < 6


def train_side(side: str, pages: Sequence[Page], folder: Path) -> tuple[Path, float]:
    """Folder of a side's classifier, and the threshold of the largest F1 on a fifth that it did not train on."""
    folder.mkdir(parents=True)
    known = [KnownPage(page.url, page.text, is_api_side(page.url), "training") for page in pages if page.text]
    choosing = [page for page in known if stable_hash(f"bench threshold/{page.url}") % 5 == 0]
    training = [page for page in known if stable_hash(f"bench threshold/{page.url}") % 5]
    if side == "ours":
        scored = scored_by(
            train_fasttext(training, read_json(SETTINGS, "make tune-filter")["fasttext"], folder), choosing
        )
    else:
        model = train_lines(
            [f"__label__{page.label} {' '.join(page.text.split())}" for page in training], FILTER, folder
        )
        model.save_model(str(folder / "model.bin"))
        scored = [(page, probability_of(model, " ".join(page.text.split()))) for page in choosing]
    return folder, best_threshold(scored)


def write_warcs(pages: Sequence[Page], folder: Path) -> None:
    """Write the pages' records to FILES files, as a crawl has them."""
    folder.mkdir(parents=True)
    for number in range(FILES):
        (folder / f"{number:02d}.warc.gz").write_bytes(b"".join(page.record for page in pages[number::FILES]))


def run_side(side: str, warcs: Path, model: Path, threshold: float, folder: Path) -> dict[str, Any]:
    """One run in a process of its own. Raises UserError with its last words when it fails."""
    command = [sys.executable, "-m", "corpus.bench_line_run", side, str(warcs), str(model), str(threshold), str(folder)]
    # One thread a side: a core is what rates are given for.
    settings = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"side `{side}` failed: {done.stderr.strip()[-600:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def described(found: Mapping[str, Any], pages: Sequence[Page]) -> dict[str, Any]:
    """Figures of one run: rates by the clock and by processor seconds, memory, and how good the kept set is."""
    kept, size = set(found["kept"]), sum(page.size for page in pages) / 1e6
    return {
        "pages": len(pages),
        "megabytes": round(size, 2),
        "seconds": round(found["seconds"], 2),
        "processor_seconds": round(found["processor_seconds"], 2),
        "pages_per_second": round(len(pages) / found["seconds"], 1),
        "megabytes_per_second": round(size / found["seconds"], 2),
        "peak_megabytes": round(found["bytes"] / 1e6, 1),
        "kept": len(kept),
        "kept_set": counted([(is_api_side(page.url), page.url in kept) for page in pages]),
    }


def ratios(runs: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Seconds of stock over ours at the largest scale both ran, memory of ours from one to sixteen, and F1 of each."""

    def median(side: str, scale: int, key: str) -> float:
        return float(statistics.median(r[key] for r in runs if r["side"] == side and r["scale"] == scale))

    small, large = SCALES[0], SCALES[-1]
    found = {}
    for side, scale in (("stock", SCALES[-2]), ("stock, resiliparse", large)):
        for key in ("seconds", "processor_seconds"):
            found[f"{side}: {key} over ours"] = round(median(side, scale, key) / median("ours", scale, key), 2)
    for side in ("ours", "stock, resiliparse"):
        grown = median(side, large, "peak_megabytes") / median(side, small, "peak_megabytes")
        found[f"{side}: memory at {large} over {small}"] = round(grown, 3)
    return found


def summary(record: Mapping[str, Any]) -> str:
    """The figures of a record in one line."""
    last = {run["side"]: run for run in record["runs"]}
    sides = [f"{side} {r['pages_per_second']:g} pages/s, F1 {r['kept_set']['f1']}" for side, r in last.items()]
    return "; ".join([*sides, *(f"{name} {value:g}" for name, value in record["ratios"].items())])


if __name__ == "__main__":
    sys.exit(run_command(main))
