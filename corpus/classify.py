"""Step `filter`: fastText tells agent-relevant from general text, and decides about what was retrieved."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus.plain_text import shortened
from corpus.rows import Row, jsonl_files, read_documents, row_of, with_reason, write_documents
from corpus.steps import Work, write_report
from records.files import replacing, stable_hash, write_text
from records.recipe_corpus import FilterRecipe

if TYPE_CHECKING:
    from datatrove.data import Document

AGENT, GENERAL = "agent", "general"
HELD_OUT = 0.2
"""Share of the labels that only measure the classifier."""
CHARACTERS = 1200
"""Characters of a text that the classifier reads."""
_WORD = re.compile(r"[a-z]{2,}")
_MARKUP_WORDS = frozenset(
    "parameters returns args raises required string integer boolean list object number type properties description"
    " items question answer which function does this how do call what and take schema def none str dict int bool"
    " float self param array enum format time minlength maxlength minitems maxitems minimum maximum".split()
)
"""Words that the forms of API rows bring with them, and that would give the class away."""


def words_of(text: str) -> str:
    """What the classifier sees of a text: its words in lower case, those of API forms left out."""
    found = _WORD.findall(text[:CHARACTERS].lower())
    return " ".join(word for word in found if word not in _MARKUP_WORDS)


def classify(work: Work, folder: Path) -> None:
    """Label, train, measure, and move what was retrieved and passes from `text` to `web`."""
    recipe = work.recipe.corpus.filter
    retrieval = work.step("retrieval")
    hits = json.loads((retrieval / "hits.json").read_text())
    near, candidates = (set(json.loads((retrieval / f"{name}.json").read_text())) for name in ("near", "candidates"))
    rows = list(read_documents(*jsonl_files(work.step("sources") / "rows")))
    labels = weak_labels(rows, near, candidates, recipe.labels, work.recipe.seed)
    training, held_out = [item for item in labels if not is_held_out(item)], [i for i in labels if is_held_out(i)]
    model = train(training, recipe, folder)
    measured = measure(model, held_out, recipe.threshold)
    pages = list(read_documents(retrieval / "crawl.jsonl"))
    chosen, dropped = _apply(model, [*rows, *pages], hits, recipe.threshold)
    write_documents(folder / "labels.jsonl", [item.document() for item in labels])
    accepted = [item for item in pages if item.id in chosen]
    write_documents(folder / "rows.jsonl", [*(chosen.get(item.id, item) for item in rows), *accepted])
    kept = {"retrieved": len(hits), "kept": len(chosen), "dropped": dropped}
    sizes = {"training": len(training), "held_out": len(held_out)}
    write_report(folder, {"labels": sizes, "held_out": measured, "threshold": recipe.threshold, "applied": kept})


def weak_labels(rows: Sequence[Document], near: set[str], candidates: set[str], most: int, seed: int) -> list[Row]:
    """Rows of `labels`: API documentation is agent-relevant; text far from every API seed is general.

    Text that retrieval found near a seed is in neither class, because the classifier is to decide about it.

    Args:
        rows: all rows that were read.
        near: ids of text that is near a seed.
        candidates: ids of text that retrieval looked at; known to be far from the seeds unless in `near`.
        most: labels of each class.
        seed: of the sample.
    """

    def by_hash(item: Document) -> int:
        return stable_hash(f"{seed}/label/{item.id}")

    agent = sorted((item for item in rows if item.metadata["config"] == "api_docs"), key=by_hash)
    text = (item for item in rows if item.metadata["config"] == "text" and item.id not in near)
    general = sorted(text, key=lambda item: (item.id not in candidates, by_hash(item)))
    size = min(most, len(agent), len(general))
    labelled = [(AGENT, item) for item in agent[:size]] + [(GENERAL, item) for item in general[:size]]
    return [label_row(item, label, item.id in candidates) for label, item in labelled]


def label_row(item: Document, label: str, looked_at: bool) -> Row:
    """The row of one label."""
    rule = "api_docs" if label == AGENT else "far from every seed" if looked_at else "text that retrieval did not see"
    row = row_of(item)
    return Row(
        id=f"label/{row.id}",
        config="labels",
        text=shortened(row.text, CHARACTERS),
        source=row.source,
        license=row.license,
        attribution=row.attribution,
        url=row.url,
        kind=label,
        api_ids=row.api_ids,
        provenance={**row.provenance, "label": {"label": label, "rule": rule}},
    )


def is_held_out(row: Row) -> bool:
    """Whether a label measures the classifier and never trains it; by a hash of its id."""
    return stable_hash(f"held out/{row.id}") % 1000 < HELD_OUT * 1000


def train(labels: Sequence[Row], recipe: FilterRecipe, folder: Path) -> Any:
    """The fastText model of these labels, saved as `model.bin`."""
    model = train_lines([f"__label__{row.kind} {words_of(row.text)}" for row in labels], recipe, folder)
    with replacing(folder / "model.bin") as partial:
        model.save_model(str(partial))
    return model


def train_lines(lines: Sequence[str], recipe: FilterRecipe, folder: Path) -> Any:
    """Train with one thread, so that the same lines give the same model, in the order of their hashes."""
    import fasttext

    write_text(folder / "training.txt", "\n".join(sorted(lines, key=stable_hash)) + "\n")
    return fasttext.train_supervised(
        input=str(folder / "training.txt"),
        epoch=recipe.epochs,
        lr=recipe.learning_rate,
        wordNgrams=recipe.word_ngrams,
        dim=recipe.dimension,
        bucket=200_000,
        minCount=2,
        thread=1,
        seed=1,
        verbose=0,
    )


def probability(model: Any, text: str) -> float:
    """Probability of `agent` for a text."""
    return probability_of(model, words_of(text))


def probability_of(model: Any, words: str) -> float:
    """Probability of `agent`, rounded to 3 decimals before any threshold meets it."""
    names, values = model.predict([words], k=2)
    found = {str(name).removeprefix("__label__"): float(value) for name, value in zip(names[0], values[0], strict=True)}
    return round(min(found.get(AGENT, 0.0), 1.0), 3)


def measure(model: Any, labels: Sequence[Row], threshold: float) -> dict[str, Any]:
    """Accuracy, and precision, recall and F1 of `agent`, on labels the model has not seen."""
    pairs = [(row.kind == AGENT, probability(model, row.text) >= threshold) for row in labels]
    counts = {
        "true_positive": sum(truth and said for truth, said in pairs),
        "false_positive": sum(said and not truth for truth, said in pairs),
        "false_negative": sum(truth and not said for truth, said in pairs),
        "true_negative": sum(not truth and not said for truth, said in pairs),
    }
    return {**counts, **scores_of(**counts)}


def scores_of(true_positive: int, false_positive: int, false_negative: int, true_negative: int) -> dict[str, float]:
    """Accuracy, precision, recall and F1, rounded to 4 decimals; 0 where nothing can be divided."""
    total = true_positive + false_positive + false_negative + true_negative

    def share(part: float, whole: float) -> float:
        return round(part / whole, 4) if whole else 0.0

    return {
        "accuracy": share(true_positive + true_negative, total),
        "precision": share(true_positive, true_positive + false_positive),
        "recall": share(true_positive, true_positive + false_negative),
        "f1": share(2 * true_positive, 2 * true_positive + false_positive + false_negative),
    }


def _apply(
    model: Any, rows: Sequence[Document], hits: dict[str, Any], threshold: float
) -> tuple[dict[str, Document], dict[str, Any]]:
    """Rows of `web` by id, and the retrieved ones that stay text, as `{reason: {count, example}}`."""
    chosen: dict[str, Document] = {}
    below: list[str] = []
    for item in rows:
        if item.id not in hits:
            continue
        score = probability(model, item.text)
        if score < threshold:
            below.append(item.id)
            continue
        with_reason(with_reason(item, "retrieval", hits[item.id]), "filter", {"score": score})
        item.metadata["config"] = "web"
        chosen[item.id] = item
    return chosen, {"below_threshold": {"count": len(below), "example": below[0]}} if below else {}
