"""The small web page: the list of repositories, and a repository's card and files. No scripts, nothing from outside."""

from __future__ import annotations

from html import escape
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from hub.local.context import readable_repo, store_of
from hub.local.database import Entry, Repo

MAX_CARD_BYTES = 1 << 20
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
}
STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}
a{color:#0b57d0}table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.25rem .75rem .25rem 0}
td.n{text-align:right;font-variant-numeric:tabular-nums}pre{white-space:pre-wrap;background:#f5f5f5;padding:1rem}
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
    """GET /P owner/name: the card and the files at main"""
    repo = readable_repo(request)
    store = store_of(request)
    tree = store.database.tree(repo, store.database.commit_of(repo, "main").id)
    tags = ", ".join(name for name, _ in store.database.refs(repo, "tag")) or "none"
    card = ""
    if "README.md" in tree and tree["README.md"].size <= MAX_CARD_BYTES:
        text = store.blobs.path(tree["README.md"].sha256).read_text(encoding="utf-8", errors="replace")
        card = f"<h2>README.md</h2><pre>{escape(text)}</pre>"
    files = "".join(_file_row(repo, path, entry) for path, entry in tree.items())
    table = f"<h2>Files</h2><table>{files}</table>"
    return _page(
        repo.name.id, f'<p><a href="/">all repositories</a> · {repo.name.kind} · tags: {escape(tags)}</p>{card}{table}'
    )


def _file_row(repo: Repo, path: str, entry: Entry) -> str:
    address = f"/{repo.name.url_path}/resolve/main/{quote(path)}"
    return f'<tr><td><a href="{escape(address)}">{escape(path)}</a></td><td class="n">{entry.size:,} bytes</td></tr>'


def _page(title: str, body: str) -> Response:
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    shown = f"<style>{STYLE}</style></head><body><h1>{escape(title)}</h1>{body}</body></html>"
    return HTMLResponse(f'<!doctype html><html lang="en"><head>{head}{shown}', headers=HEADERS)
