"""Step `arrange`: rows by config and split, in the order that training reads, and the stage II set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from corpus.call_examples import group_of
from corpus.classify import is_held_out
from corpus.row_places import Place, RowFiles, write_lines
from corpus.rows import CONFIGS, MAY_BE_EMPTY, jsonl_files, row_of, with_reason, write_documents
from corpus.steps import Work, write_report
from records.errors import UserError
from records.files import stable_hash

if TYPE_CHECKING:
    from datatrove.data import Document

UNITS = 1_000_000


class Entry(NamedTuple):
    """What arranging needs to know of a row."""

    id: str
    richness: int
    """How much an API row documents; 0 of other rows."""
    held_out: bool
    """Whether a label measured the classifier."""
    place: Place


def entry_of(row: Document, place: Place) -> Entry:
    """What arranging needs to know of a row."""
    metadata = row.metadata
    richness = metadata["provenance"]["reader"]["richness"] if metadata["config"] == "api_docs" else 0
    return Entry(row.id, int(richness), metadata["config"] == "labels" and is_held_out(row_of(row)), place)


def arrange(work: Work, folder: Path) -> None:
    """Write `<config>/<split>.jsonl` for every config.

    Rows are read twice and never held: memory grows with their number, not with their texts.

    Raises:
        UserError: nothing is left of a config that training needs.
    """
    recipe = work.recipe.corpus
    entries: dict[str, list[Entry]] = {config: [] for config in CONFIGS}
    with RowFiles(jsonl_files(work.step("decontamination") / "clean")) as files:
        for row, place in files.scan():
            entries[row.metadata["config"]].append(entry_of(row, place))
        moved = set(entries["web"]) if len(entries["web"]) < 2 else set()
        if moved:
            # A config of no rows cannot be loaded, and one row cannot be split.
            entries["text"] += entries["web"]
            entries["web"] = []
        entries["stage2"] = stage_two(entries["api_docs"], entries["trajectories"], recipe.mix.stage2_share)
        counts = {}
        for config, found in entries.items():
            if len(found) < 2 and config not in MAY_BE_EMPTY:
                raise UserError(
                    f"{len(found)} rows of {config} are left, too few to train on; raise corpus.sources' caps"
                )
            splits = split(found, config, recipe.validation_share, work.recipe.seed)
            counts[config] = {name: len(part) for name, part in splits.items()}
            for name, part in splits.items():
                file = folder / config / f"{name}.jsonl"
                if config == "stage2" or (config == "text" and moved):
                    write_documents(file, (as_config(files.read(entry.place), config) for entry in part))
                else:
                    write_lines(file, (files.line(entry.place) for entry in part))
    write_report(folder, counts)


def split(rows: Sequence[Entry], config: str, share: float, seed: int) -> dict[str, list[Entry]]:
    """Rows in the order of a hash, the first `share` by hash held out (one at least, where there are two).

    Labels keep the split that the classifier was trained and measured on. Call examples about the same tools are held
    out together, or none of them is.
    """

    def place(row: Entry) -> int:
        return stable_hash(f"{seed}/split/{group_of(row.id) if config == 'ift' else row.id}")

    ordered = sorted(rows, key=lambda row: (place(row), row.id))
    if config == "labels":
        held_out = {row.id for row in ordered if row.held_out}
    else:
        held_out = {row.id for row in ordered if place(row) % UNITS < share * UNITS}
        if not held_out and len(ordered) > 1:
            held_out = {row.id for row in ordered if place(row) == place(ordered[0])}
    # Another hash than the one that splits, or training would begin with the rows nearest to the split.
    order = sorted(ordered, key=lambda row: (stable_hash(f"{seed}/order/{row.id}"), row.id))
    return {
        "train": [row for row in order if row.id not in held_out],
        "validation": [row for row in order if row.id in held_out],
    }


def stage_two(api_docs: Sequence[Entry], trajectories: Sequence[Entry], share: float) -> list[Entry]:
    """All trajectories, and the `share` of API rows with the richest documentation."""
    richest = sorted(api_docs, key=lambda row: (-row.richness, row.id))[: round(share * len(api_docs))]
    return [*richest, *trajectories]


def as_config(row: Document, config: str) -> Document:
    """The row as one of `config`; if it was of another, its provenance says of which."""
    if row.metadata["config"] != config:
        with_reason(row, "arrange", {"from": row.metadata["config"]})
        row.metadata["config"] = config
    return row
