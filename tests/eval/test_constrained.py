"""Constrained decoding: every answer parses and fits the tools' schema, or is words."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import jsonschema
import pytest

from eval.answers import Prompt
from eval.constrained import Guide, calls_schema
from eval.tasks.bfcl.gold import gold_calls
from eval.tasks.bfcl.questions import CATEGORIES, questions
from records.calls import format_calls, parse_calls


@pytest.fixture(scope="session")
def guide(tokenizer) -> Guide:
    return Guide(tokenizer, tokenizer.convert_tokens_to_ids("<|im_end|>"), len(tokenizer))


def accepts(guide: Guide, tools, text: str) -> bool:
    """Whether the grammar lets a model write this text and end there."""
    matcher = guide.mask(json.dumps(tools), 10_000).matcher
    ids = guide.tokens.tokenize_str(text)
    return matcher.try_consume_tokens(ids) == len(ids) and matcher.is_accepting()


def ordered(value, schema):
    """Keys of objects in the order of their schema, which is the grammar's."""
    if isinstance(value, dict) and isinstance(schema.get("properties"), dict):
        properties = schema["properties"]
        keys = [*[key for key in properties if key in value], *[key for key in value if key not in properties]]
        return {key: ordered(value[key], properties.get(key, {})) for key in keys}
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        return [ordered(part, schema["items"]) for part in value]
    return value


def test_every_tool_of_bfcl_has_a_grammar_that_allows_words_and_gold(guide):
    """Gold answers whose arguments fit their own schema in the schema's order are allowed, others are not."""
    allowed = 0
    for category in CATEGORIES:
        for question in questions(category)[::16]:
            tools = question.tools()
            assert accepts(guide, tools, "No function fits this request.")
            assert not accepts(guide, tools, '[{"name": "no_such_function", "arguments": {}}]')
            assert not accepts(guide, tools, "[1]")
            if not question.gold:
                continue
            calls = gold_calls(question)
            known = {t["function"]["name"]: t["function"]["parameters"] for t in tools}
            if any(set(call.arguments) - set(known.get(call.name, {}).get("properties", {})) for call in calls):
                continue
            value = [{"name": c.name, "arguments": ordered(c.arguments, known[c.name])} for c in calls]
            fits = jsonschema.Draft202012Validator(calls_schema(tools)).is_valid(value)
            assert accepts(guide, tools, json.dumps(value, ensure_ascii=False)) == fits, (question.id, value)
            allowed += fits
    assert allowed > 60


def write_at_random(guide: Guide, tools: str, cap: int, chance: random.Random) -> list[int]:
    """A model that knows nothing: any allowed token, brackets first."""
    mask, ids = guide.mask(tools, cap), []
    bracket = guide.tokens.tokenize_str("[")[0]
    while len(ids) < cap:
        allowed = mask(ids)
        if allowed is None:
            break
        choices = allowed.nonzero().flatten().tolist()
        ids.append(bracket if not ids and bracket in choices else chance.choice(choices))
        if ids[-1] == guide.end:
            break
    return ids


def test_what_a_random_model_writes_parses_and_fits(guide, tokenizer):
    chance = random.Random(9)
    seen = 0
    for category in ("simple_python", "simple_java", "multiple", "parallel", "live_multiple"):
        for question in questions(category)[::60][:4]:
            tools = question.tools()
            ids = write_at_random(guide, json.dumps(tools), 160, chance)
            text = tokenizer.decode(ids, skip_special_tokens=True)
            jsonschema.validate(json.loads(text), calls_schema(tools))
            assert parse_calls(text).calls
            seen += 1
    assert seen >= 15


@pytest.mark.parametrize("backend", ["hf", "packed"])
def test_backends_write_only_what_the_grammar_allows(backend, three_models, tokenizer):
    from lm_eval.api.instance import Instance

    from eval.hf import StoredHF
    from eval.packed import PackedLM

    folder = three_models / "base"
    common = {"answers": None, "identity": "m", "label": "m", "constrained": True, "batch_size": 4}
    lm = StoredHF(pretrained=str(folder), device="cpu", **common) if backend == "hf" else PackedLM(folder, **common)
    asked = [questions(category)[n] for category in ("simple_python", "multiple") for n in range(4)]
    requests = []
    for number, question in enumerate(asked):
        doc = {"tools": json.dumps(question.tools())}
        settings = {"until": ["<|im_end|>"], "max_gen_toks": 160, "do_sample": False}
        requests.append(Instance("generate_until", doc, (question.prompt(), settings), 0, ("t", number, 1)))
    answers = lm.generate_until(requests, disable_tqdm=True)
    for question, answer in zip(asked, answers, strict=True):
        if parse_calls(answer).problem == "words":
            assert "[" not in answer and "{" not in answer
        else:
            jsonschema.validate(json.loads(answer), calls_schema(question.tools()))
    EXPECTED.setdefault("answers", answers)
    assert answers == EXPECTED["answers"], "both backends write the same"


EXPECTED: dict[str, list[str]] = {}


def test_tools_are_part_of_what_an_answer_is_kept_under():
    plain = Prompt("a", 1, 8)
    assert plain.key == Prompt("a", 2, 8).key, "its length in tokens is no part"
    assert len({json.dumps(prompt.key) for prompt in (
        plain, Prompt("b", 1, 8), Prompt("a", 1, 9), Prompt("a", 1, 8, "[1]"), Prompt("a", 1, 8, "[2]"),
        replace(plain, settles=not plain.settles),
    )}) == 6  # fmt: skip


def test_odd_schemas_have_a_grammar(guide):
    odd = {
        "type": "object",
        "properties": {
            "anything": {"type": "any"},
            "untyped": {},
            "choice": {"type": "string", "enum": ["a", "b", 3]},
            "nested": {"type": "object", "properties": {"x": {"type": "array", "items": {"type": "tuple"}}}},
            "list": {"type": "array"},
        },
        "required": ["anything", "not_there"],
    }
    tools = [{"type": "function", "function": {"name": "f.g", "description": "", "parameters": odd}}]
    right = {"anything": {"a": [1, None]}, "untyped": "x", "choice": 3, "nested": {"x": [[1]]}, "list": [1, "a"]}
    assert accepts(guide, tools, json.dumps([{"name": "f.g", "arguments": right}]))
    assert accepts(guide, tools, json.dumps([{"name": "f.g", "arguments": {"anything": 1}}] * 2))
    assert not accepts(guide, tools, json.dumps([{"name": "f.g", "arguments": {}}]))
    assert not accepts(guide, tools, json.dumps([{"name": "f.g", "arguments": {"anything": 1, "surplus": 2}}]))
    assert accepts(guide, [], "words") and not accepts(guide, [], "[]")
    assert accepts(guide, [{"name": "bare"}], format_calls([]).replace("]", '{"name": "bare", "arguments": {}}]'))
