"""Constrained decoding: a grammar of the tools' JSON Schemas that leaves a model only calls that fit.

llguidance turns the schema into a mask over the vocabulary for each next token. What a text could go on with for ever
(strings, lists) gets an upper bound, and near the end of its room an answer may only close what is open.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from validation import InputError, Tool

MAX_CALLS = 4
MAX_TEXT = 120
"""Characters of a text whose schema sets no bound."""
MAX_ITEMS = 6
LARGEST = 10**9
CLOSING = 160
"""Tokens before the end of the room from which on an answer only closes what is open."""

KEPT = {"type", "enum", "const", "required", "anyOf", "oneOf", "allOf", "minimum", "maximum", "exclusiveMinimum"}
KEPT |= {"exclusiveMaximum", "multipleOf", "minLength", "maxLength", "minItems", "maxItems"}
NOT_SAID = {"title", "description", "default", "examples", "example", "$schema", "$comment", "pattern", "deprecated"}
NOT_SAID |= {"format", "readOnly", "writeOnly", "additionalProperties", "properties", "items", "$id"}


def calls_schema(tools: Sequence[Tool]) -> dict[str, Any]:
    """JSON Schema of an answer: a list of 1 to MAX_CALLS calls of the tools."""
    calls = []
    for tool in tools:
        function = tool["function"]
        arguments = bounded({"type": "object", **function["parameters"]}, function["name"])
        properties = {"name": {"const": function["name"]}, "arguments": arguments}
        calls.append(_closed(properties, ["name", "arguments"]))
    return {"type": "array", "minItems": 1, "maxItems": MAX_CALLS, "items": {"anyOf": calls}}


def bounded(schema: Any, where: str) -> dict[str, Any]:
    """A schema that only allows part of what `schema` does, every part of it of bounded length.

    Raises:
        InputError: a keyword that cannot be held to while writing; it is named.
    """
    if schema is True or schema == {}:
        return {"type": "string", "maxLength": MAX_TEXT}
    if not isinstance(schema, dict):
        raise InputError(f"“{where}” allows nothing at all, so no constrained call of it can be written.")
    if unknown := sorted(set(schema) - KEPT - NOT_SAID):
        raise InputError(f"“{where}” uses “{unknown[0]}”, which constrained decoding does not know; decode freely.")
    kept = {key: value for key, value in schema.items() if key in KEPT}
    for key in {"anyOf", "oneOf", "allOf"} & kept.keys():
        kept[key] = [bounded(part, where) for part in kept[key]]
    if kept.keys() & {"enum", "const", "anyOf", "oneOf", "allOf"}:
        return kept
    kinds = schema.get("type") or ("object" if "properties" in schema else "string")
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    kept["type"] = kinds[0] if len(kinds) == 1 else kinds
    if "string" in kinds:
        kept["maxLength"] = min(kept.get("maxLength", MAX_TEXT), max(MAX_TEXT, kept.get("minLength", 0)))
    if {"integer", "number"} & set(kinds):
        low, high = kept.get("minimum"), kept.get("maximum")
        if low is None and "exclusiveMinimum" not in kept:
            kept["minimum"] = min(-LARGEST, high or 0)
        if high is None and "exclusiveMaximum" not in kept:
            kept["maximum"] = max(LARGEST, low or 0)
    if "array" in kinds:
        kept["maxItems"] = min(kept.get("maxItems", MAX_ITEMS), max(MAX_ITEMS, kept.get("minItems", 0)))
        kept["items"] = bounded(schema.get("items", True), where)
    if "object" in kinds:
        named = {name: bounded(part, where) for name, part in schema.get("properties", {}).items()}
        more = schema.get("additionalProperties", False)
        for name in set(kept.get("required", [])) - named.keys():
            named[name] = bounded(more if isinstance(more, dict) else True, where)
        kept |= {"properties": named, "additionalProperties": False}
    return kept


def _closed(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


class Vocabulary:
    """The tokens of one tokenizer, as llguidance reads them, and which of them close something."""

    def __init__(self, tokenizer: Any, ends: Sequence[int]) -> None:
        """`tokenizer` is a fast tokenizer of transformers; `ends` are the tokens that end an answer."""
        from llguidance import LLTokenizer

        size = len(tokenizer)
        try:
            self.tokens = LLTokenizer(tokenizer.backend_tokenizer.to_str(), n_vocab=size, eos_token=list(ends))
        except (ValueError, AttributeError) as error:
            raise InputError(f"This model's tokenizer takes no grammar ({error}); decode freely.") from None
        texts = tokenizer.convert_ids_to_tokens(range(size))
        self.closers = [torch.zeros(size, dtype=torch.bool) for _ in range(4)]
        self.closers[0][list(ends)] = True
        for number, text in enumerate(texts):
            if text and text[0] in "]}":
                self.closers[1][number] = True
            elif text == '"' or text.startswith(('"}', '"]')):
                self.closers[2][number] = True
            elif text and text[0] == ",":  # what ends a number that more must follow
                self.closers[3][number] = True


class Constraint:
    """Where one answer stands in the grammar of its tools."""

    def __init__(self, vocabulary: Vocabulary, tools: Sequence[Tool], room: int) -> None:
        """`room` is the most tokens the answer can have.

        Raises:
            InputError: a schema that constrained decoding cannot hold to.
        """
        from llguidance import LLMatcher

        layout: Any = {"item_separator": ", ", "key_separator": ": ", "whitespace_flexible": False}
        schema = json.dumps(calls_schema(tools))
        self.vocabulary, self.room = vocabulary, room
        self.matcher = LLMatcher(vocabulary.tokens, LLMatcher.grammar_from_json_schema(schema, overrides=layout))
        if self.matcher.is_error():
            why = self.matcher.get_error().strip().split("\n")[0][:200]
            raise InputError(f"These tools cannot be made into a grammar ({why}); decode freely.")

    def choose(self, logits: Tensor) -> int:
        """The most likely token among those that the grammar allows; near the end of the room, one that closes."""
        allowed = torch.frombuffer(bytearray(self.matcher.compute_logit_bias()), dtype=torch.uint8)[: len(logits)] > 0
        if self.room < CLOSING:
            closing = (allowed & closer[: len(allowed)] for closer in self.vocabulary.closers)
            allowed = next((some for some in closing if some.any()), allowed)
        token = int(logits[: len(allowed)].masked_fill(~allowed, -torch.inf).argmax())
        self.matcher.consume_token(token)
        self.room -= 1
        return token

    def ahead(self) -> list[int]:
        """Tokens that the grammar leaves no choice about; taken at once, they cost one step together."""
        if self.matcher.is_stopped():
            return []
        forced = self.matcher.compute_ff_tokens()
        if forced:
            self.matcher.consume_tokens(forced)
            self.room -= len(forced)
        return list(forced)

    @property
    def done(self) -> bool:
        """True when nothing can follow."""
        return bool(self.matcher.is_stopped())
