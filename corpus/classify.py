"""Step `filter`: tell agent-relevant from general text, and decide about what was retrieved."""

from __future__ import annotations

import heapq
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus.filter_scores import counted
from corpus.page_features import tokens_of
from corpus.page_filter import PageFilter, filter_of
from corpus.plain_text import shortened
from corpus.rows import Row, jsonl_files, read_documents, row_of, with_reason
from corpus.steps import Work, write_report
from records.files import canonical_json, replacing, stable_hash, write_text
from records.recipe_corpus import FilterRecipe

if TYPE_CHECKING:
    from datatrove.data import Document

AGENT, GENERAL = "agent", "general"
HELD_OUT = 0.2
"""Share of the labels that only measure."""
CHARACTERS = 1200
"""Characters of a text that its label's row has, and that fastText of the weak labels reads."""
_WORD = re.compile(r"[a-z]{2,}")
_MARKUP_WORDS = frozenset(
    "parameters returns args raises required string integer boolean list object number type properties description"
    " items question answer which function does this how do call what and take schema def none str dict int bool"
    " float self param array enum format time minlength maxlength minitems maxitems minimum maximum".split()
)
"""Words that the forms of API rows bring with them, and that would give the class away."""


def words_of(text: str) -> str:
    """What fastText of the weak labels sees of a text: its words in lower case, those of API forms left out."""
    found = _WORD.findall(text[:CHARACTERS].lower())
    return " ".join(word for word in found if word not in _MARKUP_WORDS)


def classify(work: Work, folder: Path) -> None:
    """Label, train, measure, and move what was retrieved and passes from `text` to `web`.

    The filter comes from pages of known origin (corpus/page_filter.py). fastText trained on this corpus's weak labels
    stands beside it in the report: it decided before pages of known origin showed that it cannot.
    """
    recipe, seed = work.recipe.corpus.filter, work.recipe.seed
    retrieval = work.step("retrieval")
    hits = json.loads((retrieval / "hits.json").read_text())
    near, candidates = (set(json.loads((retrieval / f"{name}.json").read_text())) for name in ("near", "candidates"))
    known, pages = filter_of(recipe.pages, folder)
    threshold = known.threshold if recipe.threshold is None else recipe.threshold
    labels = weak_labels(_sources(work), near, candidates, recipe.labels, seed)
    labels += page_labels(recipe.labels)
    measured = {known.name: measure_filter(known, labels, threshold), **_weak_fasttext(labels, recipe, folder)}
    if pages:
        write_pages_of(folder / "labels_of_pages.jsonl", pages)
    annotated: list[Row] = []
    report: dict[str, Any] = {}
    if recipe.annotator is not None:
        from corpus.annotate import annotate

        annotated, report = annotate(
            recipe.annotator, _retrieved(work, hits), work.folder / "annotations.jsonl", seed, known, threshold
        )
    with replacing(folder / "labels.jsonl") as partial, partial.open("w", encoding="utf-8") as stream:
        for row in (*labels, *annotated):
            stream.write(_line(row.document()))
    kept, dropped = _apply(work, folder / "rows.jsonl", known, hits, threshold)
    write_report(
        folder,
        {
            "filter": known.name, "pages": recipe.pages, "threshold": threshold,
            "threshold_rule": known.about["rule"] if recipe.threshold is None else "set by the recipe",
            "known_origin": {name: value for name, value in known.about.items() if name != "rule"},
            "labels": _label_counts(labels + annotated), "held_out": measured, "annotator": report or None,
            "applied": {"retrieved": len(hits), "kept": kept, "dropped": dropped},
        },
    )  # fmt: skip


def _sources(work: Work) -> Iterator[Document]:
    return read_documents(*jsonl_files(work.step("sources") / "rows"))


