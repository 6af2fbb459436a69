"""One timed run of a line from pages to kept texts: ours, or datatrove's stock recipe with one of two extractors.

`python -m corpus.bench_line_run SIDE WARC MODEL THRESHOLD FOLDER` prints a JSON object. A process of its own, so that
its memory is its own.
"""

from __future__ import annotations

import importlib
import json
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.dedup.minhash import (
    MinhashConfig,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.extractors import Trafilatura
from datatrove.pipeline.extractors.base import BaseExtractor
from datatrove.pipeline.filters.base_filter import BaseFilter
from datatrove.pipeline.filters.c4_filters import C4QualityFilter
from datatrove.pipeline.filters.fineweb_quality_filter import FineWebQualityFilter
from datatrove.pipeline.filters.gopher_quality_filter import GopherQualityFilter
from datatrove.pipeline.filters.gopher_repetition_filter import GopherRepetitionFilter
from datatrove.pipeline.filters.lambda_filter import LambdaFilter
from datatrove.pipeline.readers.jsonl import JsonlReader
from datatrove.utils.hashing import HashConfig

from corpus.classify import probability_of
from corpus.dedup import PlainWords, near_duplicates
from corpus.executor import QuietExecutor, jsonl_writer, quiet, run_blocks
from corpus.page_features import tokens_of
from corpus.page_models import FastText
from corpus.quality import text_problem
from corpus.read_crawl import CrawlReader
from corpus.rows import jsonl_files, read_documents
from records.recipe_corpus import DedupRecipe

if TYPE_CHECKING:
    from datatrove.data import Document, DocumentsPipeline

DEDUP = DedupRecipe(n_gram=5, buckets=14, hashes_per_bucket=8)
"""datatrove's own defaults, on both sides."""
STEPS = {
    "ours": (
        "WARC by fastwarc", "resiliparse, main text", "length and prose rule", "fastText over tokens and densities",
        "JSON Lines", "MinHash signatures by the array", "datatrove's MinHash buckets, clusters, filter",
    ),
    "stock": (
        "WARC by fastwarc", "datatrove's Trafilatura, favour_precision", "GopherRepetition", "GopherQuality",
        "C4Quality without terminal punctuation", "FineWebQuality", "fastText over the whole text", "JSON Lines",
        "datatrove's MinHash signatures, buckets, clusters, filter",
    ),
}  # fmt: skip
"""What each side does, in order. Stock's URL and language filters need downloads and are left out, which favours it; so
do its words, told by blanks and not by spaCy, and its WARC reader, which is ours (datatrove's is warcio's).
"""
STEPS["stock, resiliparse"] = (STEPS["stock"][0], "resiliparse, main text, as an extractor", *STEPS["stock"][2:])


class Resiliparse(BaseExtractor):
    """resiliparse's main text as a datatrove extractor."""

    name = "resiliparse"

    def __init__(self, timeout: float = 30) -> None:
        """Args: seconds a page may take."""
        super().__init__(timeout)

    def extract(self, text: str) -> str:
        """The main text of a page."""
        from resiliparse.extract.html2text import extract_plain_text

        return str(extract_plain_text(text, main_content=True, alt_texts=False, links=False, form_fields=False))


class Pages(CrawlReader):
    """Yields a document a page that holds its HTML: what an extractor of datatrove wants."""

    def run(self, data: DocumentsPipeline = None, rank: int = 0, world_size: int = 1) -> DocumentsPipeline:
        """Yield the pages."""
        from datatrove.data import Document
        from resiliparse.parse.encoding import bytes_to_str, detect_encoding

        for file in self.files[rank::world_size]:
            for url, content in self._pages(file):
                html = bytes_to_str(content, detect_encoding(content) or "utf-8", errors="replace")
                yield Document(text=html, id=url)


class StockFastText(BaseFilter):
    """What FastTextClassifierFilter does with a document: the model over all of its text, on one line.

    The block itself cannot start here: it asks for packages of other names than the ones that bring `fasttext`, and
    hands `predict` a text where the library takes a list of texts.
    """

    name = "fastText"

    def __init__(self, model: Path, threshold: float) -> None:
        """Args: folder of the model, and the probability from which a page is kept."""
        super().__init__()
        self.model, self.threshold, self._loaded = model, threshold, None

    def filter(self, doc: Document) -> bool:
        """Whether the page is kept."""
        import fasttext

        if self._loaded is None:
            self._loaded = fasttext.load_model(str(self.model / "model.bin"))
        return probability_of(self._loaded, doc.text.strip().replace("\n", " ")) >= self.threshold


class PageFilter(PipelineStep):
    """The filter of the corpus line (corpus/page_models.py) over a page."""

    type = "🔻 - FILTER"
    name = "pages"

    def __init__(self, model: Path, threshold: float) -> None:
        """Args: folder of the model, and the probability from which a page is kept."""
        super().__init__()
        self.model, self.threshold = model, threshold

    def run(self, data: DocumentsPipeline = None, rank: int = 0, world_size: int = 1) -> DocumentsPipeline:
        """Pass kept pages on."""
        model = FastText.load(self.model)
        for page in data or ():
            if model.score(tokens_of(page.text)) >= self.threshold:
                yield page


def ours(warcs: tuple[Path, ...], model: Path, threshold: float, folder: Path) -> None:
    """Pages to `folder/kept/*.jsonl`."""
    blocks: list[PipelineStep] = [
        CrawlReader(warcs, folder / "crawl"),
        LambdaFilter(_is_prose),
        PageFilter(model, threshold),
        jsonl_writer(folder / "unique"),
    ]
    run_blocks("pages", blocks, folder, len(warcs), 1)
    near_duplicates(DEDUP, folder, 1)


def _is_prose(page: Document) -> bool:
    return text_problem(page.text) is None


def stock(warcs: tuple[Path, ...], model: Path, threshold: float, folder: Path, extractor: BaseExtractor) -> None:
    """The same by the blocks of datatrove's example `fineweb.py`, each with its defaults there."""
    words = PlainWords()
    blocks: list[PipelineStep] = [
        Pages(warcs, folder / "crawl"),
        extractor,
        GopherRepetitionFilter(language=words),
        GopherQualityFilter(language=words),
        C4QualityFilter(filter_no_terminal_punct=False, language=words),
        FineWebQualityFilter(language=words),
        StockFastText(model, threshold),
        jsonl_writer(folder / "unique"),
    ]
    _run("pages", blocks, folder, len(warcs))
    config = MinhashConfig(hash_config=HashConfig(precision=64, hash_fc="sha1"))
    minhash, shards = folder / "minhash", len(jsonl_files(folder / "unique"))

    def reader() -> JsonlReader:
        return JsonlReader(str(folder / "unique"), compression=None, add_file_path=False)

    signature = MinhashDedupSignature(str(minhash / "signatures"), config, language=words)
    _run("signatures", [reader(), signature], folder, shards)
    buckets = MinhashDedupBuckets(str(minhash / "signatures"), str(minhash / "buckets"), config=config)
    _run("buckets", [buckets], folder, config.num_buckets)
    cluster = MinhashDedupCluster(str(minhash / "buckets"), str(minhash / "clusters"), config)
    _run("clusters", [cluster], folder, 1)
    keep = MinhashDedupFilter(str(minhash / "clusters"))
    _run("keep", [reader(), keep, jsonl_writer(folder / "kept")], folder, shards)


def _run(name: str, blocks: list[PipelineStep], folder: Path, tasks: int) -> None:
    """Without a thread for a progress bar: extractors of datatrove fork, which must not happen beside threads."""
    QuietExecutor(blocks, tasks, 1, str(folder / "logs" / name)).run()


def kept_pages(folder: Path) -> Iterator[str]:
    """Addresses of the pages that a run kept."""
    return (page.id for page in read_documents(*jsonl_files(folder / "kept")))


def main(argv: Sequence[str]) -> int:
    """Run one side and print seconds, processor seconds, the largest memory, and the pages that were kept."""
    side, warcs, model, threshold, place = argv
    files, folder = tuple(sorted(Path(warcs).glob("*.warc.gz"))), Path(place)
    if side == "stock":
        # Imported before the extractor's process is forked: it would import it anew after every page that took long.
        importlib.import_module("trafilatura")
    begin = time.perf_counter()
    if side == "ours":
        ours(files, Path(model), float(threshold), folder)
    else:
        extractor = Resiliparse() if "resiliparse" in side else Trafilatura(favour_precision=True, timeout=30)
        with quiet():
            stock(files, Path(model), float(threshold), folder, extractor)
    seconds = time.perf_counter() - begin
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    processor = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
    status = Path("/proc/self/status").read_text()  # ru_maxrss would begin at that of the process that started this one
    memory = 1024 * int(status.split("VmHWM:")[1].split()[0])
    found = {"seconds": seconds, "processor_seconds": processor, "bytes": memory, "kept": list(kept_pages(folder))}
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
