"""How well a filter tells pages about APIs from others, measured on pages whose origin is known.

`python -m corpus.known_origin --recipe local` (`make known-origin`) reads the crawl of `make crawl` and measures on the
same pages: the filter that the recipe's corpus was made with; a filter trained on other pages of the same packages; and
one that has seen no page of the packages it is measured on. Writes report.json, failures.jsonl and pr.png.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus.classify import AGENT, GENERAL, probability_of, scores_of, train_lines
from corpus.debian_pages import is_api_side, warc_file
from corpus.read_crawl import CrawlReader
from corpus.steps import work_of
from records.errors import UserError, run_command
from records.files import replacing, sha256_file, stable_hash, write_json
from records.recipe import Recipe, command_parser, load_recipe
from records.recipe_corpus import FilterRecipe

CHARACTERS = 4_000
"""Of a page that a filter trained on pages reads."""
PAGE_FILTER = FilterRecipe(epochs=20, learning_rate=0.3, word_ngrams=2, dimension=32, labels=0, threshold=0.5)
FOLDS = (
    ("python3.11-doc", "postgresql-doc-15", "libreoffice-help-en-us"),
    ("git-doc", "nodejs-doc", "apache2-doc", "anarchism", "debian-policy", "developers-reference"),
    ("sqlite3-doc", "python-django-doc", "python-sqlalchemy-doc", "debian-handbook", "debian-reference-en"),
)
"""Packages that are left out together, each fold with some of both sides."""
_WORD = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True)
class KnownPage:
    """The words of a page, and where it is from."""

    url: str
    words: str
    text: str

    @property
    def package(self) -> str:
        """The Debian package."""
        return self.url.split("/")[2].removesuffix(".debian.invalid")

    @property
    def about_apis(self) -> bool:
        """The truth that filters are measured against."""
        return is_api_side(self.url)

    @property
    def line(self) -> str:
        """The page as fastText trains on it."""
        return f"__label__{AGENT if self.about_apis else GENERAL} {self.words}"

    def is_in(self, part: str) -> bool:
        """Whether the page is in `training` (60 %), `validation` or `test` (20 % each), by a hash of its address."""
        place = stable_hash(f"known origin/{self.url}") % 10
        return part == ("training" if place < 6 else "validation" if place < 8 else "test")


Scored = list[tuple[KnownPage, float]]


def read_pages(counts: Path) -> tuple[list[KnownPage], dict[str, Any]]:
    """The pages of the crawl, and what the reader dropped. Raises UserError when there is no crawl."""
    if not warc_file().is_file():
        raise UserError(f"{warc_file()} is missing; run `make crawl` first (it needs apt-get)")
    reader = CrawlReader((warc_file(),), counts)
    pages = [
        KnownPage(item.id, " ".join(_WORD.findall(item.text[:CHARACTERS].lower())), item.text)
        for item in reader.run() or ()
    ]
    return pages, {reason: found["count"] for reason, found in reader.dropped.items()}


def best_threshold(scored: Scored) -> float:
    """The threshold of the largest F1, in steps of 0.01; of equal ones the smallest."""
    steps = [step / 100 for step in range(1, 100)]
    return max(steps, key=lambda threshold: (measured(scored, threshold)["f1"], -threshold))


def measured(scored: Scored, threshold: float) -> dict[str, Any]:
    """Counts, accuracy, precision, recall and F1 of pages about APIs at a threshold."""
    said = [(page.about_apis, score >= threshold) for page, score in scored]
    counts = {
        "true_positive": sum(truth and yes for truth, yes in said),
        "false_positive": sum(yes and not truth for truth, yes in said),
        "false_negative": sum(truth and not yes for truth, yes in said),
        "true_negative": sum(not truth and not yes for truth, yes in said),
    }
    return {"n": len(said), "threshold": threshold, **counts, **scores_of(**counts)}


def by_package(scored: Scored, threshold: float) -> dict[str, dict[str, float]]:
    """Pages of each package and the share of them that was told right."""
    right: dict[str, list[bool]] = {}
    for page, score in scored:
        right.setdefault(page.package, []).append((score >= threshold) == page.about_apis)
    return {
        name: {"n": len(found), "right": round(sum(found) / len(found), 4)} for name, found in sorted(right.items())
    }


def curve(scored: Scored) -> list[tuple[float, float, float]]:
    """`(threshold, precision, recall)` in steps of 0.02."""
    found = (measured(scored, step / 50) for step in range(1, 50))
    return [(row["threshold"], row["precision"], row["recall"]) for row in found]


def of_recipe(recipe: Recipe, pages: list[KnownPage]) -> dict[str, Any] | None:
    """The filter that made the recipe's corpus, on all pages; None where there is none yet."""
    import fasttext

    from corpus.classify import probability

    file = work_of(recipe).step("filter") / "model.bin"
    if not file.is_file():
        return None
    model = fasttext.load_model(str(file))
    scored = [(page, probability(model, page.text)) for page in pages]
    threshold = recipe.corpus.filter.threshold
    best = measured(scored, best_threshold(scored))
    return {
        "at_recipe_threshold": measured(scored, threshold), "at_best_threshold": best,
        "by_package": by_package(scored, threshold), "curve": curve(scored),
    }  # fmt: skip


