"""Roles and nouns in the names of operations."""

from __future__ import annotations

import re

VERBS = {
    "create": ("create", "insert", "register", "add"),
    "get": ("get", "describe"),
    "list": ("list",),
    "update": ("patch", "update", "modify"),
    "delete": ("delete", "remove", "deregister"),
}
"""Verbs of each role; where a noun has several operations of one role, the first verb here wins."""
_ROLE = {verb: role for role, verbs in VERBS.items() for verb in verbs}


def role_and_noun(name: str) -> tuple[str, str] | None:
    """`batch.create_job_queue` → `("create", "job_queue")`, `calendar.events_insert` → `("create", "event")`.

    None where the name has no verb of VERBS first or last, and for operations on many resources at once.
    """
    words = name.rsplit(".", 1)[-1].split("_")
    first = len(words) > 1 and words[0] in _ROLE
    if not first and (len(words) < 2 or words[-1] not in _ROLE or words[-2] in ("batch", "bulk")):
        return None
    verb, noun = (words[0], words[1:]) if first else (words[-1], words[:-1])
    role, last = _ROLE[verb], singular(noun[-1])
    if first and last != noun[-1] and role != "list":
        if role != "get":
            return None
        role = "list"
    return role, "_".join([*noun[:-1], last])


def singular(word: str) -> str:
    """`policies` → `policy`, `addresses` → `address`, `status` → `status`."""
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if re.search(r"(ss|sh|ch|x)es$", word):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "sis", "xis")) else word


def collections_of(path: str) -> tuple[str, ...]:
    """`projects_key_rings_crypto_keys` → `("projects", "keyRings", "cryptoKeys")`: a collection ends in a plural."""
    found: list[list[str]] = [[]]
    for word in path.split("_"):
        found[-1].append(word)
        if singular(word) != word:
            found.append([])
    return tuple(part[0] + "".join(word.title() for word in part[1:]) for part in found if part)
