"""The small web page: repositories, a repository's card and files, first rows. No scripts, nothing from outside."""

from __future__ import annotations

from html import escape
from typing import Any
from urllib.parse import quote

import yaml
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from hub.local.card_check import front_matter
from hub.local.context import downloadable_repo, part, readable_repo, store_of
from hub.local.database import Repo
from hub.local.describe import card_text
from hub.local.errors import no_entry
from hub.local.markdown import card_html
from hub.local.splits import splits
from hub.local.treestore import Entry, FrozenTree

MAX_FILES = 1000
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}
a{color:#0b57d0}table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.25rem .75rem .25rem 0}
td.n{text-align:right;font-variant-numeric:tabular-nums}pre{white-space:pre-wrap;background:#f5f5f5;padding:1rem}
pre,td{overflow-wrap:anywhere}img{max-width:100%}.rows{overflow-x:auto}.rows table{font-size:.85rem}
.rows td,.rows th{vertical-align:top;border-top:1px solid #8884;min-width:6rem;max-width:24rem}small{color:#767676}
@media (prefers-color-scheme:dark){body{color:#eee;background:#181818}a{color:#8ab4f8}pre{background:#242424}}
"""


def index(request: Request) -> Response:
    """GET /: every repository that anyone may read"""
    repos = [repo for repo in store_of(request).database.repos() if not repo.private]
    rows = "".join(
        f'<tr><td>{repo.name.kind}</td><td><a href="/{repo.name.url_path}">{escape(repo.name.id)}</a></td></tr>'
        for repo in repos
    )
    body = (
        f"<table><tr><th>kind</th><th>repository</th></tr>{rows}</table>"
        if rows
        else "<p>Nothing was published yet.</p>"
    )
    return _page("Embedded Hub", body)


def repo_page(request: Request) -> Response:
    """GET /P owner/name: the card, first rows of a dataset, and the files at main"""
    repo = readable_repo(request)
    store = store_of(request)
    tree = store.database.tree(repo, store.database.commit_of(repo, "main").id)
    tags = ", ".join(name for name, _ in store.database.refs(repo, "tag")) or "none"
    facts = [repo.name.kind, f"tags: {escape(tags)}", *(["gated"] if repo.gated else [])]
    top = f'<p><a href="/">all repositories</a> · {" · ".join(facts)}</p>'
    files = "".join(_file_row(repo, path, tree[path]) for path in list(tree)[:MAX_FILES])
    more = f"<p>and {len(tree) - MAX_FILES:,} more</p>" if len(tree) > MAX_FILES else ""
    card = _card(repo, card_text(store, tree))
    return _page(repo.name.id, f"{top}{card}{_splits(request, repo, tree)}<h2>Files</h2><table>{files}</table>{more}")


def _card(repo: Repo, text: str | None) -> str:
    if text is None:
        return ""
    try:
        fields = front_matter(text)
    except ValueError:
        return f"<h2>README.md</h2><pre>{escape(text)}</pre>"
    matter = yaml.safe_dump(fields, sort_keys=False, allow_unicode=True) if fields else ""
    shown = f"<details><summary>card fields</summary><pre>{escape(matter)}</pre></details>" if fields else ""
    lines = text.removeprefix("\ufeff").splitlines(keepends=True)
    ends = [number for number, line in enumerate(lines) if number and line.strip() == "---"] if fields else []
    body = "".join(lines[ends[0] + 1 :]) if ends else text
    return f"{shown}<article>{card_html(body, repo.name.url_path)}</article>"


def _splits(request: Request, repo: Repo, tree: FrozenTree) -> str:
    found = splits(store_of(request), tree) if repo.name.kind == "dataset" else {}
    links = [
        f'<a href="/{repo.name.url_path}/viewer/{quote(config, safe="")}/{quote(split, safe="")}">'
        f"{escape(config)} / {escape(split)}</a>"
        for config, split in found
    ]
    return f"<h2>First rows</h2><p>{' · '.join(links)}</p>" if links else ""


def rows_page(request: Request) -> Response:
    """GET /datasets/owner/name/viewer/config/split: the first rows"""
    repo = downloadable_repo(request)
    store = store_of(request)
    commit = store.database.commit_of(repo, "main").id
    tree = store.database.tree(repo, commit)
    config, split = part(request, "config"), part(request, "split")
    file = splits(store, tree).get((config, split))
    if file is None:
        raise no_entry(f"{config}/{split}", commit)
    found = store.viewer.first_rows(tree[file])
    shown = _rows(found) if found else "<p>This file cannot be shown: it is damaged, or too large to look into.</p>"
    top = f'<p><a href="/{repo.name.url_path}">{escape(repo.name.id)}</a> · {escape(file)}</p>'
    return _page(f"{config} / {split}", f"{top}{shown}")


def _rows(found: dict[str, Any]) -> str:
    head = "".join(f"<th>{escape(name)}<br><small>{escape(kind)}</small></th>" for name, kind in found["columns"])
    body = "".join(
        "<tr>"
        + "".join(f"<td>{'<small>null</small>' if cell is None else escape(cell)}</td>" for cell in row)
        + "</tr>"
        for row in found["rows"]
    )
    count = f"<p>{len(found['rows'])} of {found['total']:,} rows of this file</p>"
    return f'{count}<div class="rows"><table><tr>{head}</tr>{body}</table></div>'


def _file_row(repo: Repo, path: str, entry: Entry) -> str:
    address = f"/{repo.name.url_path}/resolve/main/{quote(path)}"
    return f'<tr><td><a href="{escape(address)}">{escape(path)}</a></td><td class="n">{entry.size:,} bytes</td></tr>'


def _page(title: str, body: str) -> Response:
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    shown = f"<style>{STYLE}</style></head><body><h1>{escape(title)}</h1>{body}</body></html>"
    return HTMLResponse(f'<!doctype html><html lang="en"><head>{head}{shown}', headers=HEADERS)
