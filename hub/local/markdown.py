"""Cards as HTML: Markdown without raw HTML, scripts or anything from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from html import escape
from typing import Any
from urllib.parse import quote

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

MAX_RENDERED = 200_000
"""Characters; longer cards are shown as they are written."""


def card_html(text: str, url_path: str) -> str:
    """A card's text, without its front matter, as HTML that runs nothing.

    Args:
        text: the Markdown.
        url_path: the repository's page, below which relative links lead.
    """
    if len(text) > MAX_RENDERED:
        return f"<pre>{escape(text)}</pre>"
    try:
        return str(_renderer().render(text, {"root": f"/{url_path}/resolve/main/"}))
    except (RecursionError, ValueError, IndexError):
        return f"<pre>{escape(text)}</pre>"


@lru_cache(maxsize=1)
def _renderer() -> MarkdownIt:
    found = MarkdownIt("js-default", {"html": False, "linkify": False})
    found.add_render_rule("link_open", _link)
    found.add_render_rule("image", _image)
    return found


def _link(renderer: RendererHTML, tokens: Sequence[Token], place: int, options: Any, env: Any) -> str:
    token = tokens[place]
    token.attrSet("href", _inside(str(token.attrGet("href") or ""), env))
    token.attrSet("rel", "noopener noreferrer nofollow")
    return renderer.renderToken(tokens, place, options, env)


def _image(renderer: RendererHTML, tokens: Sequence[Token], place: int, options: Any, env: Any) -> str:
    token = tokens[place]
    source = _inside(str(token.attrGet("src") or ""), env)
    shown = escape(token.content)
    if not source.startswith(env["root"]):
        return shown  # an image from elsewhere would tell its owner who reads this page
    return f'<img src="{escape(source)}" alt="{shown}">'


def _inside(address: str, env: Any) -> str:
    relative = address and not address.startswith(("/", "#", "?")) and ":" not in address.split("/")[0]
    return env["root"] + quote(address.removeprefix("./"), safe="/#%._-~") if relative else address
