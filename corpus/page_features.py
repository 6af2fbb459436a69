"""What a filter sees of a page: words, kinds of names, and how dense code is in it; nothing that names the site.

Names such as `read_csv`, `setName` or `os.path.join` become their kind (`_snake_`, `_camel_`, `_dotted_`), so that a
filter learns that a page is full of names and not which names they are. A token counts once a page.
"""

from __future__ import annotations

import math
import re
from collections import Counter

CHARACTERS = 2_400
"""Of a text that a filter reads: as many as a chunk of the corpus has."""
_TOKEN = re.compile(
    r"""(?P<call>[A-Za-z_][\w.:]*\()
      | (?P<option>(?<![\w-])--?[A-Za-z][\w-]*)
      | (?P<number>\d[\d.,]*)
      | (?P<name>[^\W\d]\w*(?:(?:\.|::|->)[^\W\d]\w*)*)
      | (?P<sign>->|=>|::|:=|==|&&|\|\||[^\w\s])""",
    re.X,
)
_SIGNS = {
    "->": "arrow", "=>": "thick", "::": "colons", ":=": "assign", "==": "equal", "[": "bracket", "{": "brace",
    "=": "is", ";": "semicolon", "<": "less", "|": "bar", "*": "star", "/": "slash", "\\": "backslash", "@": "at",
    "#": "hash", "$": "dollar", "%": "percent", "`": "tick", '"': "quote", "?": "question", "!": "exclamation",
}  # fmt: skip
_CAMEL = re.compile(r"[a-z][A-Z]")
_PER_TOKEN = (
    "call", "option", "number", "sign", "dotted", "snake", "constant", "private", "camel", "mixed", "other_script",
    "capital", "word", "arrow", "colons", "bracket", "brace", "is", "semicolon", "less", "star", "quote", "question",
    "exclamation", "at",
)  # fmt: skip
_PER_LINE = ("short", "long", "sentence", "indented")


def tokens_of(text: str) -> list[str]:
    """The distinct tokens of a text's first characters, in the order they come, and its densities.

    Returns:
        Words in lower case; kinds and signs as `_kind_`; densities as `_d<kind><0..9>_`: 9 is every second token or
        more, each step below half of that, 0 none; shares of lines as `_l<kind><0..4>_`, in fifths.
    """
    found: dict[str, None] = {}
    counts: Counter[str] = Counter()
    for line in text[:CHARACTERS].split("\n"):
        if stripped := line.strip():
            _count_line(line, stripped, counts)
            for match in _TOKEN.finditer(stripped):
                _take(match, found, counts)
    return [*found, *_densities(counts)]


def _count_line(line: str, stripped: str, counts: Counter[str]) -> None:
    words = len(stripped.split())
    counts["lines"] += 1
    counts["short"] += words <= 3
    counts["long"] += words >= 15
    counts["sentence"] += stripped[-1] in ".!?"
    counts["indented"] += line.startswith(("  ", "\t"))


def _take(match: re.Match[str], found: dict[str, None], counts: Counter[str]) -> None:
    kind, value = str(match.lastgroup), match.group()
    counts["tokens"] += 1
    if kind == "name":
        kind = _kind_of(value)
        if kind == "word":
            counts["other_script"] += not value.isascii()
            counts["capital"] += value[0].isupper()
            if len(value) > 1:
                found[value.lower()] = None
            counts["word"] += 1
            return
    elif kind == "sign":
        counts["sign"] += 1
        if value not in _SIGNS:
            return
        kind = _SIGNS[value]
    counts[kind] += 1
    found[f"_{kind}_"] = None


def _kind_of(name: str) -> str:
    if "::" in name or "->" in name or "." in name:
        return "dotted"
    if "_" in name.strip("_"):
        return "constant" if name.isupper() else "snake"
    if name.startswith("_"):
        return "private"
    if _CAMEL.search(name):
        return "camel"
    return "mixed" if any(character.isdigit() for character in name) else "word"


def _densities(counts: Counter[str]) -> list[str]:
    tokens, lines = max(counts["tokens"], 1), max(counts["lines"], 1)
    found = []
    for kind in _PER_TOKEN:
        share = counts[kind] / tokens
        found.append(f"_d{kind}{max(1, min(9, 10 + round(math.log2(share)))) if share else 0}_")
    found += [f"_l{kind}{min(4, int(5 * counts[kind] / lines))}_" for kind in _PER_LINE]
    return [*found, f"_dline{min(6, int(math.log2(1 + tokens / lines)))}_"]
