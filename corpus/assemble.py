"""Step `assemble`: the finished folder, written beside its place and put there in one rename."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pyarrow.parquet as pq

from corpus.card import card
from corpus.croissant import croissant
from corpus.datasheet import datasheet
from corpus.executor import progress
from corpus.figures import draw_figures
from corpus.hub_commits import known_commits
from corpus.hub_registry import ENTRIES
from corpus.licences import consented, is_allowed
from corpus.manifest import manifest_of
from corpus.notices import write_notices
from corpus.shards import shard_files
from corpus.steps import Work, report_of, write_report
from records.files import replacing, write_json

REPORTS = {
    "sources": "sources", "calls": "calls", "retrieval": "retrieval", "filter": "filter", "privacy": "privacy",
    "dedup": "dedup", "decontamination": "decontamination", "arrange": "splits", "tokens": "tokens", "mix": "mix",
    "shards": "shards",
}  # fmt: skip
"""Step → name of its report in the corpus."""
FILES = {"filter_pages.jsonl": "labels_of_pages.jsonl", "filter_failures.jsonl": "failures.jsonl"}
"""Under reports/: labels of crawled pages without their texts, and the pages that the filter told wrong."""
COPIES = ("stage2", "labels")
"""Configs whose rows stand in another config too."""


def assemble(work: Work, folder: Path) -> None:
    """Put shards, tokens, notices, reports, manifest, card, datasheet and figures in their place."""
    with progress("assemble", "parts", 5) as bar, replacing(work.output) as partial:
        shutil.copytree(work.step("shards") / "data", partial / "data")
        shutil.copytree(work.step("tokens") / "tokens", partial / "tokens")
        bar.update()
        found, rights = counts_and_rights(work)
        about = write_notices(rights, partial / "LICENSES")
        also = consented(work.recipe.corpus.sources.attribution_licences)
        place_hub_datasets(about, known_commits(work.folder))
        sources = [
            {"name": name, **about[name], **found[name], **rights_marks(name, rights[name], also)}
            for name in sorted(found)
        ]
        bar.update()
        reports = {name: report_of(work, step) for step, name in REPORTS.items()}
        for name, report in reports.items():
            write_json(partial / "reports" / f"{name}.json", report)
        for name, file in FILES.items():
            if (work.step("filter") / file).is_file():
                shutil.copyfile(work.step("filter") / file, partial / "reports" / name)
        bar.update()
        manifest = manifest_of(work, partial, sources, reports)
        write_json(partial / "manifest.json", manifest)
        bar.update()
        (partial / "README.md").write_text(card(work.recipe, manifest, reports), encoding="utf-8")
        (partial / "datasheet.md").write_text(datasheet(work.recipe, manifest, reports), encoding="utf-8")
        write_json(partial / "croissant.json", croissant(manifest))
        draw_figures(manifest, reports, partial / "figures")
        shutil.copyfile(work.step("retrieval") / "map.png", partial / "figures" / "retrieval_map.png")
        bar.update()
    write_report(folder, {"sources": len(sources)})


def place_hub_datasets(about: dict[str, dict[str, str]], commits: Mapping[str, str]) -> None:
    """Give datasets of the Hub the commit that was read as their version, and their page."""
    for entry in ENTRIES.values():
        if entry.repo in about:
            about[entry.repo] |= {"version": commits.get(entry.name, entry.revision), "url": entry.url}


CLOSED = frozenset(entry.repo for entry in ENTRIES.values() if entry.non_commercial)
"""Datasets of the Hub whose makers bind them to a purpose, whatever licence their page names."""


def rights_marks(name: str, rights: Mapping[str, set[str]], also: frozenset[str]) -> dict[str, bool]:
    """What a source's licences ask for beside notices.

    `attribution`: credit and a statement of changes, which the notices give. `restricted`: more, which a recipe may
    accept for its own use and publishing may not.
    """
    if name in CLOSED or not all(is_allowed(licence, also) for licence in rights):
        return {"restricted": True}
    return {} if all(map(is_allowed, rights)) else {"attribution": True}


def counts_and_rights(work: Work) -> tuple[dict[str, dict[str, int]], dict[str, dict[str, set[str]]]]:
    """By source: documents, distinct APIs and tokens in the shards; and attributions by licence.

    Copies (stage II, labels) count once.
    """
    found: dict[str, dict[str, int]] = {}
    apis: dict[str, set[str]] = {}
    rights: dict[str, dict[str, set[str]]] = {}
    columns = ["source", "tokens", "api_ids", "license", "attribution"]
    for file in shard_files(work.step("shards")):
        if file.parent.name in COPIES:
            continue
        for row in (row for batch in pq.ParquetFile(file).iter_batches(columns=columns) for row in batch.to_pylist()):
            into = found.setdefault(row["source"], {"documents": 0, "tokens": 0})
            into["documents"] += 1
            into["tokens"] += row["tokens"]
            apis.setdefault(row["source"], set()).update(row["api_ids"])
            rights.setdefault(row["source"], {}).setdefault(row["license"], set()).add(row["attribution"])
    return {name: {**values, "apis": len(apis[name])} for name, values in sorted(found.items())}, rights
