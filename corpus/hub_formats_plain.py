"""Formatters of plain records: source files and web pages."""

from __future__ import annotations

import json
from typing import Any

from corpus.foreign_calls import BadRow
from corpus.hub_formats_dialogues import Formatted
from corpus.licences import SPOKEN
from corpus.quality import code_problem, path_problem


def source_file(record: dict[str, Any]) -> Formatted:
    """`content`, with the repository and path it was starred under and, where the dataset states them, its licences.

    All licences found in the repository count together.

    Raises:
        BadRow: no_text, and as path_problem and code_problem name.
    """
    text, repository = _text(record.get("content")), str(record.get("max_stars_repo_name") or "")
    path = str(record.get("max_stars_repo_path") or "")
    if problem := path_problem(path) or code_problem(text):
        raise BadRow(problem)
    found = record.get("max_stars_repo_licenses")
    named = None if found is None else sorted({SPOKEN.get(name.lower(), name) for name in _list(found)})
    commit = record.get("max_stars_repo_head_hexsha") or "HEAD"
    return Formatted(
        text=text,
        license=None if named is None else " AND ".join(named),
        attribution=f"the authors of github.com/{repository}" if repository else "",
        url=f"https://github.com/{repository}/blob/{commit}/{path}" if repository else "",
        id=str(record.get("hexsha") or record.get("id") or ""),
    )


def web_page(record: dict[str, Any]) -> Formatted:
    """`text` of a page with its `url` and `id`. Raises BadRow: no_text."""
    url = str(record.get("url") or "")
    return Formatted(text=_text(record.get("text")), url=url, attribution=url, id=str(record.get("id") or ""))


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise BadRow("no_text")
    return value


def _list(value: Any) -> list[str]:
    """Licences as a list; some copies hold the list as JSON text. Raises BadRow: bad_licences."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = [value]
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise BadRow("bad_licences")
    return value
