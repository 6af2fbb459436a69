"""How well a filter does: threshold by a rule, scores, precision over recall, and what it gets wrong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from corpus.known_pages import KnownPage
from corpus.page_models import PageModel
from records.files import canonical_json, replacing

RULE = "the largest F1 on the validation sites, in steps of 0.01; of equal ones the smallest"
"""How a threshold is chosen; test pages are never looked at."""
Scored = Sequence[tuple[KnownPage, float]]


def scored_by(model: PageModel, pages: Sequence[KnownPage]) -> list[tuple[KnownPage, float]]:
    """The pages with their scores."""
    return [(page, model.score(page.tokens)) for page in pages]


def best_threshold(scored: Scored) -> float:
    """The threshold of the largest F1, in steps of 0.01; of equal ones the smallest."""
    steps = [step / 100 for step in range(1, 100)]
    return max(steps, key=lambda threshold: (measured(scored, threshold)["f1"], -threshold))


def measured(scored: Scored, threshold: float) -> dict[str, Any]:
    """Counts, accuracy, precision, recall and F1 of pages about APIs at a threshold."""
    said = [(page.about_apis, score >= threshold) for page, score in scored]
    return {"n": len(said), "threshold": threshold, **counted(said)}


def counted(said: Sequence[tuple[bool, bool]]) -> dict[str, Any]:
    """Counts and scores of pairs (truth, answer)."""
    counts = {
        "true_positive": sum(truth and yes for truth, yes in said),
        "false_positive": sum(yes and not truth for truth, yes in said),
        "false_negative": sum(truth and not yes for truth, yes in said),
        "true_negative": sum(not truth and not yes for truth, yes in said),
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


def by_site(scored: Scored, threshold: float) -> dict[str, dict[str, float]]:
    """Pages of each site and the share of them that was told right."""
    right: dict[str, list[bool]] = {}
    for page, score in scored:
        right.setdefault(page.site, []).append((score >= threshold) == page.about_apis)
    return {name: {"n": len(all_), "right": round(sum(all_) / len(all_), 4)} for name, all_ in sorted(right.items())}


def curve(scored: Scored) -> list[tuple[float, float, float]]:
    """`(threshold, precision, recall)` in steps of 0.02."""
    found = (measured(scored, step / 50) for step in range(1, 50))
    return [(row["threshold"], row["precision"], row["recall"]) for row in found]


def report_on(scored: Scored, threshold: float) -> dict[str, Any]:
    """Scores, the answer that needs no filter (every page is kept), sites and curve of some pages."""
    everything = measured(scored, 0.0)
    return {
        **measured(scored, threshold), "f1_of_keeping_all": everything["f1"], "by_site": by_site(scored, threshold),
        "curve": curve(scored),
    }  # fmt: skip


def write_failures(file: Path, scored: Scored, threshold: float) -> int:
    """One JSON line a page that is told wrong, the surest mistakes first; their number."""
    wrong = [(page, score) for page, score in scored if (score >= threshold) != page.about_apis]
    wrong.sort(key=lambda pair: (-abs(pair[1] - threshold), pair[0].url))
    with replacing(file) as partial, partial.open("w", encoding="utf-8") as stream:
        for page, score in wrong:
            row = {"page": page.url, "part": page.part, "truth": page.label, "score": score}
            stream.write(canonical_json(row) + "\n")
    return len(wrong)
