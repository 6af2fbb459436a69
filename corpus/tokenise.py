"""Step `tokens`: datatrove's tokenised shards, one file set for each config and split."""

from __future__ import annotations

import json
import shutil
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from datatrove.pipeline.readers.jsonl import JsonlReader
from datatrove.pipeline.tokens.tokenizer import DocumentTokenizer

from corpus.executor import run_blocks
from corpus.rows import SPLITS, STREAM, TOKENISED, read_documents
from corpus.steps import Work, write_report
from records.calls import answer_spans
from records.files import replacing
from records.turn_tokens import document_end

if TYPE_CHECKING:
    from datatrove.data import Document

BATCH = 200
"""Documents encoded together; more only costs memory."""


class RowTokenizer(DocumentTokenizer):
    """datatrove's tokenizer, loaded once a process and not once a task."""

    @property
    def tokenizer(self) -> Any:
        """The tokenizer, with the end of a document put after each text where there is one."""
        return load_tokenizer(self.tokenizer_name_or_path, self.eos_token)


@lru_cache(maxsize=2)
def load_tokenizer(file: str, end: str | None) -> Any:
    """The tokenizer of a tokenizer.json; `end` is put after each text, what the tokenizer opens a text with before it.

    Without an `end` nothing is put around a text: that of a dialogue has its own tokens.
    """
    from tokenizers import Tokenizer
    from tokenizers.processors import TemplateProcessing

    tokenizer = Tokenizer.from_file(file)
    around = tokenizer.encode("").tokens
    if end is None and around:
        tokenizer.post_processor = TemplateProcessing(single="$A", pair=None, special_tokens=[])
    elif end is not None:
        opens = [token for token in around[:1] if token != end]
        special = [(token, tokenizer.token_to_id(token)) for token in [*opens, end]]
        tokenizer.post_processor = TemplateProcessing(
            single=" ".join([*opens, "$A", end]), pair=None, special_tokens=special
        )
    return tokenizer


class AnswerTokenizer(RowTokenizer):
    """datatrove's tokenizer with loss on the answers of a dialogue alone: on tokens that lie wholly inside one."""

    name = "✍️ Writer (loss on answers)"

    def get_loss_values(self, document: Document, encoded: Any) -> Any:
        """`float64 [tokens]`: 1 inside an answer (its `<|im_end|>` included), 0 elsewhere."""
        tools = document.metadata["tools"]
        spans = answer_spans(json.loads(document.metadata["messages"]), json.loads(tools) if tools else None)
        return loss_of(encoded.offsets, spans)


def loss_of(offsets: list[tuple[int, int]], spans: list[tuple[int, int]]) -> Any:
    """Loss mask `[tokens]` of tokens with these character offsets, for answers at these character ranges."""
    inside = [any(start <= first and last <= end for start, end in spans) for first, last in offsets]
    return np.array(inside, dtype="float64")


def tokenise(work: Work, folder: Path) -> None:
    """Write `tokens/<config>/<split>.ds`, `.ds.index` and for `ift` `.ds.loss`; report the tokens of each.

    uint16 ids, uint32 of more than 65,536. Documents end in the tokenizer's end of text, those of `ift` in the turn's.
    """
    tokenizer = str(work.step("tokenizer") / "tokenizer.json")
    plain = [config for config in TOKENISED if config != "ift"]
    settings: dict[str, Any] = {"shuffle_documents": False, "save_final_metadata": False, "batch_size": BATCH}
    end = {"eos_token": document_end(work.step("tokenizer"))}
    _run(work, folder, plain, RowTokenizer(str(folder / "raw"), tokenizer, **end, **settings))
    settings["save_loss_metadata"] = True
    _run(work, folder, ["ift"], AnswerTokenizer(str(folder / "raw_ift"), tokenizer, **settings))
    counts = {config: {split: tokens_in(folder, config, split) for split in SPLITS} for config in TOKENISED}
    write_report(folder, {"tokens": counts, "stream": {config: counts[config]["train"] for config in STREAM}})


def _run(work: Work, folder: Path, configs: list[str], block: DocumentTokenizer) -> None:
    """Tokenise every split of these configs, one a task, and give the files their names."""
    names = [(config, split) for config in configs for split in SPLITS]
    paths = folder / f"files_{'_'.join(configs)}.txt"
    with replacing(paths) as partial:
        partial.write_text("".join(f"{config}/{split}.jsonl\n" for config, split in names))
    reader = JsonlReader(str(work.step("arrange")), str(paths), compression=None, add_file_path=False)
    name = "tokens" if len(configs) > 1 else f"tokens · {configs[0]}"
    run_blocks(name, [reader, block], folder, len(names), work.workers)
    for rank, (config, split) in enumerate(names):
        raw = Path(block.output_folder.path) / f"{rank:05d}_unshuffled.ds"
        for suffix in ("", ".index", *([".loss"] if block.save_loss_metadata else [])):
            with replacing(folder / "tokens" / config / f"{split}.ds{suffix}") as partial:
                shutil.copyfile(f"{raw}{suffix}", partial)


def document_ends(folder: Path, config: str, split: str) -> Any:
    """Cumulative document ends, `uint64 [documents]`, of a config's split below the step's folder."""
    return np.fromfile(folder / "tokens" / config / f"{split}.ds.index", dtype="<u8")


def tokens_in(folder: Path, config: str, split: str) -> int:
    """Tokens of a config's split."""
    ends = document_ends(folder, config, split)
    return int(ends[-1]) if len(ends) else 0


def row_lengths(work: Work, config: str, split: str) -> list[int]:
    """Tokens of each row, end of document included, in the order of `arrange`."""
    if config not in TOKENISED:
        return _lengths_without_shard(work, config, split)
    ends = document_ends(work.step("tokens"), config, split)
    return [int(length) for length in np.diff(ends, prepend=np.uint64(0))]


def _lengths_without_shard(work: Work, config: str, split: str) -> list[int]:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(work.step("tokenizer") / "tokenizer.json"))
    texts = (row.text for row in read_documents(work.step("arrange") / config / f"{split}.jsonl"))
    lengths: list[int] = []
    while batch := list(islice(texts, BATCH)):
        lengths += [len(encoded.ids) + 1 for encoded in tokenizer.encode_batch(batch)]
    return lengths
