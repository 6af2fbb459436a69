"""Instructions to somebody who plays a user ("You want …"), as that user would say them ("I want …")."""

from __future__ import annotations

import re

_RULES = tuple(
    (re.compile(rf"\b{pattern}\b"), into)
    for pattern, into in (
        (r"[Yy]ou are", "I am"),
        (r"[Yy]ou're", "I'm"),
        (r"[Yy]ou were", "I was"),
        (r"[Yy]ou've", "I've"),
        (r"[Yy]ou'd", "I'd"),
        (r"[Yy]ou'll", "I'll"),
        ("are you", "am I"),
        ("Are you", "Am I"),
        ("yourself", "myself"),
        ("yours", "mine"),
        ("your", "my"),
        ("Your", "My"),
        # Behind these words it is the object of the sentence.
        (
            r"(for|to|with|from|of|by|about|on|at|tells?|gives?|asks?|helps?|lets?|offers?|transfers?|refunds?|charges?"
            r"|informs?|shows?|sends?|requires?|provides?|calls?|reminds?|makes?|wants?) you(?! (?:want|need|can|have"
            r"|would|do|will|could|should|may|might|like|prefer|think|know|see|get|are)\b)",
            r"\1 me",
        ),
        ("[Yy]ou", "I"),
    )
)


def first_person(text: str) -> str:
    """The text with the second person made the first."""
    for pattern, into in _RULES:
        text = pattern.sub(into, text)
    return text
