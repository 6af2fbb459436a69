"""Long texts into chunks at paragraph ends."""

from __future__ import annotations

import re

LONGEST_CHUNK = 2400
"""Characters of a chunk, about 600 tokens."""
MOST_CHUNKS = 16
"""Chunks taken of one document, so that one changelog does not flood the text."""


def chunks_of(text: str, longest: int = LONGEST_CHUNK) -> list[str]:
    """The text in pieces of at most `longest` characters, cut between paragraphs, else lines, else words."""
    pieces: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        for part in _fitting(paragraph.strip("\n"), longest):
            if pieces and len(pieces[-1]) + 2 + len(part) <= longest:
                pieces[-1] = f"{pieces[-1]}\n\n{part}"
            elif part.strip():
                pieces.append(part)
    return pieces


def _fitting(paragraph: str, longest: int) -> list[str]:
    if len(paragraph) <= longest:
        return [paragraph]
    cut = max(paragraph.rfind("\n", 1, longest), -1)
    if cut <= 0:
        cut = paragraph.rfind(" ", 1, longest)
    if cut <= 0:
        cut = longest
    return [paragraph[:cut], *_fitting(paragraph[cut:].lstrip("\n "), longest)]
