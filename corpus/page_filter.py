"""The filter that recipes use: committed weights, or fastText trained on the crawl with committed settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus.filter_scores import RULE, best_threshold, report_on, scored_by, write_failures
from corpus.known_pages import KnownPage, has_crawl, read_known_pages, sizes
from corpus.page_models import PageModel, Weights, train_fasttext
from records.files import read_json, stable_hash

SETTINGS = Path(__file__).with_name("page_filter.json")
WEIGHTS = Path(__file__).with_name("page_weights.json")
"""What `make tune-filter` wrote."""


@dataclass(frozen=True)
class PageFilter:
    """A model, its threshold, and what is known about it."""

    name: str
    model: PageModel
    threshold: float
    about: Mapping[str, Any]
    """Where its figures come from, and the figures by part: validation, test, same_site, fourteen."""


def committed_filter() -> PageFilter:
    """The weights that come with the code, with the figures of the run that made them."""
    found = read_json(SETTINGS, "make tune-filter")
    about = {
        "trained": "by make tune-filter, on pages of known origin", "crawl": found["crawl"], "pages": found["pages"],
        "rule": found["rule"], "scores": found["scores"]["weights"],
    }  # fmt: skip
    return PageFilter("weights", Weights.load(WEIGHTS), found["thresholds"]["weights"], about)


def seen_part(page: KnownPage) -> str:
    """The part of a page where the fourteen packages train too: three fifths of their pages do, a fifth tests."""
    if page.part != "fourteen":
        return page.part
    place = stable_hash(f"known origin/{page.url}") % 5
    return "training" if place < 3 else "spare" if place < 4 else "fourteen"


def trained_filter(folder: Path) -> tuple[PageFilter, list[KnownPage]]:
    """fastText trained on the crawls with the committed settings, and the pages.

    Its threshold is chosen on the validation sites. Of the fourteen packages, which the crawl of recipe `full` is made
    of, it has seen other pages: their figure, like that of `same_site`, is of pages whose site was seen in training.

    Raises:
        UserError: a crawl is missing.
    """
    settings = read_json(SETTINGS, "make tune-filter")["fasttext"]
    pages, _ = read_known_pages(folder / "drops")
    parts: dict[str, list[KnownPage]] = {}
    for page in pages:
        parts.setdefault(seen_part(page), []).append(page)
    model = train_fasttext(parts["training"], settings, folder)
    scored = {part: scored_by(model, parts.get(part, [])) for part in ("validation", "test", "same_site", "fourteen")}
    threshold = best_threshold(scored["validation"])
    unseen = [pair for part in ("test", "same_site", "fourteen") for pair in scored[part]]
    about = {
        "trained": "on the crawls, by this run; pages of the fourteen packages trained too", "pages": sizes(pages),
        "trained_on": len(parts["training"]), "rule": RULE, "settings": settings,
        "failures": write_failures(folder / "failures.jsonl", unseen, threshold),
        "scores": {part: report_on(found, threshold) for part, found in scored.items()},
    }  # fmt: skip
    return PageFilter("fasttext", model, threshold, about), pages


def filter_of(pages: str, folder: Path) -> tuple[PageFilter, Sequence[KnownPage]]:
    """The filter of a recipe: `crawl` trains where the crawls are, else takes the committed weights."""
    if pages == "crawl" and has_crawl():
        return trained_filter(folder)
    return committed_filter(), ()