def _crawled(work: Work) -> Iterator[Document]:
    """Chunks of crawled pages that retrieval found; rows of the corpus only if the filter keeps them."""
    file = work.step("retrieval") / "crawl.jsonl"
    return read_documents(*([file] if file.is_file() else []))


def _retrieved(work: Work, hits: dict[str, Any]) -> Iterator[Document]:
    for rows in (_sources(work), _crawled(work)):
        yield from (item for item in rows if item.id in hits)


def weak_labels(
    rows: Iterator[Document] | Sequence[Document], near: set[str], candidates: set[str], most: int, seed: int
) -> list[Row]:
    """Rows of `labels`: API documentation is agent-relevant; text far from every API seed is general.

    Text that retrieval found near a seed is in neither class, because the filter is to decide about it.

    Args:
        rows: all rows that were read; no more of them than become labels are held.
        near: ids of text that is near a seed.
        candidates: ids of text that retrieval looked at; known to be far from the seeds unless in `near`.
        most: labels of each class.
        seed: of the sample.
    """
    chosen: dict[str, list[tuple[tuple[int, int], str, Row]]] = {AGENT: [], GENERAL: []}
    for item in rows:
        config = item.metadata["config"]
        if config == "api_docs":
            label, order = AGENT, 0
        elif config == "text" and item.id not in near:
            label, order = GENERAL, int(item.id not in candidates)
        else:
            continue
        # The heap's first is the one that goes next: the largest of (order, hash), so both are negated.
        place = (-order, -stable_hash(f"{seed}/label/{item.id}"))
        heap = chosen[label]
        if len(heap) < most:
            heapq.heappush(heap, (place, item.id, label_row(item, label, item.id in candidates)))
        elif most and (place, item.id) > heap[0][:2]:
            heapq.heapreplace(heap, (place, item.id, label_row(item, label, item.id in candidates)))
    size = min(map(len, chosen.values()))
    found = {label: [row for _, _, row in sorted(heap, reverse=True)[:size]] for label, heap in chosen.items()}
    return [*found[AGENT], *found[GENERAL]]


def label_row(item: Document, label: str, looked_at: bool) -> Row:
    """The row of one weak label."""
    rule = "api_docs" if label == AGENT else "far from every seed" if looked_at else "text that retrieval did not see"
    return labelled(row_of(item), label, rule)


def labelled(row: Row, label: str, rule: str, **more: Any) -> Row:
    """A row of `labels` whose provenance says by which rule it has its label."""
    return Row(
        id=f"label/{row.id}", config="labels", text=shortened(row.text, CHARACTERS), source=row.source,
        license=row.license, attribution=row.attribution, url=row.url, kind=label, api_ids=row.api_ids,
        provenance={**row.provenance, "label": {"label": label, "rule": rule, **more}},
    )  # fmt: skip


def page_labels(most: int) -> list[Row]:
    """Rows of `labels` from at most `most` pages whose origin says what they are: pydoc's of the standard library."""
    from corpus.pydoc_pages import pydoc_pages
    from corpus.read_crawl import SHORTEST_TEXT, page_text
    from corpus.read_text import cpython

    python, found = cpython(), []
    for page in pydoc_pages(most):
        text = page_text(page.content)
        if text is not None and len(text) >= SHORTEST_TEXT:
            name = page.path.removesuffix(".html")
            row = Row(
                f"pydoc/{name}", "labels", text, python.name, python.license, python.attribution, python.url, AGENT
            )
            found.append(labelled(row, AGENT, "pydoc page", origin=name))
    return found


def write_pages_of(file: Path, pages: Sequence[Any]) -> None:
    """The labels of crawled pages, a JSON line each: address, site, label, part; their texts may not be passed on."""
    lines = (
        canonical_json({"url": page.url, "site": page.site, "label": page.label, "rule": "package", "part": page.part})
        for page in pages
    )
    write_text(file, "".join(f"{line}\n" for line in lines))


