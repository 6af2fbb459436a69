"""`make tune-filter`: settings, threshold and weights of the page filter, from the pages of `make crawl`.

Trains on the training sites, chooses on the validation sites, measures once on the others, and writes
`corpus/page_filter.json` (settings and figures) and `corpus/page_weights.json` (the linear model), which recipes read.
The weights are of words and signs that stand on pages of at least eight sites; no text of a page is in them.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from corpus.filter_scores import RULE, best_threshold, measured, report_on, scored_by, write_failures
from corpus.known_pages import KnownPage, crawl_identity, of_part, read_known_pages, sizes
from corpus.page_filter import SETTINGS, WEIGHTS
from corpus.page_models import FastText, PageModel, Weights, common_tokens, lines_of, train_fasttext, train_weights
from records.errors import UserError, run_command
from records.files import write_json, write_text

STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0)
"""Values of scikit-learn's C that are tried."""
BY_HAND = {"epoch": 15, "lr": 0.1, "dim": 16, "wordNgrams": 1, "minn": 0, "maxn": 0, "bucket": 200_000}
"""Settings that stand beside those of autotune; the better on the validation sites is kept."""
TESTED = ("validation", "test", "same_site", "fourteen")


def autotuned(pages: Sequence[KnownPage], seconds: int, folder: Path) -> dict[str, Any]:
    """fastText's own search over its settings, on the validation sites, with one thread."""
    import fasttext

    training, vocabulary = of_part(pages, "training"), common_tokens(of_part(pages, "training"))
    write_text(folder / "training.txt", "\n".join(lines_of(training, vocabulary)) + "\n")
    held = [
        f"__label__{page.label} {' '.join(token for token in page.tokens if token in vocabulary)}"
        for page in of_part(pages, "validation")
    ]
    write_text(folder / "validation.txt", "\n".join(held) + "\n")
    try:
        model = fasttext.train_supervised(
            input=str(folder / "training.txt"), autotuneValidationFile=str(folder / "validation.txt"),
            autotuneDuration=seconds, autotuneMetric="f1:__label__agent", thread=1, seed=1, minCount=2, verbose=0,
        )  # fmt: skip
    except RuntimeError as error:
        raise UserError(f"autotune failed in {seconds} s ({error}); give it more, for example --seconds 300") from None
    found = model.f.getArgs()
    return {
        "epoch": int(found.epoch), "lr": round(float(found.lr), 6), "dim": int(found.dim),
        "wordNgrams": int(found.wordNgrams), "minn": int(found.minn), "maxn": int(found.maxn),
        "bucket": int(found.bucket),
    }  # fmt: skip


def best_fasttext(
    pages: Sequence[KnownPage], tried: Mapping[str, dict[str, Any]], folder: Path
) -> tuple[FastText, dict[str, Any], list[dict[str, Any]]]:
    """The model of the best settings on the validation sites, these settings, and what each gave."""
    training, held = of_part(pages, "training"), of_part(pages, "validation")
    found = []
    for name, settings in tried.items():
        model = train_fasttext(training, settings, folder)
        scored = scored_by(model, held)
        f1 = measured(scored, best_threshold(scored))["f1"]
        found.append((f1, name, model, settings))
    best = max(found, key=lambda one: one[0])
    return best[2], best[3], [{"settings": name, "validation_f1": f1, **used} for f1, name, _, used in found]


def best_weights(pages: Sequence[KnownPage]) -> tuple[Weights, list[dict[str, Any]]]:
    """The weights of the best C on the validation sites, and what each gave."""
    training, held = of_part(pages, "training"), of_part(pages, "validation")
    found = []
    for strength in STRENGTHS:
        model = train_weights(training, strength)
        scored = scored_by(model, held)
        found.append((measured(scored, best_threshold(scored))["f1"], strength, model))
    best = max(found, key=lambda one: one[0])
    return best[2], [{"strength": strength, "validation_f1": f1} for f1, strength, _ in found]


def report_of_model(model: PageModel, pages: Sequence[KnownPage], failures: Path) -> dict[str, Any]:
    """The threshold by the rule, the scores of every part but training, and what was told wrong in a file."""
    scored = {part: scored_by(model, of_part(pages, part)) for part in TESTED}
    threshold = best_threshold(scored["validation"])
    unseen = [pair for part in ("test", "same_site", "fourteen") for pair in scored[part]]
    return {
        "threshold": threshold, "failures": write_failures(failures, unseen, threshold),
        **{part: report_on(found, threshold) for part, found in scored.items()},
    }  # fmt: skip


def main(argv: Sequence[str]) -> int:
    """Tune, measure and write. Raises UserError when a crawl is missing."""
    parser = argparse.ArgumentParser(prog="python -m corpus.tune_filter", description="Tune the page filter.")
    parser.add_argument("--seconds", type=int, default=300, help="of fastText's autotune (default 300)")
    parser.add_argument("--output", type=Path, default=Path("build/tune_filter"), help="folder of the whole report")
    parser.add_argument("--settings", type=Path, default=SETTINGS, help="file that recipes read")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="file of the linear model")
    options = parser.parse_args(argv)
    if options.seconds < 1:
        raise UserError(f"--seconds is {options.seconds}; at least 1")
    start = time.monotonic()
    folder: Path = options.output
    (folder / "work").mkdir(parents=True, exist_ok=True)
    pages, dropped = read_known_pages(folder / "work")
    tuned = autotuned(pages, options.seconds, folder / "work")
    fasttext, settings, tried = best_fasttext(pages, {"autotune": tuned, "by hand": BY_HAND}, folder / "work")
    weights, strengths = best_weights(pages)
    weights.save(options.weights)
    reports = {
        "weights": report_of_model(weights, pages, folder / "failures_weights.jsonl"),
        "fasttext": report_of_model(fasttext, pages, folder / "failures_fasttext.jsonl"),
    }
    chosen = max(reports, key=lambda name: float(reports[name]["validation"]["f1"]))
    about = {"crawl": crawl_identity(), "pages": sizes(pages), "dropped": dropped, "rule": RULE}
    tuning = {"fasttext": tried, "weights": strengths, "autotune_seconds": options.seconds}
    write_json(folder / "report.json", {**about, "tuning": tuning, "chosen": chosen, **reports})
    write_json(
        options.settings,
        {
            **about, "fasttext": settings, "tuning": tuning, "better_on_validation": chosen,
            "thresholds": {name: report["threshold"] for name, report in reports.items()},
            "scores": {name: {part: report[part] for part in TESTED} for name, report in reports.items()},
        },
    )  # fmt: skip
    _print(reports, chosen, time.monotonic() - start)
    return 0


def _print(reports: Mapping[str, Any], chosen: str, seconds: float) -> None:
    for name, report in reports.items():
        for part in TESTED:
            row = report[part]
            scores = "  ".join(f"{key} {row[key]:.3f}" for key in ("f1", "precision", "recall"))
            print(f"{name:10} {part:12} n {row['n']:6,}  {scores}  (keeping all: f1 {row['f1_of_keeping_all']:.3f})")
    print(f"better on the validation sites: {chosen}; {seconds:.0f} s")


if __name__ == "__main__":
    sys.exit(run_command(main))
