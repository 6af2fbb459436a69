"""The second tab: figures of the corpus, search in its API documents, scores, links."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio as gr
from cards import text
from release import Release
from transcript import note


def build_release_tab(release: Release) -> None:
    """Put the tab into the Blocks that are being built."""
    gr.HTML(_overview(release), elem_id="release")
    gr.HTML("<h2 class='part'>Search the API documents</h2>")
    if not release.apis:
        gr.HTML(note("empty", "No search index", "This Space was put together without the corpus beside it."))
    else:
        query = gr.Textbox(label=f"Words in name or description, of {len(release.apis):,} APIs", elem_id="api-query")
        found = gr.HTML(_hint(), elem_id="api-found")

        def search(words: str) -> str:
            return found_html(release, words)

        gr.on(
            [query.change, query.submit], search, query, found, api_visibility="private", show_progress="hidden",
            trigger_mode="always_last", concurrency_limit=4,
        )  # fmt: skip
    if release.figures:
        gr.HTML("<h2 class='part'>Figures</h2>")
        gr.set_static_paths([figure.parent for figure in release.figures])
        gr.HTML(f"<div class='figures'>{''.join(map(_figure, release.figures))}</div>")


def found_html(release: Release, words: object) -> str:
    """The rows that a search finds, or why there are none."""
    query = words if isinstance(words, str) else ""
    if not query.strip():
        return _hint()
    rows = release.search(query)
    if not rows:
        return note("empty", "Nothing found", "No API document holds all of these words.")
    cells = "".join(
        f"<li><code>{text(row['name'])}</code> <span>{text(row['source'])} · {text(row['license'])}</span>"
        f"<p>{text(row['description'])}</p></li>"
        for row in rows
    )
    return f'<ul class="found" role="status">{cells}</ul>'


def _hint() -> str:
    return "<p class='hint'>For example: bucket, create event, sort list.</p>"


def _overview(release: Release) -> str:
    if not release.summary:
        return note("empty", "Nothing released yet", "Corpus figures and scores appear here once they are published.")
    corpus: dict[str, Any] = release.summary.get("corpus") or {}
    configs = corpus.get("configs") or {}
    rows = [[name, _number(one.get("documents")), _number(one.get("tokens"))] for name, one in configs.items()]
    apis = _number((corpus.get("apis") or {}).get("distinct"))
    about = f"<p>{apis} distinct APIs from {len(corpus.get('sources') or [])} sources, recipe "
    about += f"<code>{text(str(corpus.get('recipe')))}</code>.</p>"
    parts = [_links(release), "<h2 class='part'>Corpus</h2>", about, table(["config", "documents", "tokens"], rows)]
    return "".join([*parts, "<h2 class='part'>Scores</h2>", _scores(release.summary.get("scores") or {})])


def _figure(file: Path) -> str:
    name = text(file.stem.replace("_", " "))
    address = f"gradio_api/file={quote(str(file))}"  # relative: a Space may lie below a path
    return f'<figure><img src="{address}" alt="Figure: {name}" loading="lazy"><figcaption>{name}</figcaption></figure>'


def _links(release: Release) -> str:
    base, found = hub_address(), []
    if release.model:
        found.append((f"{base}/{release.model}", "Model card"))
    if release.dataset:
        data = f"{base}/datasets/{release.dataset}"
        found += [(data, "Dataset card"), (f"{data}/blob/main/datasheet.md", "Datasheet")]
    links = " · ".join(f'<a href="{text(url)}" rel="noopener">{name}</a>' for url, name in found)
    return f"<p>{links}</p>" if links else ""


def hub_address() -> str:
    """Where the release lies: the Hub that this Space reads from, HF_ENDPOINT or huggingface.co."""
    from huggingface_hub import constants

    return constants.ENDPOINT.rstrip("/")


def _scores(scores: dict[str, Any]) -> str:
    if not scores:
        return note("empty", "No scores yet", "The models of this release have not been scored.")
    tasks = sorted({task for one in scores.values() for task in one})
    rows = [[task, *(_score(one.get(task)) for one in scores.values())] for task in tasks]
    return "<p>Percent right ± standard error.</p>" + table(["task", *scores], rows)


def _score(row: dict[str, Any] | None) -> str:
    if not row:
        return "not run"
    error = f" ± {100 * row['stderr']:.1f}" if isinstance(row.get("stderr"), int | float) else ""
    return f"{100 * row['score']:.1f}{error} (n={row.get('n')})"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A table that scrolls by itself on a narrow screen."""
    top = "".join(f'<th scope="col">{text(cell)}</th>' for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{text(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide" tabindex="0"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else "?"
