"""Call examples for fine-tuning: a request, the tools at hand, and the calls that answer it, from real API schemas."""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from corpus.api import Api
from corpus.call_requests import NO_VERB, first_sentence, task_words
from corpus.call_several import same_function, several_functions
from corpus.call_steps import steps_messages
from corpus.call_tools import Function, make_functions, rarity, spoken_call
from corpus.call_values import can_speak
from corpus.spoken_forms import words_of
from records.calls import Message, calls_message
from records.files import stable_hash
from records.recipe_corpus import CallsRecipe

REQUESTS = 4
"""Examples that are asked of the same tools."""
MOST_REQUIRED = 5
PAGING = {"max", "page", "limit", "token"}


def call_examples(apis: Sequence[Api], recipe: CallsRecipe, seed: int) -> Iterator[dict[str, Any]]:
    """Yield the recipe's examples `{id, messages, tools, kind, api_ids}`, `REQUESTS` in turn about the same tools.

    The tools of group g depend on `seed`, g, the numbers of tools and the set of APIs alone, and so does each example,
    with the shares of kinds. Argument values occur in the request, in words or figures, or in an earlier result;
    optional parameters that the request does not mention are left out of the call.

    Raises:
        ValueError: fewer than eight APIs have parameters that a request can say.
    """
    usable = sorted((api for api in apis if _usable(api)), key=lambda api: stable_hash(f"{seed}/{api.id}"))
    if len(usable) < 8:
        raise ValueError(f"{len(usable)} of {len(apis)} APIs can be called in words; call examples need at least 8")
    # Cloud APIs mostly take text and require one value or none, where people's functions take several of many kinds.
    walks = [usable]
    kinds = dataclasses.asdict(recipe.shares)
    walks += [[api for api in usable if fits(api)] or usable for fits in (_requires_several, _has_more_than_text)]
    examples = itertools.chain.from_iterable(
        _group(walks, seed, group, kinds, recipe.tools) for group in itertools.count()
    )
    return itertools.islice(examples, recipe.examples)


def group_of(example_id: str) -> str:
    """What examples about the same tools have in common."""
    return example_id.rsplit("/", 1)[0]


def _group(
    walks: Sequence[Sequence[Api]], seed: int, group: int, kinds: Mapping[str, float], tools: Sequence[int]
) -> Iterator[dict[str, Any]]:
    rng = random.Random(stable_hash(f"{seed}/call/{group}"))
    count = rng.choice(tools)
    # Walking the lists, not drawing from them, shows every API before any comes twice.
    walked = [apis[group % len(apis)] for apis in walks]
    functions = make_functions([*rng.sample(walked, len(walked)), *rng.sample(walks[0], 6)], rng)
    shown, others = functions[:count], functions[count:]
    for number in range(REQUESTS):
        yield {"id": f"call/{seed}/{group}/{number}", **_example(shown, others, kinds, rng)}


def _requires_several(api: Api) -> bool:
    return len(api.parameters.get("required", [])) > 1


def _has_more_than_text(api: Api) -> bool:
    """Whether an API takes numbers, switches, choices or lists, paging apart."""
    found = api.parameters.get("properties", {}).items()
    return any(
        rarity(schema) > 1 for name, schema in found if can_speak(schema) and not PAGING & {*words_of(name).split()}
    )


def _usable(api: Api) -> bool:
    properties = api.parameters.get("properties", {})
    required = api.parameters.get("required", [])
    speakable = [name for name, schema in properties.items() if can_speak(schema)]
    return (
        len(speakable) >= 1
        and len(required) <= MOST_REQUIRED
        and all(name in speakable for name in required)
        and len(first_sentence(api.description).split()) >= 3
        and not task_words(api.name, api.description).startswith(NO_VERB)
    )


def _example(
    shown: Sequence[Function], others: Sequence[Function], kinds: Mapping[str, float], rng: random.Random
) -> dict[str, Any]:
    """One request about the tools `shown`; `others` are what it asks for where none of them fits."""
    kind = rng.choices([*kinds], [*kinds.values()])[0]
    target = rng.choice(shown)
    # Two services may offer the same under different names: what a shown tool can do is no reason to refuse.
    strangers = [function for function in others if function.task not in {tool.task for tool in shown}]
    if (kind == "irrelevant" and strangers) or (kind == "missing" and target.required):
        return _refusal(kind, shown, target if kind == "missing" else rng.choice(strangers), rng)
    if kind == "steps":
        messages, about = steps_messages(shown, target, rng)
        return {"kind": kind, **_row(messages, shown, about)}
    if kind == "parallel_multiple" and len(shown) > 1:
        wanted = rng.sample(shown, rng.choice((2, min(len(shown), 3))))
        text, calls = several_functions([*wanted, *([wanted[0]] if rng.random() < 0.3 else [])], rng)
    elif kind in ("parallel", "parallel_multiple"):
        text, calls = same_function(target, rng.choice((2, 2, 2, 3)), rng)
    else:
        text, call = spoken_call(target, rng)
        calls = [call]
    # A function whose one parameter is a switch has too few different calls for several.
    several = len({call.name for call in calls}) > 1
    alone = "single" if len(shown) == 1 else "multiple"
    kind = "parallel_multiple" if several else "parallel" if len(calls) > 1 else alone
    messages = [{"role": "user", "content": text}, calls_message(calls)]
    return {"kind": kind, **_row(messages, shown, {call.name for call in calls})}


def _refusal(kind: str, shown: Sequence[Function], wanted: Function, rng: random.Random) -> dict[str, Any]:
    if kind == "missing":
        left_out = rng.choice(wanted.required)
        text, _ = spoken_call(wanted, rng, leave_out=left_out)
        answer, about = f"Which {words_of(left_out)} should I use?", {wanted.name}
    else:
        text, _ = spoken_call(wanted, rng)
        answer = rng.choice(("None of the functions can {}.", "No function here can {}.")).format(wanted.task)
        about = {function.name for function in shown}
    messages = [{"role": "user", "content": text}, {"role": "assistant", "content": answer}]
    return {"kind": kind, **_row(messages, shown, about)}


def _row(messages: list[Message], tools: Sequence[Function], about: set[str]) -> dict[str, Any]:
    """`about` names the functions whose APIs the row is about."""
    return {
        "messages": messages,
        "tools": [function.tool() for function in tools],
        "api_ids": sorted({function.api_id for function in tools if function.name in about}),
    }
