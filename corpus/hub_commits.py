"""The commits that a recipe's datasets of the Hub are read at: looked up before any work, part of its fingerprint."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from corpus.hub_files import HubFiles
from corpus.hub_recipe import asked_entries
from corpus.hub_registry import MAIN
from corpus.licences import consented
from records.errors import UserError
from records.files import write_json
from records.recipe_corpus import SourcesRecipe

FILE = "hub_commits.json"


def resolve_commits(sources: SourcesRecipe, folder: Path) -> dict[str, str]:
    """Commit of every dataset that the recipe asks for, written to `folder` for the readers.

    An entry that names a commit has it; for one at `main` the Hub is asked, so that a dataset that has moved on is read
    anew. Where the Hub does not answer, the commit of the last run stands, and stderr says so.

    Raises:
        UserError: as asked_entries does, or the Hub does not answer and no run was before.
    """
    before = known_commits(folder)
    found = {}
    for entry in asked_entries(
        sources.hub, sources.hub_allow, sources.hub_licences, consented(sources.attribution_licences)
    ):
        try:
            found[entry.name] = HubFiles(entry, whole=False).commit if entry.revision == MAIN else entry.revision
        except UserError as error:
            if entry.name not in before:
                raise
            found[entry.name] = before[entry.name]
            print(f"corpus: {error}; going on with commit {before[entry.name][:12]} of the last run", file=sys.stderr)
    if found != before:
        write_json(folder / FILE, found)
    return found


def known_commits(folder: Path) -> dict[str, str]:
    """What `resolve_commits` wrote last, by dataset."""
    file = folder / FILE
    found: dict[str, str] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return found
