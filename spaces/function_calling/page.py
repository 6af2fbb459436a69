"""The chat tab: what is on it, and what its buttons do."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from html import escape
from typing import Any

import gradio as gr
from chat import Lane, Turn, take_turn
from documents import as_editor_text, read_tools
from model import Answers, Message
from snippets import curl_command, openai_tool_calls, own_address, python_code
from tool_sets import ToolSet, load_tool_sets, measured
from transcript import Exchange, error_note, raw_views, stopped_note, transcript
from validation import InputError, Tool, read_request

TRAINED, BASE = "Trained model", "Base and trained"
DECODINGS = ["Free", "Constrained", "Free and constrained"]
SHOWS = {
    "single": "one call of the one tool",
    "multiple": "one call of one tool of several",
    "parallel": "several calls",
    "several steps": "call, result, answer",
}
"""Kinds of examples in words, where their names are the field's and not a visitor's."""
SHORT = {"single": "one tool", "multiple": "one of several tools", "parallel": "several calls"}
"""The same, in a few words."""
KEPT_EXCHANGES = 8
"""Of a chat; older ones are forgotten, by the model too."""

Shown = tuple[str, str, str, str, str, str, tuple[Exchange, ...]]
"""HTML of the chat, raw prompt, raw output, Python, curl, tool_calls, and the chat itself."""


def lanes(model: Answers, base: Answers | None, compare: object, decoding: object) -> list[Lane]:
    """The columns that the two choices make; the trained model and free decoding where a choice is none of those."""
    models = [("Trained", model)]
    if compare == BASE and base is not None:
        models.insert(0, ("Base", base))
    ways = [("constrained", True)] if decoding == DECODINGS[1] else [("free", False)]
    ways += [("constrained", True)] if decoding == DECODINGS[2] else []
    return [Lane(f"{name}, {way}", one, held) for name, one in models for way, held in ways]


def ask(
    columns: Sequence[Lane], past: Sequence[Exchange], request: object, tools_text: object, run_tools: object
) -> Iterator[Shown]:
    """What the page shows, step by step, for one request; input errors become a note under the chat so far."""
    past = tuple(past)[-KEPT_EXCHANGES:]
    shown = past
    try:
        tools, words = read_tools(tools_text), read_request(request)
        history = [*_history(past), {"role": "user", "content": words}]
        current = Exchange(words, tuple(Turn(lane.label) for lane in columns))
        for place, lane in enumerate(columns):
            for turn in take_turn(lane, history, tools, bool(run_tools)):
                turns = (*current.turns[:place], turn, *current.turns[place + 1 :])
                current = replace(current, turns=turns)
                shown = (*past, current)
                yield _show(shown, tools)
        yield _show(shown, tools)
    except InputError as error:
        yield transcript(past, error_note(str(error))), "", "", "", "", "", past


def _history(past: Sequence[Exchange]) -> list[Message]:
    """Requests and what the last column, the trained model's, said."""
    messages: list[Message] = []
    for one in past:
        if one.turns and one.turns[-1].messages:
            messages += [{"role": "user", "content": one.request}, *one.turns[-1].messages]
    return messages


def _show(exchanges: tuple[Exchange, ...], tools: Sequence[Tool]) -> Shown:
    prompt, output = raw_views(exchanges)
    last = exchanges[-1]
    calls = [call for step in last.turns[-1].steps if step.checked for call in step.checked.calls]
    address = own_address()
    code, curl = python_code(last.request, tools, address), curl_command(last.request, tools, address)
    return transcript(exchanges), prompt, output, code, curl, openai_tool_calls(calls), exchanges


def build_chat(model: Answers, base: Answers | None) -> None:
    """Put the chat tab into the Blocks that are being built."""
    sets = load_tool_sets()
    first = next(iter(sets.values()))
    with gr.Row(equal_height=False):
        with gr.Column(min_width=320, scale=2):
            tool_set, editor = _tools_input(sets, first)
            request = gr.Textbox(
                label="Request", lines=2, max_lines=8, placeholder="What should the model do?", elem_id="ask"
            )
            send = gr.Button("Ask the model", variant="primary")
            with gr.Row():
                stop = gr.Button("Stop", size="md", min_width=60)
                retry = gr.Button("Retry", size="md", min_width=60)
                new = gr.Button("New chat", size="md", min_width=60)
            compare = gr.Radio([TRAINED, BASE] if base else [TRAINED], value=TRAINED, label="Models")
            decoding = gr.Radio(DECODINGS, value=DECODINGS[0], label="Decoding")
            run_tools = gr.Checkbox(
                False, label="Run the calls in a simulated world and give the results back, up to 4 steps"
            )
        with gr.Column(min_width=320, scale=3):
            answer = gr.HTML(transcript(()), elem_id="answer")
            views = _views()
    past = gr.State((), time_to_live=3600)
    samples = _samples(sets)
    chosen = gr.Dataset(
        components=["textbox", "textbox", "textbox"], headers=["Request", "Tools", "Shows"], samples=samples,
        type="index", samples_per_page=len(samples), label="Examples", elem_id="examples",
    )  # fmt: skip
    gr.HTML(_rate(), elem_id="rate")
    _fill_in_the_browser(sets, tool_set, chosen, [request, editor, run_tools])

    def run(words: str, tools: str, models: str, way: str, runs: bool, before: Any) -> Iterator[Shown]:
        yield from ask(lanes(model, base, models, way), before, words, tools, runs)

    def again(words: str, tools: str, models: str, way: str, runs: bool, before: Any) -> Iterator[Shown]:
        asked = before[-1].request if before else words
        yield from ask(lanes(model, base, models, way), before[:-1], asked, tools, runs)

    inputs = [request, editor, compare, decoding, run_tools, past]
    said: dict[str, Any] = {"api_visibility": "private", "concurrency_id": "model"}
    said |= {"show_progress": "minimal", "show_progress_on": answer}  # says where in line a waiting visitor is
    outputs = [answer, *views, past]
    asking = gr.on([send.click, request.submit], run, inputs, outputs, **said)
    retrying = retry.click(again, inputs, outputs, **said)
    # Listeners run in this order, each to its end: said in one listener, gradio would cancel after the page has
    # changed, and a word of the answer that came in between would take its place.
    for button, after in ((stop, _after_stop), (new, _after_new)):
        button.click(None, cancels=[asking, retrying], api_visibility="private")
        wanted = [answer] if button is stop else [answer, *views, past]
        button.click(after, past if button is stop else None, wanted, api_visibility="private", show_progress="hidden")


