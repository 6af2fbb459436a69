"""Licences of installed distributions as SPDX expressions, and whether the corpus may redistribute under them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from email.message import Message
from typing import Any

ALLOWED = frozenset(
    {"MIT", "BSD-2-Clause", "BSD-3-Clause", "0BSD", "Apache-2.0", "ISC", "PSF-2.0", "Python-2.0", "MIT-CMU"}
    | {"PostgreSQL"}
    | {"Apache-2.0 WITH LLVM-exception"}
)
"""Permissive licences that ask for no more than notices."""
ATTRIBUTION = {
    "CC-BY-3.0": "https://creativecommons.org/licenses/by/3.0/legalcode",
    "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/legalcode",
    "ODC-By-1.0": "https://opendatacommons.org/licenses/by/1-0/",
}
"""Licences that also ask for credit and a statement of changes, and neither share-alike nor a purpose; with the address
of each text, which may stand for the text (CC-BY-4.0 section 3(a)(1)(C), CC-BY-3.0 4(a), ODC-By-1.0 4.2)."""
SPOKEN = {
    "mit": "MIT",
    "mit license": "MIT",
    "the mit license": "MIT",
    "the mit license (mit)": "MIT",
    "apache": "Apache-2.0",
    "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache-2.0": "Apache-2.0",
    "apache 2.0 license": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd": "BSD",
    "bsd license": "BSD",
    "bsd-2-clause": "BSD-2-Clause",
    "bsd-3-clause": "BSD-3-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "isc": "ISC",
    "isc license": "ISC",
    "isc license (iscl)": "ISC",
    "psf": "PSF-2.0",
    "psfl": "PSF-2.0",
    "psf-2.0": "PSF-2.0",
    "python software foundation license": "PSF-2.0",
    "mit no attribution license (mit-0)": "MIT-0",
}
_EXPRESSION = re.compile(r"[A-Za-z\d.+-]+(?: WITH [\w.-]+)?(?: (?:AND|OR) [A-Za-z\d.+()-]+(?: WITH [\w.-]+)?)*")
_TOKEN = re.compile(r"\(|\)|\bAND\b|\bOR\b|[A-Za-z\d.+-]+(?: WITH [\w.-]+)?")


def spdx_of(metadata: Message | Any, license_texts: Sequence[str]) -> str | None:
    """The SPDX expression that a distribution's METADATA declares, or None when it declares none that is known.

    `License-Expression` wins, then `License`, then the classifiers. A bare "BSD" is settled by the licence text:
    the third clause is there or not; without a text the stricter BSD-3-Clause is taken.
    """
    if expression := metadata["License-Expression"]:
        return str(expression).strip()
    first_line = str(metadata["License"] or "").strip().split("\n")[0].strip()
    names = [first_line] if first_line else []
    classifiers = [c.split(" :: ")[-1] for c in metadata.get_all("Classifier") or [] if c.startswith("License ::")]
    for candidates in (names, classifiers):
        known = [SPOKEN.get(name.lower()) or _already_spdx(name) for name in candidates]
        if known and all(known):
            settled = sorted({_settle_bsd(name, license_texts) for name in known if name})
            return " AND ".join(settled)
    return None


def consented(attribution_licences: bool) -> frozenset[str]:
    """Licences that a recipe's key `attribution_licences` lets in beside ALLOWED."""
    return frozenset(ATTRIBUTION if attribution_licences else ())


def is_allowed(expression: str, also: frozenset[str] = frozenset()) -> bool:
    """Whether every licence that the expression makes one obey is in ALLOWED or `also`; one side of an OR is enough."""
    tokens = _TOKEN.findall(expression)
    allowed, rest = _either(tokens, ALLOWED | also)
    return allowed and not rest


def _already_spdx(name: str) -> str | None:
    return name if _EXPRESSION.fullmatch(name) and any(token in name for token in ("-", " AND ", " OR ")) else None


def _settle_bsd(name: str, license_texts: Sequence[str]) -> str:
    if name != "BSD":
        return name
    text = " ".join(" ".join(license_texts).split())
    third_clause = "Neither the name" in text or "may not be used to endorse" in text
    return "BSD-2-Clause" if "Redistribution and use" in text and not third_clause else "BSD-3-Clause"


def _either(tokens: list[str], known: frozenset[str]) -> tuple[bool, list[str]]:
    allowed, rest = _both(tokens, known)
    while rest and rest[0] == "OR":
        other, rest = _both(rest[1:], known)
        allowed = allowed or other
    return allowed, rest


def _both(tokens: list[str], known: frozenset[str]) -> tuple[bool, list[str]]:
    allowed, rest = _single(tokens, known)
    while rest and rest[0] == "AND":
        other, rest = _single(rest[1:], known)
        allowed = allowed and other
    return allowed, rest


def _single(tokens: list[str], known: frozenset[str]) -> tuple[bool, list[str]]:
    if not tokens:
        return False, []
    if tokens[0] == "(":
        allowed, rest = _either(tokens[1:], known)
        return allowed, rest[1:] if rest and rest[0] == ")" else ["unbalanced"]
    return tokens[0] in known, tokens[1:]
