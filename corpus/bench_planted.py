"""Near duplicates planted among texts: how many of them dedup finds, and what it takes for one that is none."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from corpus.dedup import near_duplicates
from corpus.rows import Row, jsonl_files, read_documents, write_documents
from corpus.word_hashes import shingles
from records.recipe_corpus import DedupRecipe

FEWEST_WORDS = 60
"""Of a text that is changed: one word in fewer is more than a near duplicate's change."""
FILES = 4


def _case_and_marks(text: str, rng: random.Random) -> str:
    return text.upper().replace(",", " ; ").replace("\n", "\n\n")


def _another_number(text: str, rng: random.Random) -> str:
    return f"Updated {rng.randrange(1, 29)} March {rng.randrange(1990, 2030)}. {text}"


def _a_sentence_more(text: str, rng: random.Random) -> str:
    return f"{text} This page was last generated from the sources of the project."


def _an_end_less(text: str, rng: random.Random) -> str:
    return text[: round(0.96 * len(text))]


def _words_exchanged(text: str, rng: random.Random) -> str:
    words = text.split(" ")
    for _ in range(max(1, len(words) // 100)):
        words[rng.randrange(len(words))] = "another"
    return " ".join(words)


CHANGES: dict[str, Callable[[str, random.Random], str]] = {
    "case and punctuation": _case_and_marks,
    "another date": _another_number,
    "a sentence more": _a_sentence_more,
    "4 % cut off the end": _an_end_less,
    "1 % of the words exchanged": _words_exchanged,
}


def planted(texts: Sequence[str], recipe: DedupRecipe, folder: Path, seed: int = 1) -> dict[str, Any]:
    """Change every second text in one of the ways above, add the copy, remove near duplicates, and count.

    Texts are first told apart by `near_duplicates` itself, so that what is removed later is a planted copy or wrong.

    Returns:
        `planted` and `found` by change, `recall`, and `false_share`: of the texts without a copy, those removed.
    """
    rng = random.Random(seed)
    apart = _kept({f"t{n:06d}": text for n, text in enumerate(texts) if _enough(text)}, recipe, folder / "apart")
    names = sorted(apart)
    copies: dict[str, tuple[str, str]] = {}
    for number, name in enumerate(names[::2]):
        change = list(CHANGES)[number % len(CHANGES)]
        copies[f"{name}/copy"] = (change, CHANGES[change](apart[name], rng))
    every = {**apart, **{name: text for name, (_, text) in copies.items()}}
    kept = _kept(every, recipe, folder / "planted")
    by_change = {change: {"planted": 0, "found": 0} for change in CHANGES}
    for name, (change, _) in copies.items():
        by_change[change]["planted"] += 1
        by_change[change]["found"] += (name in kept) + (name.removesuffix("/copy") in kept) < 2
    alone = names[1::2]
    wrong = [name for name in alone if name not in kept]
    total = sum(found["planted"] for found in by_change.values())
    return {
        "texts": len(names),
        "planted": total,
        "by_change": by_change,
        "recall": round(sum(found["found"] for found in by_change.values()) / total, 4) if total else None,
        "without_a_copy": len(alone),
        "falsely_removed": len(wrong),
        "false_share": round(len(wrong) / len(alone), 5) if alone else None,
    }


def _enough(text: str) -> bool:
    return len(shingles(text, 1)) >= FEWEST_WORDS and len(set(shingles(text, 5).tolist())) >= FEWEST_WORDS // 2


def _kept(texts: dict[str, str], recipe: DedupRecipe, folder: Path) -> dict[str, str]:
    rows = [Row(name, "text", text, "made", "MIT", "", "", "page").document() for name, text in sorted(texts.items())]
    for file in range(FILES):
        write_documents(folder / "unique" / f"{file:05d}.jsonl", rows[file::FILES])
    near_duplicates(recipe, folder, 1)
    return {row.id: row.text for row in read_documents(*jsonl_files(folder / "kept"))}
