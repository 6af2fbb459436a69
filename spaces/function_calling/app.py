"""Function calling, to try: ask in words, pick tools, see the calls the model makes and whether they fit.

Environment: MODEL_ID (a folder or a Hub id; by default the first of `models:` in README.md), GRADIO_SERVER_PORT.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from typing import Any

import cards
import gradio as gr
from calls import chat_template
from gradio.events import api
from model import Answer, Answers, MissingModelError, Model
from tool_sets import ToolSet, load_tool_sets
from validation import InputError, read_request, read_tools

HERE = Path(__file__).resolve().parent
SYSTEM_FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
SYSTEM_MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "DejaVu Sans Mono", "monospace"]
MAX_WAITING = 64
"""Requests that wait in line before the page says it is busy."""

Shown = tuple[str, str, str]
"""HTML of the answer, raw prompt, raw output."""


def ask(model: Answers, request: object, tools_text: object) -> Iterator[Shown]:
    """What the page shows, step by step, for one request; input errors become an error card."""
    try:
        tools, words = read_tools(tools_text), read_request(request)
        answer = Answer("")
        yield cards.writing_page(answer), "", ""
        for answer in model.stream(words, tools):
            yield cards.writing_page(answer), answer.prompt, answer.text
    except InputError as error:
        yield cards.error_page(str(error)), "", ""
        return
    yield cards.answer_page(cards.check_answer(answer, tools), answer), answer.prompt, answer.text


def call(model: Answers, request: object, tools_text: object) -> dict[str, Any]:
    """The `/call` endpoint: calls, or words, or a problem; `error` is set, and all else empty, on bad input."""
    try:
        tools = read_tools(tools_text)
        *_, answer = model.stream(read_request(request), tools)
    except InputError as error:
        return cards.error_json(str(error))
    return cards.as_json(cards.check_answer(answer, tools), answer)


def build_page(model: Answers) -> gr.Blocks:
    """The page and its API around a model."""
    sets = load_tool_sets()
    first = next(iter(sets.values()))
    samples = _samples(sets)
    with gr.Blocks(title="Hephaestus · function calling", analytics_enabled=False) as page:
        gr.HTML(_heading(model.name))
        with gr.Row(equal_height=False):
            with gr.Column(min_width=320):
                tool_set, editor = _tools_input(sets, first)
                request = gr.Textbox(
                    label="Request", lines=3, max_lines=8, placeholder="What should the model do?", elem_id="ask"
                )
                with gr.Row():
                    send = gr.Button("Ask the model", variant="primary", scale=3)
                    stop = gr.Button("Stop", scale=1, min_width=80)
            with gr.Column(min_width=320):
                answer = gr.HTML(cards.empty_page(), elem_id="answer")
                prompt, output = _raw_views()
        chosen = gr.Dataset(
            components=["textbox", "textbox"],
            headers=["Request", "Tool set"],
            samples=samples,
            type="index",
            samples_per_page=len(samples),
            label="Examples",
            elem_id="examples",
        )
        _fill_in_the_browser(sets, tool_set, chosen, request, editor)
        run = gr.on(
            [send.click, request.submit],
            _with_model(model),
            [request, editor],
            [answer, prompt, output],
            api_visibility="private",
            show_progress="minimal",  # says where in line a waiting visitor is
            show_progress_on=answer,
            concurrency_id="model",
        )
        # Listeners run in this order, each to its end: said in one listener, gradio would cancel after the page has
        # changed, and a word of the answer that came in between would take its place.
        stop.click(None, cancels=[run], api_visibility="private")
        stop.click(cards.stopped_page, None, answer, api_visibility="private", show_progress="hidden")
        _add_api(model)
    return page.queue(max_size=MAX_WAITING, default_concurrency_limit=1)


def _with_model(model: Answers) -> Callable[[str, str], Iterator[Shown]]:
    def run(request: str, tools: str) -> Iterator[Shown]:
        yield from ask(model, request, tools)

    return run


def _fill_in_the_browser(
    sets: dict[str, ToolSet], tool_set: gr.Radio, chosen: gr.Dataset, request: gr.Textbox, editor: gr.Code
) -> None:
    # Without a round trip to the server: a click on an example and on "Ask" right after must not race.
    texts = json.dumps({one.name: one.text for one in sets.values()})
    rows = json.dumps([[*row, sets[row[1]].text] for row in _samples(sets)])
    tool_set.input(None, tool_set, editor, js=f"(name) => ({texts})[name]", api_visibility="private")
    outputs = [request, tool_set, editor]
    chosen.click(None, chosen, outputs, js=f"(number) => ({rows})[number]", api_visibility="private")


def _samples(sets: dict[str, ToolSet]) -> list[list[str]]:
    return [[example, one.name] for one in sets.values() for example in one.examples[:2]]


def _add_api(model: Answers) -> None:
    def run(request: str, tools: str) -> dict[str, Any]:
        return call(model, request, tools)

    about = "Calls a model makes for a request, given tools as a JSON list of functions."
    api(run, api_name="call", api_description=about, concurrency_id="model")


def _tools_input(sets: dict[str, ToolSet], first: ToolSet) -> tuple[gr.Radio, gr.Code]:
    tool_set = gr.Radio(list(sets), value=first.name, label="Tools", elem_id="tool-set")
    with gr.Accordion("Edit the tools (JSON Schema)", open=False):
        editor = gr.Code(
            first.text, language="json", label="A list of functions", lines=12, max_lines=24, buttons=["copy"]
        )
    return tool_set, editor


def _raw_views() -> tuple[gr.Textbox, gr.Textbox]:
    views = []
    for label in ("Raw prompt", "Raw output"):
        with gr.Accordion(label, open=False):
            box = gr.Textbox(label=label, container=False, lines=4, max_lines=16, interactive=False, elem_classes="raw")
            views.append(box)
    return views[0], views[1]


def _heading(name: str) -> str:
    shown = escape(Path(name).name)
    return (
        '<div id="heading"><h1>Function calling, to try</h1><p>Pick tools, ask in plain words, and see which calls '
        f"<code>{shown}</code> makes. Calls are checked against the tools’ schemas and never run.</p></div>"
    )


def default_model(readme: Path = HERE / "README.md") -> str | None:
    """The model of a published Space: the first of `models:` in its front matter, where an owner is named."""
    from huggingface_hub import metadata_load

    models = (metadata_load(readme) or {}).get("models") or [""]
    return models[0] if "/" in models[0] else None


def launch_options() -> dict[str, Any]:
    """How the page looks and is served: on loopback alone unless on the Hub, with nothing fetched from outside."""
    theme = gr.themes.Default(primary_hue="teal", neutral_hue="slate", font=SYSTEM_FONTS, font_mono=SYSTEM_MONO)
    for mode in ("", "_dark"):  # white on the default's teal is hard to read
        theme.set(**{f"button_primary_background_fill{mode}": "*primary_700"})
        theme.set(**{f"button_primary_background_fill_hover{mode}": "*primary_800"})
    return {
        "theme": theme,
        # As `css`, gradio would rewrite it rule by rule and lose shorthands that hold variables.
        "head": f"<style>{(HERE / 'style.css').read_text(encoding='utf-8')}</style>",
        "server_name": "0.0.0.0" if os.environ.get("SPACE_ID") else "127.0.0.1",
        "ssr_mode": False,
        "share": False,
        "footer_links": ["api"],
        "max_file_size": 1024,
    }


def main() -> int:
    """Load the model, then serve. Returns the exit code: 2 with one line on stderr when model or port is missing."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ.setdefault("NO_PROXY", "localhost,127.0.0.1")  # gradio asks itself over HTTP whether it is up
    model_id = os.environ.get("MODEL_ID") or default_model()
    if not model_id:
        print("error: no model: set MODEL_ID to a model folder or a Hub id", file=sys.stderr)
        return 2
    try:
        model = Model(model_id, chat_template())
        print(f"model {model_id} is loaded on {model.device}", flush=True)
        build_page(model).launch(**launch_options())
    except (MissingModelError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
