"""Documentation markup, HTML and reStructuredText, to plain text."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

_BREAKS = re.compile(r"</?(?:p|div|note|important|section|dl|dt|dd|ul|ol|br|h\d|table|tr|pre)\b[^>]*>", re.I)
_ITEM = re.compile(r"<li\b[^>]*>", re.I)
_CODE = re.compile(r"<code\b[^>]*>(.*?)</code>", re.I | re.S)
_TAG = re.compile(r"<(?!!\[)/?[a-zA-Z][^<>]*>|<!--.*?-->", re.S)
_SPACES = re.compile(r"[ \t\r\f\v]+")
_ROLE = re.compile(r":[\w:+-]+:`~?(?:([^`<]+?) ?<[^`>]*>|[!~]?(?:[\w.]+\.)?([^`]*))`")
_DIRECTIVE = re.compile(r"^( *)\.\. (?!math::)[^\n]*(?:\n(?:\1 +[^\n]*| *(?=\n|$)))*", re.M)
_LISTING = re.compile(
    r"::[ \t]*\n(?=[ \t]*\n?[ \t])|^ *(?:>>>|```|\.\. math::|(?:Examples?|Usage|References?|See also)\b[^.\n]*:*$)",
    re.M | re.I,
)
_LIST_ITEM = re.compile(r"\s*(?:[-*+•]|\d+[.)])\s")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s")


def plain_text(markup: str) -> str:
    """Text of an HTML fragment: items become `- ` lines, `<code>` becomes backticks, other tags go."""
    text = _SPACES.sub(" ", markup.replace("\n", " "))
    text = _CODE.sub(lambda code: f"`{_TAG.sub('', code[1]).strip()}`", text)
    text = _BREAKS.sub("\n", _ITEM.sub("\n- ", text))
    text = html.unescape(_TAG.sub("", text)).replace("\xa0", " ").replace("\x00", "")
    lines = (_SPACES.sub(" ", line).strip() for line in text.split("\n"))
    return re.sub(r"\n- *\n+", "\n- ", "\n".join(line for line in lines if line)).strip(" \n-")


def plain_restructured_text(markup: str) -> str:
    """Text of a docstring up to its first example: a line a paragraph or item, without roles and directives."""
    text = _DIRECTIVE.sub("", markup).replace("\x00", "")
    listing = _LISTING.search(text)
    text = _ROLE.sub(lambda role: role[1] or role[2], text[: listing.start()] if listing else text).replace("``", "`")
    lines = [""]
    for line in text.split("\n"):
        if not line.strip() or _LIST_ITEM.match(line):
            lines.append("")
        lines[-1] = f"{lines[-1]} {line.strip()}".strip()
    lines = [_SPACES.sub(" ", line) for line in lines if line]
    # A formula or an example that is left out would have ended the sentence.
    while listing and len(lines) > 1 and not lines[-1].endswith((".", "!", "?")):
        lines.pop()
    return "\n".join(lines).rstrip(" :")


def shortened(text: str, characters: int) -> str:
    """The text itself, or its whole sentences within `characters` (cut at a word when the first is longer)."""
    if len(text) <= characters:
        return text
    kept = ""
    for sentence in _SENTENCE_END.split(text[: characters + 1])[:-1]:
        kept = f"{kept} {sentence}".strip()
    return kept or text[:characters].rsplit(" ", 1)[0]


def snake_case(name: str) -> str:
    """`CreateBucket` → `create_bucket`, `ListDBInstances` → `list_db_instances`."""
    name = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    name = re.sub(r"([a-z\d])([A-Z])", r"\1_\2", name)
    return re.sub(r"\W+", "_", name).strip("_").lower()


def texts_in(value: Any) -> Iterator[str]:
    """Every text in a tree of JSON values: names of properties, and what stands under them, numbers as text too."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield str(name)
            yield from texts_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from texts_in(part)
    else:
        yield str(value)
