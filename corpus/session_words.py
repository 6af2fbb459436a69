"""The words of a session: goals as people put them, plans, what is said after a failure, and closing answers."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

from corpus.call_requests import Said
from corpus.call_values import TOPICS
from corpus.session_phrases import ASKING, CREATE, ENDINGS, LINKS, LIST_HEADS, NAMED, OPENINGS
from corpus.spoken_forms import words_of


def article(noun: str) -> str:
    """`an access point`."""
    vowel = noun[0] in "aeiou" and not noun.startswith(("us", "uni", "eu", "one"))
    return f"{'an' if vowel else 'a'} {noun}"


def create_words(noun: str, own: str | None, where: Sequence[Said], said: Sequence[Said], rng: random.Random) -> str:
    """`create a job queue named x in project y with priority 5`."""
    words = rng.choice(CREATE).format(a=article(noun), noun=noun)
    parts = [rng.choice(NAMED).format(own)] if own else []
    rest = [*(where_words([one], rng) for one in where), *_with(said, rng)]
    if rng.random() < 0.4:
        rng.shuffle(rest)
    return " ".join([words, *parts, *rest])


def where_words(where: Sequence[Said], rng: random.Random) -> str:
    """`in zone us-east4-b`; empty without a scope."""
    told = []
    for one in where:
        words = words_of(one.name)
        if words == "parent":
            told.append(rng.choice(("in {}", "under {}", "below {}")).format(one.spoken))
        else:
            short = words.removesuffix(" id").removesuffix(" name") if rng.random() < 0.7 else words
            told.append(rng.choice(("in {} {}", "in the {} {}", "for {} {}", "in {} '{}'")).format(short, one.spoken))
    return " ".join(told)


def field_words(name: str) -> str:
    """A parameter as it is called in a sentence."""
    words = words_of(name)
    return words.removeprefix("is ") or name


def shown(value: Any) -> str:
    """A JSON value in a sentence."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def goal(clauses: Sequence[str], remarks: Sequence[str], rng: random.Random) -> str:
    """One message: `clauses` are commands in lower case, `remarks` whole sentences that follow them."""
    opening = rng.choice(OPENINGS).format(topic=rng.choice(TOPICS))
    ending = rng.choice(ENDINGS).format(topic=rng.choice(TOPICS))
    if len(clauses) + len(remarks) > 1 and rng.random() < 0.15:
        lines = [f"{number}. {_sentence(text)}" for number, text in enumerate((*clauses, *remarks), 1)]
        head = _sentence(rng.choice(LIST_HEADS), capital=not opening or opening[-2] in ".!")
        return "\n".join([opening + head, *lines, *([ending] if ending else [])])
    first = _sentence(rng.choice(ASKING).format(clauses[0]), capital=not opening or opening[-2] in ".!")
    rest = list(clauses[1:])
    if len(rest) == 1 and first[-1] == "." and rng.random() < 0.4:
        first = f"{first[:-1]}{rng.choice((' and ', ', then ', ' and then '))}{rest.pop()}."
    linked = [_sentence(rng.choice(LINKS) + clause) for clause in rest]
    return " ".join([opening + first, *linked, *remarks, ending]).strip()


def plan(steps: Sequence[str], rng: random.Random) -> str:
    """What the assistant is about to do; `steps` are commands in lower case."""
    if len(steps) == 1:
        return rng.choice(("I'll {}.", "First step: {}.", "Let me {}.", "Plan: {}.")).format(steps[0])
    style = rng.randrange(5)
    if style == 0:
        return "Plan:\n" + "\n".join(f"{number}. {_sentence(step)}" for number, step in enumerate(steps, 1))
    if style == 1:
        return f"I'll {steps[0]}, then {', then '.join(steps[1:])}."
    if style == 2:
        return f"First I {steps[0]}. " + " ".join(
            f"{'Next' if n else 'Then'} I {step}." for n, step in enumerate(steps[1:])
        )
    if style == 3:
        return "Steps: " + "; ".join(f"({number}) {step}" for number, step in enumerate(steps, 1)) + "."
    return f"To do this I will {', '.join(steps[:-1])} and then {steps[-1]}."


def _with(said: Sequence[Said], rng: random.Random) -> list[str]:
    if not said:
        return []
    if rng.random() < 0.25:
        style = rng.choice(("{} = {}", "{}: {}", "{} {}"))
        return ["(" + ", ".join(style.format(field_words(one.name), one.spoken) for one in said) + ")"]
    told = [_one(one, rng) for one in said]
    return [
        "with " + (told[0] if len(told) == 1 else ", ".join(told[:-1]) + rng.choice((" and ", ", and ")) + told[-1])
    ]


def _one(one: Said, rng: random.Random) -> str:
    words = field_words(one.name)
    if one.kind == "boolean":
        return rng.choice((f"{words} set to {one.spoken}", f"{words} {one.spoken}"))
    if one.kind in ("integer", "number") and rng.random() < 0.4:
        return f"a {words} of {one.spoken}"
    style = rng.choice(("{0} {1}", "{0} {1}", "{1} as the {0}", "{0} set to {1}", "the {0} {1}", "{0} being {1}"))
    return style.format(words, one.spoken)


def _sentence(text: str, *, capital: bool = True) -> str:
    text = " ".join(text.split())
    text = text.replace(" ?", "?").replace(" .", ".")
    text = text[:1].upper() + text[1:] if capital else text
    return text if text[-1] in ".?!:" else f"{text}."
