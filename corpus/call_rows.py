"""Step `calls`: call examples for fine-tuning as rows, with the character ranges that count in the loss."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datatrove.pipeline.base import PipelineStep

from corpus.api import Api
from corpus.call_examples import call_examples
from corpus.call_variety import Variety
from corpus.drops import read_counts
from corpus.executor import jsonl_writer, run_blocks
from corpus.read_apis import attribution_of
from corpus.rewrite_requests import rewrite_rows
from corpus.rows import Row, jsonl_files, ordered_json, read_documents
from corpus.session_rows import SessionReader
from corpus.sources import read_apis
from corpus.steps import Work, write_report
from records.calls import render_chat
from records.recipe_corpus import CallsRecipe

if TYPE_CHECKING:
    from datatrove.data import DocumentsPipeline

TASKS = 2


class CallExampleReader(PipelineStep):
    """`ift` rows; each task writes every n-th example."""

    type = "📖 - READER"
    name = "call examples"

    def __init__(self, apis: Path, recipe: CallsRecipe, seed: int) -> None:
        """Args: the file of Api records, how many examples of which kinds to write, and their seed."""
        super().__init__()
        self.apis = apis
        self.recipe = recipe
        self.seed = seed

    def run(self, data: DocumentsPipeline = None, rank: int = 0, world_size: int = 1) -> DocumentsPipeline:
        """Yield the rows of this task."""
        apis = read_apis(self.apis)
        by_id = {api.id: api for api in apis}
        examples = call_examples(apis, self.recipe, self.seed)
        for example in itertools.islice(examples, rank, None, world_size):
            yield call_row(example, by_id).document()


def call_row(example: dict[str, Any], apis: dict[str, Api]) -> Row:
    """The row of one example; licence and attribution are those of the APIs it is written from."""
    used = [apis[name] for name in example["api_ids"]]
    return Row(
        id=example["id"],
        config="ift",
        text=render_chat(example["messages"], example["tools"]),
        source=used[0].source,
        license=" AND ".join(sorted({api.license for api in used})),
        attribution="; ".join(sorted({attribution_of(api) for api in used})),
        url=used[0].url,
        kind=example["kind"],
        api_ids=tuple(example["api_ids"]),
        messages=ordered_json(example["messages"]),
        tools=ordered_json(example["tools"]),
        provenance={"calls": {"written_from": "API schemas"}},
    )


def write_calls(work: Work, folder: Path) -> None:
    """Write the call examples and report how varied they are."""
    recipe, apis, seed = work.recipe.corpus.calls, work.folder / "apis.jsonl", work.recipe.seed
    readers: list[PipelineStep] = [CallExampleReader(apis, recipe, seed)]
    if recipe.multi_turn:
        # Other sessions than those among the trajectories, which have the recipe's own seed.
        readers.append(SessionReader(apis, folder, recipe.multi_turn, seed + 1, "ift"))
    written = folder / ("rows" if recipe.rewrite is None else "drafts")
    run_blocks("calls", [*readers, jsonl_writer(written)], folder, TASKS, work.workers)
    rewriting = None
    if recipe.rewrite is not None:
        rewriting = rewrite_rows(recipe.rewrite, written, folder / "rows", work.folder / "rewrites.jsonl")
    variety = Variety()
    for item in read_documents(*jsonl_files(folder / "rows")):
        row = item.metadata
        variety.add(row["kind"], json.loads(row["messages"]), json.loads(row["tools"]), row["api_ids"])
    write_report(folder, {**variety.report(), "sessions": read_counts(folder / "drops"), "rewriting": rewriting})
