"""The endpoints of the API, which are also the tools of the MCP server."""

from __future__ import annotations

from typing import Any, Literal

import cards
import gradio as gr
from documents import read_tools
from gradio.events import api
from model import Answers
from release import Release
from validation import InputError, read_request

Which = Literal["trained", "base"]
Decoding = Literal["free", "constrained"]


def call(model: Answers, request: object, tools_text: object, constrained: bool = False) -> dict[str, Any]:
    """Calls, or words, or a problem; `error` is set, and all else empty, on bad input."""
    try:
        tools = read_tools(tools_text)
        messages = [{"role": "user", "content": read_request(request)}]
        *_, answer = model.stream(messages, tools, constrained)
    except InputError as error:
        return cards.error_json(str(error))
    return cards.as_json(cards.check_answer(answer, tools), answer)


def add_endpoints(model: Answers, base: Answers | None, release: Release) -> None:
    """Add `/call` and `/search_apis` to the Blocks that are being built."""

    def call_tools(request: str, tools: str, decoding: Decoding = "free", which: Which = "trained") -> dict[str, Any]:
        """Write the function calls that answer a request. Nothing is run.

        Args:
            request: What is wanted, in plain words.
            tools: The functions on offer: a JSON list of JSON Schema functions, an OpenAPI document, an MCP tool list
                or Python functions, as text.
            decoding: free, or constrained to calls that fit the tools' schemas.
            which: The trained model, or the base it comes from.
        """
        if decoding not in ("free", "constrained") or which not in ("trained", "base"):
            return cards.error_json("decoding is “free” or “constrained”, which is “trained” or “base”.")
        if which == "base" and base is None:
            return cards.error_json("This Space has no base model loaded; set BASE_MODEL_ID.")
        chosen = base if which == "base" and base else model
        return call(chosen, request, tools, decoding == "constrained")

    def search_apis(query: str) -> list[dict[str, str]]:
        """Search the names and descriptions of the API documents of the corpus.

        Args:
            query: Words that must all occur.
        """
        return release.search(query) if isinstance(query, str) else []

    with gr.Row(visible=False):  # components give the endpoint its types; nothing of it is on the page
        request = gr.Textbox(label="request")
        tools = gr.Textbox(label="tools")
        decoding = gr.Dropdown(["free", "constrained"], value="free", label="decoding", allow_custom_value=True)
        which = gr.Dropdown(["trained", "base"], value="trained", label="which", allow_custom_value=True)
        result = gr.JSON(label="result")
        start = gr.Button()
    start.click(call_tools, [request, tools, decoding, which], result, api_name="call", concurrency_id="model")
    api(search_apis, api_name="search_apis", concurrency_limit=4)
