"""Benchmark items planted in clean rows: how many of them decontamination finds, by how they are disguised.

`python -m corpus.bench_leaks --recipe local` (`make bench-leaks`) takes every question and answer of BFCL, disguises
it, puts it into the middle of a row of the recipe's corpus, and searches that row as the line does. Writes a report.
"""

from __future__ import annotations

import json
import random
import re
import sys
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from corpus.benchmark_items import Item, bfcl_items
from corpus.benchmarks import BenchmarkIndex, benchmark_source, load_index
from corpus.decontaminate import texts_of
from corpus.fingerprints import SHORTEST, item_words
from corpus.rows import read_documents
from corpus.steps import report_of, work_of
from corpus.word_hashes import telling
from records.errors import UserError, run_command
from records.files import write_json
from records.recipe import command_parser, load_recipe

ROWS = 2_000
"""Clean rows that items are planted in, in turn."""


def _as_it_is(text: str, rng: random.Random) -> str:
    return text


def _another_case(text: str, rng: random.Random) -> str:
    return "".join(letter.upper() if rng.random() < 0.5 else letter.lower() for letter in text)


def _other_marks(text: str, rng: random.Random) -> str:
    return re.sub(r"[^\w\s]|_", lambda _: rng.choice([" ", " -- ", "*", ";"]), text)


def _other_blanks(text: str, rng: random.Random) -> str:
    return re.sub(r"\s+", lambda _: rng.choice(["\n", "\t", "  ", "\n\n"]), text)


def _other_order(text: str, rng: random.Random) -> str:
    """The keys of every JSON object turned round, where the text is JSON; else the text."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return json.dumps(_turned(value), ensure_ascii=False)


def _turned(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _turned(value[key]) for key in reversed(value)}
    return [_turned(each) for each in value] if isinstance(value, list) else value


DISGUISES: dict[str, Callable[[str, random.Random], str]] = {
    "as it is": _as_it_is, "case": _another_case, "punctuation": _other_marks, "blanks": _other_blanks,
    "order of JSON keys": _other_order,
}  # fmt: skip


def is_searched_for(item: Item, n_gram: int) -> bool:
    """Whether an item has enough words that tell: what anyone says is no leak."""
    words = item_words(item.text)
    return len(words) >= SHORTEST and bool(telling(words, min(n_gram, len(words))).any())


def planted_leaks(items: Sequence[Item], rows: Sequence[str], index: BenchmarkIndex, seed: int = 1) -> dict[str, Any]:
    """Plant every item once in each disguise.

    Args:
        items: those that are planted.
        rows: clean texts.
        index: that searches them.
        seed: of the disguises.

    Returns:
        `planted` and `found` by disguise, `recall`, `clean_rows` and those of them in which something is found, and the
        first items that were missed.
    """
    rng = random.Random(seed)
    by_disguise = {name: {"planted": 0, "found": 0} for name in DISGUISES}
    missed: list[str] = []
    for number, item in enumerate(items):
        row = rows[number % len(rows)]
        middle = row.find(" ", len(row) // 2) + 1
        for name, disguise in DISGUISES.items():
            found = _is_found(f"{row[:middle]}\n{disguise(item.text, rng)}\n{row[middle:]}", index)
            by_disguise[name]["planted"] += 1
            by_disguise[name]["found"] += found
            if not found:
                missed.append(f"{item.id}: {name}")
    planted = sum(each["planted"] for each in by_disguise.values())
    wrong = sum(_is_found(row, index) for row in rows)
    recall = round(1 - len(missed) / planted, 5) if planted else None
    return {
        "items": len(items), "planted": planted, "by_disguise": by_disguise, "recall": recall, "missed": missed[:20],
        "clean_rows": len(rows), "found_in_clean_rows": wrong,
    }  # fmt: skip


def _is_found(text: str, index: BenchmarkIndex) -> bool:
    return any(index.leaks(each) for each in texts_of(text, None, None))


def main(argv: Sequence[str]) -> int:
    """Plant, search and write. Raises UserError when the recipe's corpus was not made."""
    parser = command_parser("corpus.bench_leaks", "Plant benchmark items in clean rows and search them.")
    parser.add_argument("--output", type=Path, help="the report (default: build/<recipe>/bench_leaks.json)")
    parser.add_argument("--items", type=int, help="plant so many of the items, chosen by seed (default: all)")
    options = parser.parse_args(argv)
    work = work_of(load_recipe(options.recipe))
    output = options.output or work.output.parent / "bench_leaks.json"
    if options.dry_run:
        print(f"planted leaks: every item of BFCL, {len(DISGUISES)} disguises -> {output}")
        return 0
    recipe, text = work.recipe.corpus.decontamination, work.step("arrange") / "text" / "train.jsonl"
    if not text.is_file():
        raise UserError(f"{text} does not exist; run `make corpus RECIPE={options.recipe}` first")
    rows = [row.text for row in islice(read_documents(text), ROWS)]
    every = list(bfcl_items(benchmark_source("bfcl").place))
    items = [item for item in every if is_searched_for(item, recipe.n_gram)]
    if options.items is not None:
        items = random.Random(work.recipe.seed).sample(items, min(options.items, len(items)))
    checked = report_of(work, "decontamination")
    removed = sum(count for found in checked["dropped"].values() for count in found.values())
    report = {
        "benchmark": "bfcl", "every_item": len(every),
        **planted_leaks(items, rows, load_index(recipe.benchmarks, recipe.n_gram)),
        "rows_of_the_corpus": checked["rows_checked"], "removed_of_the_corpus": removed,
    }  # fmt: skip
    write_json(output, report)
    clean = f"{report['found_in_clean_rows']} of {report['clean_rows']:,} clean rows say one"
    print(f"{report['planted']:,} planted, recall {report['recall']:.3%}; {clean}")
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))
