"""The front matter of cards: reading it safely, and the checks that the Hub makes on it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml

from hub.local.card_values import COLORS, LANGUAGE_WORDS, LICENSES, PIPELINE_TAGS, SDKS, SIZE_CATEGORIES

MAX_NODES = 20_000
"""Values of a front matter once its aliases are written out."""
MAX_FRONT_MATTER = 128 << 10
EMPTY = "empty or missing yaml metadata in repo card"
_REPO_ID = re.compile(r"(?:[\w.-]{1,96}/)?[\w.-]{1,96}", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
Card = dict[str, Any]
Problem = str


def front_matter(text: str) -> Card:
    """The YAML between the `---` lines at the start of a card, {} without them. Raises ValueError."""
    lines = text.removeprefix("\ufeff").splitlines()
    if not lines or lines[0].strip() != "---":
        return {}
    ends = [number for number, line in enumerate(lines) if number and line.strip() == "---"]
    if not ends:
        raise ValueError("the front matter has no closing ---")
    block = "\n".join(lines[1 : ends[0]])
    if len(block) > MAX_FRONT_MATTER:
        raise ValueError(f"the front matter is longer than {MAX_FRONT_MATTER} characters")
    try:
        value = _load(block)
    except (yaml.YAMLError, RecursionError, ValueError, TypeError, OverflowError) as error:
        raise ValueError(f"the front matter is not valid YAML: {error}") from None
    if not isinstance(value or {}, dict):
        raise ValueError("the front matter must be a mapping")
    plain: Card = _plain(value or {})
    return plain


def _load(text: str) -> Any:
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        # Aliases are one node at several places; written out they could fill any memory.
        if _size(node, {}) > MAX_NODES:
            raise ValueError(f"it holds more than {MAX_NODES} values")
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    if id(node) in known:
        if not known[id(node)]:
            raise ValueError("a value holds itself")
        return known[id(node)]
    known[id(node)] = 0
    if isinstance(node, yaml.MappingNode):
        size = 1 + sum(_size(part, known) for pair in node.value for part in pair)
    elif isinstance(node, yaml.SequenceNode):
        size = 1 + sum(_size(part, known) for part in node.value)
    else:
        size = 1
    known[id(node)] = size
    return size


def _plain(value: Any) -> Any:
    # YAML has dates, sets, NaN and lone surrogates; JSON has none of them.
    if isinstance(value, dict):
        return {_text(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, int | float | bool | None) else _text(value)


def _text(value: Any) -> str:
    return str(value).encode("utf-8", "replace").decode()


def check_card(text: str, kind: str) -> tuple[list[Problem], list[Problem]]:
    """(errors, warnings) of a card of a model, dataset or space, in the Hub's words."""
    try:
        card = front_matter(text)
    except ValueError as error:
        return [str(error)], []
    if not card:
        return [], [f"{EMPTY} (https://huggingface.co/docs/hub/{kind}s-cards)"]
    errors = [problem for check in (*_COMMON, *_CHECKS.get(kind, ())) for problem in check(card)]
    return errors, list(_warnings(card, kind))


def _items(card: Card, key: str) -> list[tuple[str, Any]]:
    value = card.get(key)
    if isinstance(value, list):
        return [(f"{key}[{number}]", item) for number, item in enumerate(value)]
    return [] if value is None else [(key, value)]


def _licenses(card: Card) -> Iterator[Problem]:
    for name, value in _items(card, "license"):
        if value not in LICENSES:
            yield f'"{name}" must be one of [{", ".join(sorted(LICENSES))}]'
    if "other" in [value for _, value in _items(card, "license")]:
        for key in ("license_name", "license_link"):
            if key in card and not isinstance(card[key], str):
                yield f'"{key}" must be a string'


def _languages(card: Card) -> Iterator[Problem]:
    for name, value in _items(card, "language"):
        good = isinstance(value, str) and (_LANGUAGE.fullmatch(value) or value in LANGUAGE_WORDS)
        if not good:
            yield (
                f'"{name}" with value "{value}" is not valid. It must be an ISO 639-1, 639-2 or 639-3 code (two/three'
                ' letters), or a special value like "code", "multilingual". If you want to use BCP-47 identifiers, you'
                " can specify them in language_bcp47."
            )


