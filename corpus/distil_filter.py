"""The filter's challenger: likeness by embeddings to pages of known origin, distilled into weights of tokens.

`python -m corpus.distil_filter` (`make challenge-filter`) embeds a sample of pages with all-MiniLM-L6-v2: references of
both sides, further training pages, and pages to test on, one chunk a page. The teacher's score of a page is how much
nearer it is to references about APIs than to the others. The student, the same linear model over tokens as the
filter's, learns that score; it is measured on the same parts, with the same rule, as the filter of `make tune-filter`.
The manner is that of BETR (arXiv 2507.12466): score a sample by its likeness to target examples, distil the scores.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from corpus.embed import encode, load_model, model_folder, precision
from corpus.filter_scores import RULE, best_threshold, measured, report_on, scored_by
from corpus.known_pages import KnownPage, crawl_identity, of_part, read_known_pages
from corpus.page_filter import committed_filter
from corpus.page_models import Weights, fit_weights
from records.errors import UserError, run_command
from records.files import stable_hash, write_json

TOKENS = 128
"""Of a page that are embedded."""
CHARACTERS = 1_200
NEAREST = 5
"""References of each side whose cosines are averaged."""
SHARPNESS = 20.0
"""Teacher's probability = sigmoid(SHARPNESS · (likeness to one side - likeness to the other)), before its threshold."""
TESTED = ("validation", "test", "same_site", "fourteen")


def spread(pages: Sequence[KnownPage], most: int, name: str) -> list[KnownPage]:
    """At most `most` pages, sites in turn, drawn by a hash."""
    sites: dict[str, list[KnownPage]] = defaultdict(list)
    for page in sorted(pages, key=lambda page: stable_hash(f"{name}/{page.url}")):
        sites[page.site].append(page)
    turns = sorted(
        (turn, stable_hash(f"{name}/{site}"), page) for site, found in sites.items() for turn, page in enumerate(found)
    )
    return [page for _, _, page in turns[:most]]


def teacher_scores(vectors: Any, references: Any, about: Sequence[bool]) -> Any:
    """How much nearer each page is to references about APIs than to others, as a probability `[pages]`.

    Args:
        vectors: unit vectors of the pages `[pages, dimension]`.
        references: unit vectors of the references `[references, dimension]`.
        about: whether each reference is about APIs.
    """
    import numpy as np

    cosines = vectors @ references.T
    sides = np.array(about)

    def likeness(side: Any) -> Any:
        found = cosines[:, side]
        return np.sort(found, axis=1)[:, -min(NEAREST, found.shape[1]) :].mean(axis=1)

    return 1 / (1 + np.exp(-SHARPNESS * (likeness(sides) - likeness(~sides))))


def embedded(pages: Sequence[KnownPage]) -> Any:
    """Unit vectors `[pages, 384]` of the beginnings of pages."""
    return encode(load_model(str(model_folder()), TOKENS, precision()), [page.text[:CHARACTERS] for page in pages])


def distilled(pages: Sequence[KnownPage], scores: Sequence[float], strength: float) -> Weights:
    """Weights that give back the teacher's scores: each page stands on both sides, weighing as the teacher says."""
    targets = [(page, side, score if side else 1 - score) for page, score in zip(pages, scores, strict=True)
               for side in (True, False)]  # fmt: skip
    return fit_weights([page for page, _, _ in targets], [side for _, side, _ in targets],
                       [weight for _, _, weight in targets], strength)  # fmt: skip


def row_of(scored: Mapping[str, list[tuple[KnownPage, float]]]) -> dict[str, Any]:
    """The report of a model: threshold by the rule, scores of every part."""
    threshold = best_threshold(scored["validation"])
    return {"threshold": threshold, **{part: report_on(found, threshold) for part, found in scored.items()}}


def main(argv: Sequence[str]) -> int:
    """Embed, distil, measure and write. Raises UserError when a crawl is missing."""
    parser = argparse.ArgumentParser(prog="python -m corpus.distil_filter", description="The filter's challenger.")
    parser.add_argument("--pages", type=int, default=2000, help="training pages embedded, half of them references")
    parser.add_argument(
        "--tested", type=int, default=300, help="pages of each part that the teacher itself is tested on"
    )
    parser.add_argument("--output", type=Path, default=Path("build/challenge_filter"))
    options = parser.parse_args(argv)
    if options.pages < 4 or options.tested < 2:
        raise UserError("--pages must be at least 4 and --tested at least 2")
    start = time.monotonic()
    known, _ = read_known_pages(options.output / "work")
    chosen = spread(of_part(known, "training"), options.pages, "distil")
    references, learned = chosen[::2], chosen[1::2]
    parts = {part: spread(of_part(known, part), options.tested, "tested") for part in TESTED}
    to_embed = [*references, *learned, *(page for found in parts.values() for page in found)]
    begun = time.monotonic()
    vectors = embedded(to_embed)
    seconds = time.monotonic() - begun
    scores = teacher_scores(vectors[len(references) :], vectors[: len(references)], [p.about_apis for p in references])
    by_url = {page.url: round(float(score), 3) for page, score in zip(to_embed[len(references) :], scores, strict=True)}
    teacher = row_of({part: [(page, by_url[page.url]) for page in found] for part, found in parts.items()})
    # The student learns the teacher's score with the teacher's own threshold at one half.
    shift = math.log(teacher["threshold"] / (1 - teacher["threshold"]))
    taught = [_shifted(by_url[page.url], shift) for page in learned]
    students = {strength: distilled(learned, taught, strength) for strength in (0.3, 1.0, 3.0, 10.0)}
    held = {strength: scored_by(model, of_part(known, "validation")) for strength, model in students.items()}
    best = max(held, key=lambda strength: measured(held[strength], best_threshold(held[strength]))["f1"])
    student = row_of({part: scored_by(students[best], of_part(known, part)) for part in TESTED})
    committed = committed_filter().about["scores"]
    better = "challenger" if student["validation"]["f1"] > committed["validation"]["f1"] else "filter"
    report = {
        "crawl": crawl_identity(), "rule": RULE, "embedded": len(to_embed), "references": len(references),
        "embedding_seconds": round(seconds, 1), "strength": best, "teacher": teacher, "student": student,
        "better_on_validation": better,
    }  # fmt: skip
    write_json(options.output / "report.json", report)
    for name, found in (("teacher", teacher), ("student", student), ("filter", committed)):
        print(f"{name:8}", "  ".join(f"{part} n {found[part]['n']:,} f1 {found[part]['f1']:.3f}" for part in TESTED))
    print(f"better on the validation sites: {better}; {time.monotonic() - start:.0f} s")
    return 0


def _shifted(score: float, shift: float) -> float:
    score = min(max(score, 0.001), 0.999)
    return 1 / (1 + math.exp(shift - math.log(score / (1 - score))))


if __name__ == "__main__":
    sys.exit(run_command(main))
