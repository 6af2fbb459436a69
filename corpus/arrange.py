"""Step `arrange`: rows by config and split, in the order that training reads, and the stage II set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from corpus.call_examples import group_of
from corpus.classify import is_held_out
from corpus.rows import CONFIGS, MAY_BE_EMPTY, jsonl_files, read_documents, row_of, write_documents
from corpus.steps import Work, write_report
from records.errors import UserError
from records.files import stable_hash

if TYPE_CHECKING:
    from datatrove.data import Document

UNITS = 1_000_000


def arrange(work: Work, folder: Path) -> None:
    """Write `<config>/<split>.jsonl` for every config.

    Raises:
        UserError: nothing is left of a config that training needs.
    """
    recipe = work.recipe.corpus
    rows: dict[str, list[Document]] = {config: [] for config in CONFIGS}
    for row in read_documents(*jsonl_files(work.step("decontamination") / "clean")):
        rows[row.metadata["config"]].append(row)
    if len(rows["web"]) < 2:
        # A config of no rows cannot be loaded, and one row cannot be split.
        rows["text"] += [_copied(row, "text") for row in rows.pop("web")]
        rows["web"] = []
    rows["stage2"] = stage_two(rows["api_docs"], rows["trajectories"], recipe.mix.stage2_share)
    counts = {}
    for config, found in rows.items():
        if len(found) < 2 and config not in MAY_BE_EMPTY:
            raise UserError(f"{len(found)} rows of {config} are left, too few to train on; raise corpus.sources' caps")
        splits = split(found, config, recipe.validation_share, work.recipe.seed)
        counts[config] = {name: len(part) for name, part in splits.items()}
        for name, part in splits.items():
            write_documents(folder / config / f"{name}.jsonl", part)
    write_report(folder, counts)


def split(rows: Sequence[Document], config: str, share: float, seed: int) -> dict[str, list[Document]]:
    """Rows in the order of a hash, the first `share` by hash held out (one at least, where there are two).

    Labels keep the split that the classifier was trained and measured on. Call examples about the same tools are held
    out together, or none of them is.
    """

    def place(row: Document) -> int:
        return stable_hash(f"{seed}/split/{group_of(row.id) if config == 'ift' else row.id}")

    ordered = sorted(rows, key=lambda row: (place(row), row.id))
    if config == "labels":
        held_out = {row.id for row in ordered if is_held_out(row_of(row))}
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


def stage_two(api_docs: Sequence[Document], trajectories: Sequence[Document], share: float) -> list[Document]:
    """Copies of all trajectories and of the `share` of API rows with the richest documentation."""

    def richness(row: Document) -> tuple[int, str]:
        return (-int(row.metadata["provenance"]["reader"]["richness"]), row.id)

    richest = sorted(api_docs, key=richness)[: round(share * len(api_docs))]
    return [_copied(row, "stage2") for row in [*richest, *trajectories]]


def _copied(row: Document, config: str) -> Document:
    from datatrove.data import Document

    provenance = {**row.metadata["provenance"], "arrange": {"from": row.metadata["config"]}}
    return Document(text=row.text, id=row.id, metadata={**row.metadata, "config": config, "provenance": provenance})
