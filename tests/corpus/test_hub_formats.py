"""Records of public datasets, written by hand in their true formats, into messages, tools and calls."""

from __future__ import annotations

import json
from typing import Any

import pytest

from corpus.foreign_calls import BadRow, bracketed_calls, functioncall_text
from corpus.hub_formats_agents import agent_flan, sharegpt, toolbench
from corpus.hub_formats_calls import apigen_mt, glaive, hermes, toolace, toucan, xlam
from corpus.hub_formats_tools import tool_of
from records.calls import Call, parse_calls, render_chat

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}
WEATHER = {"name": "get weather", "description": "Tells the weather.", "parameters": {**SCHEMA, "required": ["city"]}}
ASKED = "How will it be in Bern?"
CALL = Call("get weather", {"city": "Bern", "days": 2})
ANSWER = "It'll rain."


def said(role: str, words: Any) -> dict[str, Any]:
    return {"from": role, "value": words}


def record_of(form: str) -> dict[str, Any]:
    """The same request, call, result and answer in one of the formats."""
    arguments, python = json.dumps(CALL.arguments), {"name": CALL.name, "arguments": CALL.arguments}
    asked, answer, json_call = said("human", ASKED), said("gpt", ANSWER), json.dumps(python)
    react = "\nThought: \nAction: {}\nAction Input: {}"
    finish = {"name": "Finish", "description": "End.", "parameters": {"type": "object", "properties": {}}}
    forms: dict[str, dict[str, Any]] = {
        "toolace": {
            "system": f"You compose calls. Functions you can invoke:\n{json.dumps([WEATHER])}.\nFormat: [f(a=1)]\n",
            "conversations": [
                said("user", ASKED), said("assistant", '[get weather(city="Bern", days=2)]'),
                said("tool", json.dumps([{"name": CALL.name, "results": {"sky": "rain"}}])), said("assistant", ANSWER),
            ],
        },
        "apigen_mt": {
            "system": "Be brief.", "tools": json.dumps([WEATHER]),
            "conversations": [asked, said("function_call", json_call), said("observation", '{"sky": "rain"}'), answer],
        },
        "hermes": {
            "id": "1",
            "conversations": [
                said("system", f"Signatures are within <tools> </tools> tags.\n<tools>\n{[WEATHER]}\n</tools>"),
                asked, said("gpt", f"<tool_call>\n{python}\n</tool_call>\n"),
                said("tool", '<tool_response>\n{"sky": "rain"}\n</tool_response>\n'), answer,
            ],
        },
        "glaive": {
            "system": f"SYSTEM: Use functions if required -\n{json.dumps(WEATHER, indent=4)}\n\n",
            "chat": f"USER: {ASKED}\n\n\nASSISTANT: <functioncall> {{\"name\": \"{CALL.name}\", \"arguments\": "
            f"'{arguments}'}} <|endoftext|>\n\n\nFUNCTION RESPONSE: {{\"sky\": \"rain\"}}\n\n\n"
            f"ASSISTANT: {ANSWER} <|endoftext|>\n\n\n",
        },
        "toucan": {
            "uuid": "1", "tools": json.dumps([{"type": "function", "function": WEATHER}]),
            "messages": json.dumps([
                {"role": "user", "content": ASKED},
                {"role": "tool_call", "content": str({"name": CALL.name, "arguments": arguments})},
                {"role": "tool_response", "content": '{"sky": "rain"}'}, {"role": "assistant", "content": ANSWER},
            ]),
        },
        "toolbench": {
            "id": "Step 4: …",
            "conversations": [
                said("system", f"You are AutoGPT.\nYou have access to the following APIs: {[WEATHER, finish]}"),
                said("user", f"\n{ASKED}\nBegin!\n"), said("assistant", react.format(CALL.name, arguments)),
                said("function", '{"sky": "rain"}'),
                said("assistant", react.format("Finish", json.dumps(
                    {"return_type": "give_answer", "final_answer": ANSWER}))),
            ],
        },
    }  # fmt: skip
    return forms[form]


FORMATS = {
    "toolace": toolace, "apigen_mt": apigen_mt, "hermes": hermes, "glaive": glaive, "toucan": toucan,
    "toolbench": toolbench,
}  # fmt: skip


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_gives_the_same_dialogue(form: str) -> None:
    made = FORMATS[form](record_of(form))
    assert made.messages is not None and made.tools is not None
    messages = [message for message in made.messages if message["role"] != "system"]
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "assistant"]
    assert (messages[0]["content"], messages[3]["content"]) == (ASKED, ANSWER)
    assert json.loads(messages[2]["content"]) == {"sky": "rain"}
    assert [tool["function"]["parameters"] for tool in made.tools] == [WEATHER["parameters"]]
    text = render_chat(made.messages, made.tools)
    answers = [part.split("<|im_end|>")[0] for part in text.split("<|im_start|>assistant\n")[1:]]
    assert [parse_calls(answer).calls for answer in answers] == [(CALL,), ()]