def _after_stop(past: tuple[Exchange, ...]) -> str:
    return transcript(past, stopped_note())


def _after_new() -> Shown:
    return transcript(()), "", "", "", "", "", ()


def _tools_input(sets: dict[str, ToolSet], first: ToolSet) -> tuple[gr.Radio, gr.Code]:
    tool_set = gr.Radio(list(sets), value=first.name, label="Tools", elem_id="tool-set")
    with gr.Accordion("Edit the tools", open=False):
        gr.HTML(
            "<p class='hint'>JSON Schema functions, an OpenAPI 2 or 3 document (JSON or YAML), an MCP tool list, or "
            "Python functions (read, never run). Paste one below or upload it.</p>"
        )
        editor = gr.Code(first.text, language="json", label="Tools", lines=12, max_lines=24, buttons=["copy"])
        with gr.Row():
            convert = gr.Button("Read as functions", size="sm")
            upload = gr.UploadButton(
                "Upload", size="sm", type="binary", file_types=[".json", ".yaml", ".yml", ".py", ".txt"]
            )
        state = gr.HTML("", elem_id="read-state")
    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    convert.click(_converted, editor, [editor, state], **quiet)
    upload.upload(_uploaded, upload, [editor, state], **quiet)
    return tool_set, editor


def _converted(text: str) -> tuple[Any, str]:
    try:
        tools = read_tools(text)
    except InputError as error:
        return gr.skip(), error_note(str(error))
    names = ", ".join(tool["function"]["name"] for tool in tools)
    return as_editor_text(tools), _read_note(len(tools), names)


def _uploaded(content: bytes | None) -> tuple[Any, str]:
    try:
        return _converted((content or b"").decode("utf-8"))
    except UnicodeDecodeError:
        return gr.skip(), error_note("The file is not UTF-8 text.")


def _read_note(count: int, names: str) -> str:
    from transcript import note

    return note("read", f"{count} {'function' if count == 1 else 'functions'} read", names[:400])


def _views() -> list[gr.Textbox]:
    views = []
    for label in ("Raw prompt", "Raw output", "As Python", "As curl", "As OpenAI tool_calls"):
        with gr.Accordion(label, open=False):
            views.append(
                gr.Textbox(
                    label=label,
                    container=False,
                    lines=4,
                    max_lines=16,
                    interactive=False,
                    elem_classes="raw",
                    buttons=["copy"],
                )
            )
    return views


def _fill_in_the_browser(
    sets: dict[str, ToolSet], tool_set: gr.Radio, chosen: gr.Dataset, filled: list[gr.components.Component]
) -> None:
    # Without a round trip to the server: a click on an example and on "Ask" right after must not race.
    request, editor, run_tools = filled
    texts = json.dumps({one.name: one.text for one in sets.values()})
    rows = json.dumps(
        [
            [example.request, one.name, one.text_for(example), example.runs]
            for one in sets.values()
            for example in one.examples
        ]
    )
    tool_set.input(None, tool_set, editor, js=f"(name) => ({texts})[name]", api_visibility="private")
    outputs = [request, tool_set, editor, run_tools]
    chosen.click(None, chosen, outputs, js=f"(number) => ({rows})[number]", api_visibility="private")


def _rate() -> str:
    """How the examples were chosen, so that nobody takes them for the usual case."""
    found = measured()
    kinds = " · ".join(
        f"{escape(SHORT.get(kind, kind))} {right} of {of}" for kind, (right, of) in found.by_kind.items()
    )
    return (
        f"<p class='hint'>These examples were chosen from {found.of} candidates: <code>{escape(found.model)}</code> "
        f"gets {found.right} of all of them right ({kinds}).</p>"
    )


def _samples(sets: dict[str, ToolSet]) -> list[list[str]]:
    wrong = f" ({measured().model} fails)"
    return [
        [example.request, one.name, SHOWS.get(example.kind, example.kind) + ("" if example.right else wrong)]
        for one in sets.values()
        for example in one.examples
    ]