def of_same_packages(pages: list[KnownPage], folder: Path) -> tuple[dict[str, Any], Scored]:
    """Trained on 60 % of the pages, its threshold chosen on 20 %, measured on the 20 % left."""
    model = train_lines([page.line for page in pages if page.is_in("training")], PAGE_FILTER, folder)
    chosen = best_threshold(_scored(model, [page for page in pages if page.is_in("validation")]))
    scored = _scored(model, [page for page in pages if page.is_in("test")])
    return {"test": measured(scored, chosen), "by_package": by_package(scored, chosen), "curve": curve(scored)}, scored


def of_unseen_packages(pages: list[KnownPage], folder: Path) -> dict[str, Any]:
    """Every page scored by a model that saw no page of its package; thresholds chosen on packages that were seen."""
    every: Scored = []
    folds = []
    for left_out in FOLDS:
        seen = [page for page in pages if page.package not in left_out]
        model = train_lines([page.line for page in seen if not page.is_in("validation")], PAGE_FILTER, folder)
        chosen = best_threshold(_scored(model, [page for page in seen if page.is_in("validation")]))
        scored = _scored(model, [page for page in pages if page.package in left_out])
        folds.append({"packages": list(left_out), **measured(scored, chosen), "by_package": by_package(scored, chosen)})
        every += scored
    return {"folds": folds, "pooled_at_half": measured(every, 0.5), "curve": curve(every)}


def _scored(model: Any, pages: list[KnownPage]) -> Scored:
    return [(page, probability_of(model, page.words)) for page in pages]


def draw(report: dict[str, Any], file: Path) -> None:
    """Precision over recall of each filter."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 4))
    names = {"recipe": "filter of the corpus", "same_packages": "trained on pages of the same packages"}
    for key, label in {**names, "unseen_packages": "trained on other packages"}.items():
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
        print(f"known origin: read {warc_file()}, train five filters, about 3 minutes on two cores -> {output}")
        return 0
    pages, dropped = read_pages(output / "work")
    same, tested = of_same_packages(pages, output / "work")
    report = {
        "crawl": {"sha256": sha256_file(warc_file()), "pages": len(pages), "dropped": dropped},
        "share_about_apis": round(sum(page.about_apis for page in pages) / len(pages), 4),
        "recipe": of_recipe(recipe, pages), "same_packages": same,
        "unseen_packages": of_unseen_packages(pages, output / "work"),
    }  # fmt: skip
    write_json(output / "report.json", report)
    chosen = same["test"]["threshold"]
    failures = sorted((page.url, score) for page, score in tested if (score >= chosen) != page.about_apis)
    with replacing(output / "failures.jsonl") as partial:
        partial.write_text("".join(json.dumps({"page": url, "score": score}) + "\n" for url, score in failures))
    draw(report, output / "pr.png")
    _print(report)
    return 0


def _print(report: dict[str, Any]) -> None:
    found = report["recipe"]
    rows = [("filter of the corpus, at its threshold", found["at_recipe_threshold"])] if found else []
    rows += [("filter of the corpus, at the best one", found["at_best_threshold"])] if found else []
    rows += [("trained on pages of the same packages", report["same_packages"]["test"])]
    rows += [("trained on other packages, at 0.5", report["unseen_packages"]["pooled_at_half"])]
    for name, row in rows:
        scores = "  ".join(f"{key} {row[key]:.3f}" for key in ("f1", "precision", "recall"))
        print(f"{name:40} n {row['n']:6,}  {scores}")


if __name__ == "__main__":
    sys.exit(run_command(main))
