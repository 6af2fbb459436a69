"""Labels by a model behind an OpenAI-compatible endpoint, for a sample of what retrieval found."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus.chat_endpoint import ChatEndpoint
from corpus.classify import AGENT, GENERAL, labelled
from corpus.executor import progress
from corpus.filter_scores import counted
from corpus.page_features import tokens_of
from corpus.page_filter import PageFilter
from corpus.rows import Row, row_of
from records.files import stable_hash
from records.recipe_corpus import AnnotatorRecipe

if TYPE_CHECKING:
    from datatrove.data import Document

INSTRUCTION = (
    "You label pieces of web pages. Answer API if the piece documents a programming interface, a command or a service "
    "that a program calls (functions, methods, endpoints, parameters, how to call them). Answer OTHER for anything "
    "else. Answer with that one word."
)
CHARACTERS = 2_400
WORDS = {"api": AGENT, "other": GENERAL}


def annotate(
    recipe: AnnotatorRecipe, rows: Iterable[Document], answers: Path, seed: int, known: PageFilter, threshold: float
) -> tuple[list[Row], dict[str, Any]]:
    """Rows of `labels` with the model's labels, and a report of how far the filter agrees with them.

    Args:
        recipe: endpoint, model and how many rows are asked about.
        rows: what retrieval found; a sample by hash is asked about.
        answers: file of the answers, to which each is appended at once, so that a run that is killed, or made again,
            asks for the rest alone.
        seed: of the sample.
        known: the filter that is compared.
        threshold: its threshold.

    Raises:
        UserError: the endpoint does not answer, or not in OpenAI's form.
    """
    drawn = ((stable_hash(f"{seed}/annotator/{item.id}"), item.id, item) for item in rows)
    sample = [item for _, _, item in heapq.nsmallest(recipe.rows, drawn, key=lambda one: one[:2])]
    with (
        ChatEndpoint(recipe.endpoint, recipe.model, answers, "corpus.filter.annotator") as endpoint,
        progress("annotator", "rows", len(sample)) as bar,
        ThreadPoolExecutor(recipe.workers) as pool,
    ):
        replies = []
        for reply in pool.map(lambda item: endpoint.ask(INSTRUCTION, item.text[:CHARACTERS]), sample):
            replies.append(reply)
            bar.update()
    labels, pairs, unclear = [], [], Counter[str]()
    for item, reply in zip(sample, replies, strict=True):
        label = label_of(reply)
        if label is None:
            unclear[reply.strip()[:60]] += 1
            continue
        score = known.model.score(tokens_of(item.text))
        labels.append(labelled(row_of(item), label, "annotator", model=recipe.model, filter_score=score))
        pairs.append((label == AGENT, score >= threshold))
    report: dict[str, Any] = {"model": recipe.model, "asked": len(sample), "labelled": len(labels)}
    report["dropped"] = {"unclear_answer": {"count": unclear.total(), "example": min(unclear)}} if unclear else {}
    return labels, {**report, "filter_beside_it": counted(pairs)}


def label_of(reply: str) -> str | None:
    """The label in an answer, None where it is not exactly one of both words."""
    words = reply.strip().strip("\"'`*.").lower().split()
    return WORDS.get(words[0].strip("\"'`*.,:")) if len(words) == 1 else None
