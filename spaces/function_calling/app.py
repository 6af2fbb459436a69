"""Function calling, to try: ask in words, pick tools, see the calls the model makes and whether they fit.

Environment: MODEL_ID and BASE_MODEL_ID (folders or Hub ids; MODEL_ID defaults to the first of `models:` in README.md,
without BASE_MODEL_ID there is no comparison with the base), GRADIO_SERVER_PORT.
"""

from __future__ import annotations

import os
import sys
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from calls import chat_template
from endpoints import add_endpoints
from model import Answers, MissingModelError, Model
from page import build_chat
from release import Release, front_matter, load_release, named
from release_tab import build_release_tab

HERE = Path(__file__).resolve().parent
SYSTEM_FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
SYSTEM_MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "DejaVu Sans Mono", "monospace"]
MAX_WAITING = 64
"""Requests that wait in line before the page says it is busy."""
MAX_UPLOAD = 512_000
"""Bytes of a file with tools."""


def build_page(model: Answers, base: Answers | None = None, release: Release | None = None) -> gr.Blocks:
    """The page and its API around a model, its base where there is one, and what is known of their release."""
    known = release or Release()
    with gr.Blocks(title="Hephaestus · function calling", analytics_enabled=False) as page:
        gr.HTML(_heading(model.name))
        with gr.Tabs():
            with gr.Tab("Call functions"):
                build_chat(model, base)
            with gr.Tab("The release"):
                build_release_tab(known)
        add_endpoints(model, base, known)
    return page.queue(max_size=MAX_WAITING, default_concurrency_limit=1)


def _heading(name: str) -> str:
    shown = escape(Path(name).name)
    return (
        '<div id="heading"><h1>Function calling, to try</h1><p>Pick tools, ask in plain words, and see which calls '
        f"<code>{shown}</code> makes. Calls are checked against the tools’ schemas; none leaves this page.</p></div>"
    )


def default_model(readme: Path = HERE / "README.md") -> str | None:
    """The model of a published Space: the first of `models:` in its front matter, where an owner is named."""
    return named(front_matter(readme), "models") or None


def launch_options() -> dict[str, Any]:
    """How the page looks and is served: on loopback alone unless on the Hub, with nothing fetched from outside."""
    theme = gr.themes.Default(primary_hue="teal", neutral_hue="slate", font=SYSTEM_FONTS, font_mono=SYSTEM_MONO)
    for mode in ("", "_dark"):  # white on the default's teal is hard to read
        theme.set(**{f"button_primary_background_fill{mode}": "*primary_700"})
        theme.set(**{f"button_primary_background_fill_hover{mode}": "*primary_800"})
    theme.set(checkbox_border_color="*neutral_500", checkbox_border_color_dark="*neutral_400")  # seen when not ticked
    return {
        "theme": theme,
        # As `css`, gradio would rewrite it rule by rule and lose shorthands that hold variables.
        "head": f"<style>{(HERE / 'style.css').read_text(encoding='utf-8')}</style>",
        "server_name": "0.0.0.0" if os.environ.get("SPACE_ID") else "127.0.0.1",
        "ssr_mode": False,
        "share": False,
        "footer_links": ["api"],
        "max_file_size": MAX_UPLOAD,
        "mcp_server": True,
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
        base_id = os.environ.get("BASE_MODEL_ID")
        base = Model(base_id, chat_template(), "BASE_MODEL_ID") if base_id else None
        print(f"model {model_id} is loaded ({model.device})", flush=True)
        build_page(model, base, load_release()).launch(**launch_options())
    except (MissingModelError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