def _tags(card: Card) -> Iterator[Problem]:
    if "tags" in card and card["tags"] is not None and not isinstance(card["tags"], list):
        yield '"tags" must be an array'
    for name, value in _items(card, "tags"):
        if not isinstance(value, str):
            yield f'"{name}" must be a string'


def _repo_ids(*keys: str) -> Callable[[Card], Iterator[Problem]]:
    def check(card: Card) -> Iterator[Problem]:
        for key in keys:
            listed = "datasets" if key == "datasets" else "models"
            for name, value in _items(card, key):
                if not isinstance(value, str) or not _REPO_ID.fullmatch(value):
                    yield f'"{name}" with value "{value}" is not valid. Use an id from https://hf.co/{listed}.'

    return check


def _model_index(card: Card) -> Iterator[Problem]:
    if (index := card.get("model-index")) is None:
        return
    if not isinstance(index, list):
        yield '"model-index" must be an array'
        return
    for number, model in enumerate(index):
        here = f"model-index[{number}]"
        if not isinstance(model, dict) or not isinstance(model.get("name"), str):
            yield f'"{here}.name" is required'
        elif not isinstance(model.get("results"), list):
            yield f'"{here}.results" must be an array'
        else:
            for place, result in enumerate(model["results"]):
                yield from _result(result, f"{here}.results[{place}]")


def _result(result: Any, here: str) -> Iterator[Problem]:
    if not isinstance(result, dict):
        yield f'"{here}" must be of type object'
        return
    for key, fields in (("task", ("type",)), ("dataset", ("type", "name"))):
        found = result.get(key)
        for name in fields:
            if not isinstance(found, dict) or not isinstance(found.get(name), str):
                yield f'"{here}.{key}.{name}" is required'
    metrics = result.get("metrics")
    if not isinstance(metrics, list):
        yield f'"{here}.metrics" is required'
        return
    for number, metric in enumerate(metrics):
        for name in ("type", "value"):
            if not isinstance(metric, dict) or name not in metric:
                yield f'"{here}.metrics[{number}].{name}" is required'


def _configs(card: Card) -> Iterator[Problem]:
    for name, config in _items(card, "configs"):
        if not isinstance(config, dict) or not isinstance(config.get("config_name"), str):
            yield f'"{name}.config_name" is required'
            continue
        for place, file in _items(config, "data_files"):
            if isinstance(file, dict) and not {"split", "path"} <= file.keys():
                yield f'"{name}.{place}" must have split and path'


def _space(card: Card) -> Iterator[Problem]:
    if card.get("sdk") not in SDKS:
        yield f'"sdk" must be one of [{", ".join(SDKS)}]'
    for key in ("colorFrom", "colorTo"):
        if key in card and card[key] not in COLORS:
            yield f'"{key}" must be one of [{", ".join(COLORS)}]'
    if len(str(card.get("short_description") or "")) > 60:
        yield '"short_description" length must be less than or equal to 60 characters long'
    file = card.get("app_file")
    if file is not None and (not isinstance(file, str) or file.startswith("/") or ".." in file.split("/")):
        yield '"app_file" must be a relative path of a file in the repository'
    if card.get("sdk") == "gradio" and isinstance(card.get("sdk_version"), float | int):
        yield '"sdk_version" must be a string'


def _warnings(card: Card, kind: str) -> Iterator[Problem]:
    if kind == "model":
        tag = card.get("pipeline_tag")
        if tag is not None and tag not in PIPELINE_TAGS:
            yield f'The pipeline tag "{tag}" is not in the official list: {", ".join(PIPELINE_TAGS)}'
    if kind == "dataset":
        for _, task in _items(card, "task_categories"):
            if task not in PIPELINE_TAGS and task != "other":
                yield f'The task_categories "{task}" is not in the official list: {", ".join(PIPELINE_TAGS)}, other'
        for _, size in _items(card, "size_categories"):
            if size not in SIZE_CATEGORIES:
                yield f'The size_categories "{size}" is not in the official list: {", ".join(SIZE_CATEGORIES)}'


_COMMON = (_licenses, _languages, _tags)
_CHECKS: dict[str, tuple[Callable[[Card], Iterator[Problem]], ...]] = {
    "model": (_repo_ids("base_model", "datasets"), _model_index),
    "dataset": (_configs,),
    "space": (_space, _repo_ids("models", "datasets")),
}
