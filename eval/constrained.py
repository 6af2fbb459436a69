"""Constrained decoding: an answer is a list of calls that fits the tools' JSON Schema, or words without brackets.

A grammar of llguidance is made from the tools of each question and allows, token by token, what can still become such
an answer. Near the token cap only tokens that close what is open are allowed, so that answers end inside their budget.
What the grammar does not know: whether a value is the right one, and when a call is called for.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import numpy
import torch
from torch import Tensor

GRAMMAR_VERSION = 1
"""Part of what tells answers apart; raised whenever the grammar of some tools changes."""

KINDS = ("string", "integer", "number", "boolean", "array", "object", "null")
BRACKETS = ("}", "]", "}}", "}]", "]}", "]]", "}}]")
FILLERS = ("0", '"')
MOST_RESERVE = 64
"""Tokens before the cap from which on an answer is being closed, at most half of the cap."""
GUIDANCE = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
"""As `json.dumps` and the chat template write calls."""


def value_schema(schema: Any) -> dict[str, Any]:
    """The part of a parameter's JSON Schema that binds its values; types that JSON has not (`any`) bind nothing."""
    if not isinstance(schema, dict):
        return {}
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return {"enum": schema["enum"]}
    kind = schema.get("type")
    if kind not in KINDS:
        return {}
    found: dict[str, Any] = {"type": kind}
    if kind == "array" and isinstance(schema.get("items"), dict):
        found["items"] = value_schema(schema["items"])
    if kind == "object" and isinstance(schema.get("properties"), dict):
        found |= object_schema(schema)
    return found


def object_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """An object with the given properties and no others; parameters that are not required may be left out."""
    properties = schema.get("properties") or {}
    required = [name for name in schema.get("required") or [] if name in properties]
    return {
        "type": "object",
        "properties": {name: value_schema(part) for name, part in properties.items()},
        "required": required,
        "additionalProperties": False,
    }


def calls_schema(tools: list[dict[str, Any]]) -> dict[str, Any]:
    """JSON Schema of a list of one or more calls of these tools."""
    calls = []
    for tool in tools:
        function = tool.get("function", tool)
        arguments = object_schema(function.get("parameters") or {})
        properties = {"name": {"const": function["name"]}, "arguments": arguments}
        calls.append(
            {
                "type": "object",
                "properties": properties,
                "required": ["name", "arguments"],
                "additionalProperties": False,
            }
        )
    return {"type": "array", "items": {"anyOf": calls}, "minItems": 1}


def grammar(tools: list[dict[str, Any]]) -> str:
    """llguidance's grammar of an answer: calls, or words, in which `[` and `{` do not occur."""
    words = "words: /[^\\[\\{\\s][^\\[\\{]*/"
    if not tools:
        return f"start: words\n{words}"
    schema = json.dumps(calls_schema(tools) | {"x-guidance": GUIDANCE}, ensure_ascii=False)
    return f"start: calls | words\ncalls: %json {schema}\n{words}"


class Guide:
    """Makes masks for one tokenizer; compiled grammars are kept by the tools' text.

    Args:
        tokenizer: of transformers.
        end: id of the token that ends an answer.
        vocabulary: size of the model's logits.
    """

    def __init__(self, tokenizer: Any, end: int, vocabulary: int) -> None:
        from llguidance.hf import from_tokenizer

        self.tokens = from_tokenizer(tokenizer, n_vocab=vocabulary, eos_token=end)
        self.end, self.vocabulary = end, vocabulary
        self.letter, self.quote = self._id(tokenizer, "q"), self._id(tokenizer, '"')
        self.brackets = [found for text in BRACKETS if (found := self._id(tokenizer, text)) is not None]
        self.fillers = [found for text in FILLERS if (found := self._id(tokenizer, text)) is not None]
        self._compiled = lru_cache(maxsize=4096)(self._compile)

    @staticmethod
    def _id(tokenizer: Any, text: str) -> int | None:
        ids = tokenizer.encode(text, add_special_tokens=False)
        return int(ids[0]) if len(ids) == 1 else None

    def _compile(self, tools: str) -> Any:
        from llguidance import LLMatcher

        matcher = LLMatcher(self.tokens, grammar(json.loads(tools) if tools else []))
        if matcher.is_error():
            raise ValueError(f"no grammar for these tools: {matcher.get_error()}")
        return matcher

    def mask(self, tools: str, cap: int) -> Mask:
        """The mask of one answer of at most `cap` tokens to a question with `tools` (JSON text)."""
        return Mask(self, self._compiled(tools).deep_copy(), cap)


class Mask:
    """Which tokens may come next in one answer; called with its ids so far, which grow."""

    def __init__(self, guide: Guide, matcher: Any, cap: int) -> None:
        self.guide, self.matcher = guide, matcher
        self.close_from = cap - min(MOST_RESERVE, cap // 2)
        self.seen = 0

    def __call__(self, ids: list[int]) -> Tensor | None:
        """[vocabulary], True where a token is allowed; None once the answer has ended."""
        for token in ids[self.seen :]:
            if not self.matcher.is_stopped():
                self.matcher.consume_token(token)
        self.seen = len(ids)
        if self.matcher.is_stopped():
            return None
        packed = numpy.frombuffer(self.matcher.compute_bitmask(), dtype=numpy.uint8)
        allowed = torch.from_numpy(numpy.unpackbits(packed, bitorder="little")[: self.guide.vocabulary].astype(bool))
        return self._closing(allowed) if self.seen >= self.close_from else allowed

    def _closing(self, allowed: Tensor) -> Tensor:
        """The end, a quote in a string, a bracket outside, or what the grammar forces; else all that is allowed."""
        guide = self.guide
        in_string = guide.letter is not None and bool(allowed[guide.letter])
        wanted = [guide.end, *([guide.quote] if in_string else reversed(guide.brackets))]
        if not in_string and not any(token is not None and bool(allowed[token]) for token in wanted):
            wanted = [*self.matcher.compute_ff_tokens()[:1], *guide.fillers]
        found = next((token for token in wanted if token is not None and bool(allowed[token])), None)
        return allowed if found is None else self._only(found, allowed)

    @staticmethod
    def _only(token: int, allowed: Tensor) -> Tensor:
        only = torch.zeros_like(allowed)
        only[token] = True
        return only


class RowMasks:
    """A logits processor of transformers: one mask a row.

    Args:
        masks: of each row of the batch; None leaves a row free.
        start: length of the padded prompts.
    """

    def __init__(self, masks: list[Mask | None], start: int) -> None:
        self.masks, self.start = masks, start

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Scores [rows, vocabulary] with minus infinity where a token is not allowed."""
        for row, mask in enumerate(self.masks):
            allowed = mask(input_ids[row, self.start :].tolist()) if mask else None
            if allowed is not None:
                width = min(scores.shape[1], len(allowed))
                scores[row, :width].masked_fill_(~allowed[:width].to(scores.device), -torch.inf)
                scores[row, width:] = -torch.inf
        return scores