def test_xlam_names_types_as_python_does_and_calls_in_parallel() -> None:
    parameters = {
        "city": {"type": "str", "description": "Where."}, "days": {"type": "int, optional", "description": "How long."},
        "type": {"type": "List[float]", "description": "Heights.", "default": [0.0]},
    }  # fmt: skip
    tools = [{"name": "f", "description": "Tells.", "parameters": parameters}]
    answers = [{"name": "f", "arguments": {"city": city}} for city in ("Bern", "Oslo")]
    record = {"id": 7, "query": ASKED, "tools": json.dumps(tools), "answers": json.dumps(answers)}
    made = xlam(record)
    assert made.messages and made.tools and made.id == "7"
    shown = made.tools[0]["function"]["parameters"]
    assert list(shown["properties"]) == ["city", "days", "type"] and shown["required"] == ["city"]
    assert [shown["properties"][name]["type"] for name in shown["properties"]] == ["string", "integer", "array"]
    assert [call["function"]["arguments"]["city"] for call in made.messages[1]["tool_calls"]] == ["Bern", "Oslo"]
    with pytest.raises(BadRow, match=r"^arguments_break_schema$"):
        xlam({**record, "answers": json.dumps([{"name": "f", "arguments": {"city": 1}}])})


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ("[get rain(city='Bern')]", "tool_not_declared"),
        ("[get weather(town='Bern')]", "argument_not_in_schema"),
        ("[get weather(days=2)]", "arguments_break_schema"),
        ("[get weather('Bern')]", "calls_do_not_parse"),
        ("[get weather(city=__import__('os').name)]", "calls_do_not_parse"),
        ("[get weather(city='Bern']", "calls_do_not_parse"),
    ],
)
def test_a_call_that_cannot_be_right_drops_the_record_by_name(call: str, reason: str) -> None:
    record = record_of("toolace")
    record["conversations"][1] = said("assistant", call)
    with pytest.raises(BadRow, match=f"^{reason}$"):
        toolace(record)


def test_notations_keep_quotes_brackets_and_constants() -> None:
    found = bracketed_calls(
        """[a.b/c(x="it's (odd), [so]", y={'k': [1, null]}, z=-1.5), Market Trends API(), e(f=true)]"""
    )
    assert found == [
        Call("a.b/c", {"x": "it's (odd), [so]", "y": {"k": [1, None]}, "z": -1.5}),
        Call("Market Trends API", {}), Call("e", {"f": True}),
    ]  # fmt: skip
    apostrophe = """<functioncall> {"name": "f", "arguments": '{"text": "It\\'s here"}'}"""
    assert functioncall_text(apostrophe) == Call("f", {"text": "It's here"})
    assert functioncall_text("no call at all") is None


def test_a_tool_without_a_name_or_with_odd_parameters_is_refused() -> None:
    for definition in ({"description": "x"}, {"name": "f", "parameters": [1]}, "f"):
        with pytest.raises(BadRow, match=r"^bad_tools$"):
            tool_of(definition)


def test_toolbench_takes_whole_tasks_alone() -> None:
    record = record_of("toolbench")
    with pytest.raises(BadRow, match=r"^beginning_of_another_record$"):
        toolbench({**record, "conversations": record["conversations"][:3]})
    gave_up = said("assistant", '\nThought: \nAction: Finish\nAction Input: {"return_type": "give_up_and_restart"}')
    with pytest.raises(BadRow, match=r"^gave_up$"):
        toolbench({**record, "conversations": [*record["conversations"][:4], gave_up]})
    # Arrow may hand out the turns as a mapping of lists.
    turns = record["conversations"]
    lists = {name: [turn[name] for turn in turns] for name in ("from", "value")}
    assert toolbench({**record, "conversations": lists}).messages == toolbench(record).messages


def test_agent_flan_with_actions_and_in_words() -> None:
    def turn(role: str, content: Any) -> dict[str, Any]:
        return {"role": role, "content": content if isinstance(content, str) else json.dumps(content), "loss": True}

    action = {"thought": "Look.", "action": CALL.name, "parameters": CALL.arguments}
    final = {"thought": "Say.", "action": "Finish", "parameters": {"final_answer": ANSWER}}
    conversation = [
        turn("system", f"Tools: {json.dumps([WEATHER])}"), turn("user", ASKED), turn("assistant", action),
        turn("user", {"sky": "rain"}), turn("assistant", final),
    ]  # fmt: skip
    messages = agent_flan({"conversation": conversation, "id": "1"}).messages or []
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "assistant"]
    with pytest.raises(BadRow, match=r"^tool_not_declared$"):
        agent_flan({"conversation": conversation[1:], "id": "1"})
    words = agent_flan({"conversation": [turn("user", "List files."), turn("assistant", "Act: bash\nls")], "id": "2"})
    assert words.tools is None and words.messages and words.messages[1]["content"] == "Act: bash\nls"


def test_a_cut_dialogue_begins_with_its_first_request() -> None:
    made = sharegpt(
        {"id": "x_1", "conversations": [said("gpt", "…so."), said("human", "Why?"), said("gpt", "Because.")]}
    )
    assert [message["content"] for message in made.messages or []] == ["Why?", "Because."]
    with pytest.raises(BadRow, match=r"^no_answer$"):
        sharegpt({"id": "x_2", "conversations": [said("human", "Why?")]})
