"""How well filters tell pages about APIs from others, measured on pages whose origin is known.

`python -m corpus.known_origin --recipe local` (`make known-origin`) reads the crawls of `make crawl` and measures on
the same pages, side by side: fastText of the weak labels of the recipe's corpus, which decided in earlier corpora; the
filter that comes with the code; a filter trained on other pages of the same packages; and one that has seen no page of
the packages it is measured on. Writes report.json, failures.jsonl and pr.png.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from corpus.debian_pages import warc_file
from corpus.filter_scores import best_threshold, by_site, curve, measured, scored_by, write_failures
from corpus.known_pages import KnownPage, crawl_identity, of_part, read_known_pages
from corpus.page_filter import SETTINGS, committed_filter
from corpus.page_models import train_fasttext
from corpus.steps import work_of
from records.errors import run_command
from records.files import read_json, stable_hash, write_json
from records.recipe import Recipe, command_parser, load_recipe

FOLDS = (
    ("python3.11-doc", "postgresql-doc-15", "libreoffice-help-en-us"),
    ("git-doc", "nodejs-doc", "apache2-doc", "anarchism", "debian-policy", "developers-reference"),
    ("sqlite3-doc", "python-django-doc", "python-sqlalchemy-doc", "debian-handbook", "debian-reference-en"),
)
"""Packages that are left out together, each fold with some of both sides."""

Scored = list[tuple[KnownPage, float]]


def is_in(page: KnownPage, part: str) -> bool:
    """Whether a page is in `training` (60 %), `validation` or `test` (20 % each), by a hash of its address."""
    place = stable_hash(f"known origin/{page.url}") % 10
    return part == ("training" if place < 6 else "validation" if place < 8 else "test")


def of_weak_labels(recipe: Recipe, pages: Sequence[KnownPage]) -> dict[str, Any] | None:
    """fastText of the weak labels of the recipe's corpus, on all pages; None where there is none yet."""
    import fasttext

    from corpus.classify import probability

    file = work_of(recipe).step("filter") / "model.bin"
    if not file.is_file():
        return None
    model = fasttext.load_model(str(file))
    scored = [(page, probability(model, page.text)) for page in pages]
    return _side_by_side(scored, recipe.corpus.filter.weak_threshold)


def of_code(pages: Sequence[KnownPage]) -> tuple[dict[str, Any], Scored]:
    """The filter that comes with the code, at its threshold: it has seen no page of these packages."""
    known = committed_filter()
    scored = scored_by(known.model, pages)
    return _side_by_side(scored, known.threshold), scored


def _side_by_side(scored: Scored, threshold: float) -> dict[str, Any]:
    return {
        "at_its_threshold": measured(scored, threshold), "at_best_threshold": measured(scored, best_threshold(scored)),
        "by_site": by_site(scored, threshold), "curve": curve(scored),
    }  # fmt: skip


def of_same_packages(pages: Sequence[KnownPage], folder: Path) -> tuple[dict[str, Any], Scored]:
    """Trained on 60 % of the pages, its threshold chosen on 20 %, measured on the 20 % left."""
    settings = read_json(SETTINGS, "make tune-filter")["fasttext"]
    model = train_fasttext([page for page in pages if is_in(page, "training")], settings, folder)
    chosen = best_threshold(scored_by(model, [page for page in pages if is_in(page, "validation")]))
    scored = scored_by(model, [page for page in pages if is_in(page, "test")])
    return {"test": measured(scored, chosen), "by_site": by_site(scored, chosen), "curve": curve(scored)}, scored


def of_unseen_packages(pages: Sequence[KnownPage], others: Sequence[KnownPage], folder: Path) -> dict[str, Any]:
    """Every page scored by a model that saw no page of its package; thresholds chosen on packages that were seen.

    Args:
        pages: of the fourteen packages.
        others: pages of more packages, that always train.
        folder: for the training files.
    """
    settings = read_json(SETTINGS, "make tune-filter")["fasttext"]
    every: Scored = []
    folds = []
    for left_out in FOLDS:
        seen = [page for page in pages if page.site not in left_out]
        model = train_fasttext([*others, *(p for p in seen if not is_in(p, "validation"))], settings, folder)
        chosen = best_threshold(scored_by(model, [page for page in seen if is_in(page, "validation")]))
        scored = scored_by(model, [page for page in pages if page.site in left_out])
        folds.append({"packages": list(left_out), **measured(scored, chosen), "by_site": by_site(scored, chosen)})
        every += scored
    return {"folds": folds, "pooled_at_half": measured(every, 0.5), "curve": curve(every)}


NAMES = {
    "weak_labels": "fastText of weak labels", "code": "filter of the code",
    "same_packages": "trained on the same packages", "unseen_packages": "trained on other packages",
}  # fmt: skip


def draw(report: dict[str, Any], file: Path) -> None:
    """Precision over recall of each filter."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 4))
    for key, label in NAMES.items():
        if report[key]:
            axes.plot(*zip(*((r, p) for _, p, r in report[key]["curve"] if p), strict=True), marker=".", label=label)
    axes.set(xlabel="recall of pages about APIs", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.02))
    axes.axhline(report["share_about_apis"], color="grey", linewidth=0.8, linestyle=":")
    axes.legend(fontsize=8, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=120, bbox_inches="tight", metadata={"Software": None})
    pyplot.close(figure)


def main(argv: Sequence[str]) -> int:
    """Measure and write. Raises UserError when the crawl is missing."""
    parser = command_parser("corpus.known_origin", "Measure filters on pages whose origin is known.")
    parser.add_argument("--output", type=Path, help="folder of the report (default: build/<recipe>/known_origin)")
    options = parser.parse_args(argv)
    recipe = load_recipe(options.recipe)
    output = options.output or work_of(recipe).output.parent / "known_origin"
    if options.dry_run:
        print(f"known origin: read {warc_file()}, train four filters, about 3 minutes on two cores -> {output}")
        return 0
    known, dropped = read_known_pages(output / "work")
    pages = of_part(known, "fourteen")
    others = [page for page in known if page.part != "fourteen"]
    same, _ = of_same_packages(pages, output / "work")
    code, scored = of_code(pages)
    report = {
        "crawl": {**crawl_identity(), "pages": len(pages), "other_pages": len(others), "dropped": dropped},
        "share_about_apis": round(sum(page.about_apis for page in pages) / len(pages), 4),
        "keeping_all": measured(scored, 0.0),
        "weak_labels": of_weak_labels(recipe, pages), "code": code, "same_packages": same,
        "unseen_packages": of_unseen_packages(pages, others, output / "work"),
    }  # fmt: skip
    write_json(output / "report.json", report)
    write_failures(output / "failures.jsonl", scored, code["at_its_threshold"]["threshold"])
    draw(report, output / "pr.png")
    _print(report)
    return 0


def _print(report: dict[str, Any]) -> None:
    rows = [("keeping every page", report["keeping_all"])]
    for name, key in (("old: fastText of weak labels", "weak_labels"), ("new: filter of the code", "code")):
        if found := report[key]:
            rows += [(f"{name}, at its threshold", found["at_its_threshold"])]
            rows += [(f"{name}, at the best one", found["at_best_threshold"])]
    rows += [("trained on other pages of the same packages", report["same_packages"]["test"])]
    rows += [("trained on other packages, at 0.5", report["unseen_packages"]["pooled_at_half"])]
    for name, row in rows:
        scores = "  ".join(f"{key} {row[key]:.3f}" for key in ("f1", "precision", "recall"))
        print(f"{name:48} n {row['n']:6,}  {scores}")


if __name__ == "__main__":
    sys.exit(run_command(main))