def is_held_out(row: Row) -> bool:
    """Whether a label only measures; by a hash of its id."""
    return stable_hash(f"held out/{row.id}") % 1000 < HELD_OUT * 1000


def _label_counts(labels: Sequence[Row]) -> dict[str, Any]:
    rules: dict[str, int] = {}
    for row in labels:
        rule = f"{row.kind}: {row.provenance['label']['rule']}"
        rules[rule] = rules.get(rule, 0) + 1
    held = sum(map(is_held_out, labels))
    return {"training": len(labels) - held, "held_out": held, "by_rule": dict(sorted(rules.items()))}


def measure_filter(known: PageFilter, labels: Sequence[Row], threshold: float) -> dict[str, Any]:
    """The filter on the held-out labels, of which it has seen none."""
    held = [row for row in labels if is_held_out(row)]
    pairs = [(row.kind == AGENT, known.model.score(tokens_of(row.text)) >= threshold) for row in held]
    return {"n": len(held), "threshold": threshold, **counted(pairs)}


def _weak_fasttext(labels: Sequence[Row], recipe: FilterRecipe, folder: Path) -> dict[str, Any]:
    training = [row for row in labels if not is_held_out(row)]
    if len({row.kind for row in training}) < 2:
        return {}
    model = train(training, recipe, folder)
    held = [row for row in labels if is_held_out(row)]
    return {
        "weak_fasttext": {
            "n": len(held),
            "threshold": recipe.weak_threshold,
            **measure(model, held, recipe.weak_threshold),
        }
    }


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
        input=str(folder / "training.txt"), epoch=recipe.epochs, lr=recipe.learning_rate, wordNgrams=recipe.word_ngrams,
        dim=recipe.dimension, bucket=200_000, minCount=2, thread=1, seed=1, verbose=0,
    )  # fmt: skip


def probability(model: Any, text: str) -> float:
    """Probability of `agent` for a text by fastText of the weak labels."""
    return probability_of(model, words_of(text))


def probability_of(model: Any, words: str) -> float:
    """Probability of `agent`, rounded to 3 decimals before any threshold meets it."""
    names, values = model.predict([words], k=2)
    found = {str(name).removeprefix("__label__"): float(value) for name, value in zip(names[0], values[0], strict=True)}
    return round(min(found.get(AGENT, 0.0), 1.0), 3)


def measure(model: Any, labels: Sequence[Row], threshold: float) -> dict[str, Any]:
    """Accuracy, and precision, recall and F1 of `agent`, on labels the model has not seen."""
    return counted([(row.kind == AGENT, probability(model, row.text) >= threshold) for row in labels])


def _line(item: Document) -> str:
    return canonical_json({"id": item.id, "metadata": item.metadata, "text": item.text}) + "\n"


def _apply(
    work: Work, file: Path, known: PageFilter, hits: dict[str, Any], threshold: float
) -> tuple[int, dict[str, Any]]:
    """Write all rows, those retrieved that pass as `web`; how many pass, and why others do not.

    A retrieved row of `text` that does not pass stays text; a chunk of a crawl that does not pass is left out.
    """
    kept = 0
    dropped: dict[str, dict[str, Any]] = {}
    with replacing(file) as partial, partial.open("w", encoding="utf-8") as stream:
        for rows, crawled in ((_sources(work), False), (_crawled(work), True)):
            for item in rows:
                score = known.model.score(tokens_of(item.text)) if item.id in hits else None
                if score is not None and score >= threshold:
                    with_reason(with_reason(item, "retrieval", hits[item.id]), "filter", {"score": score})
                    item.metadata["config"] = "web"
                    kept += 1
                elif score is not None or crawled:
                    reason = "crawled_page_below_threshold" if crawled else "below_threshold"
                    dropped.setdefault(reason, {"count": 0, "example": item.id})["count"] += 1
                    if crawled:
                        continue
                stream.write(_line(item))
    return kept, dict(sorted(dropped.items()))
