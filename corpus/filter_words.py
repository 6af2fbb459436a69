"""What card and datasheet say of the filter, and its figure: precision over recall."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from corpus.tables import table

PARTS = {
    "same_site": "pages of sites that it trained on, kept out of training",
    "validation": "sites that chose its settings and its threshold",
    "test": "sites that it never saw",
    "fourteen": "fourteen large packages (Python, PostgreSQL, git, Apache, office help, a handbook…)",
}
MODELS = {
    "weights": "logistic regression over words, kinds of names and densities of signs",
    "fasttext": "fastText over the same tokens",
    "weak_fasttext": "fastText of this corpus's weak labels, which decides nothing",
}
WORST = 5


def in_short(report: Mapping[str, Any]) -> str:
    """One sentence with the filter's F1 on known origins."""
    scores = report["known_origin"]["scores"]
    return (
        f"F1 {scores['same_site']['f1']:.3f} on held-out pages of known origin from sites that it trained on, "
        f"{scores['test']['f1']:.3f} on sites that it never saw"
    )


def limits(report: Mapping[str, Any]) -> str:
    """Where the filter fails, for the card."""
    scores = report["known_origin"]["scores"]
    test, fourteen = scores["test"], scores["fourteen"]
    seen = "other pages of which it trained on" if report["filter"] == "fasttext" else "of which it saw no page"
    return (
        f"The filter ({MODELS[report['filter']]}, trained {report['known_origin']['trained']}) is right about sites"
        f" like those it learned from and less so about others: on {test['n']:,} pages of unseen sites precision"
        f" {test['precision']:.2f} and recall {test['recall']:.2f}; on {fourteen['n']:,} pages of fourteen packages,"
        f" {seen}, F1 {fourteen['f1']:.2f}, where keeping every page gives {fourteen['f1_of_keeping_all']:.2f}."
        f" Worst: {worst_sites(scores)}."
    )


def worst_sites(scores: Mapping[str, Any]) -> str:
    """The unseen sites with the most pages told wrong."""
    sites = {**scores["test"]["by_site"], **scores["fourteen"]["by_site"]}
    wrong = sorted(sites.items(), key=lambda one: (-one[1]["n"] * (1 - one[1]["right"]), one[0]))[:WORST]
    return ", ".join(f"{name} ({found['right']:.0%} of {found['n']:,} right)" for name, found in wrong)


def in_full(report: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of the datasheet."""
    scores = report["known_origin"]["scores"]
    head = ("pages", "n", "accuracy", "precision", "recall", "F1", "F1 of keeping all")
    rows = [(words, scores[part]["n"], *_four(scores[part]), _four(scores[part], "f1_of_keeping_all")[0])
            for part, words in PARTS.items()]  # fmt: skip
    held = [(MODELS[name], found["threshold"], found["n"], *_four(found)) for name, found in report["held_out"].items()]
    applied = report["applied"]
    return {
        "filter_name": MODELS[report["filter"]], "filter_trained": report["known_origin"]["trained"],
        "threshold": report["threshold"], "threshold_rule": report["threshold_rule"],
        "filter_known": table(head, rows), "worst_sites": worst_sites(scores),
        "filter_held_out": table(("filter", "threshold", "labels", "accuracy", "precision", "recall", "F1"), held),
        "filter_labels": table(("label: rule", "rows"), list(report["labels"]["by_rule"].items())),
        "filter_kept": f"Of {applied['retrieved']:,} retrieved rows it kept {applied['kept']:,}.",
        "annotator": _annotator(report["annotator"]),
    }  # fmt: skip


def _four(found: Mapping[str, Any], *names: str) -> tuple[str, ...]:
    return tuple(f"{found[name]:.4f}" for name in names or ("accuracy", "precision", "recall", "f1"))


def _annotator(report: Mapping[str, Any] | None) -> str:
    if report is None:
        return "No model was asked for labels."
    beside = report["filter_beside_it"]
    return (
        f"A model ({report['model']}) labelled {report['labelled']:,} of {report['asked']:,} retrieved rows;"
        f" measured against its labels the filter has precision {beside['precision']:.4f}, recall"
        f" {beside['recall']:.4f} and F1 {beside['f1']:.4f}."
    )


def draw_curves(report: Mapping[str, Any], file: Path) -> None:
    """Precision over recall on pages of known origin, a line a part, a mark at the threshold."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 4))
    for part, found in report["known_origin"]["scores"].items():
        points = [(recall, precision) for _, precision, recall in found["curve"] if precision]
        if points:
            (line,) = axes.plot(*zip(*points, strict=True), linewidth=1.4, label=f"{part} ({found['n']:,} pages)")
            axes.plot([found["recall"]], [found["precision"]], marker="o", color=line.get_color())
    axes.set(xlabel="recall of pages about APIs", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.02))
    axes.legend(fontsize=8, frameon=False, loc="lower left")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=120, bbox_inches="tight", metadata={"Software": None})
    pyplot.close(figure)
