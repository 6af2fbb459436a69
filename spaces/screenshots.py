"""`python -m spaces.screenshots`: a picture of every state of the Space's page, on the model just trained, in Chromium.

Any error in the browser's console, or anything beside the edge of a narrow screen, makes the exit code 1.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from records.errors import UserError, run_command
from records.recipe import build_folder, load_recipe
from records.release_data import write_release
from spaces.assembly import add_gallery, assemble
from spaces.serving import WAIT_SECONDS, find_browser, running

WIDE, NARROW = (1200, 1000), (390, 844)
"""Pixels of the two screens."""
ONE_CALL = "one call of one tool of several"
"""What the table of examples says of them."""


def main(argv: Sequence[str]) -> int:
    """Take the pictures. Returns 1 when the page showed an error or runs over the edge."""
    parser = argparse.ArgumentParser(prog="python -m spaces.screenshots", description="Pictures of the Space's states.")
    parser.add_argument("--recipe", default="local", help="recipe whose model and release are shown (default: local)")
    parser.add_argument("--model", type=Path, help="model folder; its neighbour `base` is the base")
    parser.add_argument("--output", type=Path, default=Path("build/screenshots"), help="folder for the pictures")
    parser.add_argument("--only", nargs="+", choices=list(STATES), default=list(STATES), help="states (default: all)")
    options = parser.parse_args(argv)
    recipe = load_recipe(options.recipe)
    build = build_folder(recipe)
    model = (options.model or build / "models" / f"hephaestus-{recipe.training.base.size}-ift").resolve()
    if not (model / "config.json").is_file():
        raise UserError(f"there is no model at {model}; run `make train`, or name one by --model")
    browser = find_browser()
    if browser is None:
        raise UserError("there is no Chromium on this machine; `apt-get install chromium`")
    options.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        space = assemble("function_calling", Path(place) / "space")
        write_release(build, space)
        print(f"space: {add_gallery(build, model, space)}")
        base = model.parent / "base"
        with running(space, model, base if (base / "config.json").is_file() else None) as (address, _, _):
            wrong = _take_all(browser, address, options.output, options.only)
    print(f"screenshots: {len(options.only)} states in {options.output}; {len(wrong)} errors")
    for one in wrong:
        print(f"  {one}")
    return int(bool(wrong))


def _take_all(browser: str, address: str, folder: Path, names: Sequence[str]) -> list[str]:
    from playwright.sync_api import ConsoleMessage, sync_playwright

    wrong: list[str] = []
    with sync_playwright() as play:
        opened = play.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        for name, (act, narrow, dark) in ((name, STATES[name]) for name in names):
            width, height = NARROW if narrow else WIDE
            page = opened.new_page(
                viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
            )
            page.set_default_timeout(WAIT_SECONDS * 1000)

            def said(message: ConsoleMessage, name: str = name) -> None:
                if message.type == "error":
                    wrong.append(f"{name}: {message.text}")

            page.on("console", said)
            page.goto(address)
            page.wait_for_selector("#examples tbody tr")
            act(page)
            page.wait_for_timeout(400)  # what moves comes to rest
            if (seen := page.evaluate("document.documentElement.scrollWidth")) > width:
                wrong.append(f"{name}: {seen} pixels wide on a screen of {width}")
            page.screenshot(path=folder / f"{name}.png", full_page=True)
            page.close()
        opened.close()
    return wrong


def _nothing(page: Any) -> None:
    """The page as it opens."""


def _ask(page: Any, shows: str, answers: int = 1) -> None:
    page.locator("#examples tbody tr", has_text=shows).first.click()
    page.get_by_role("button", name="Ask the model").click()
    page.wait_for_function(f"document.querySelectorAll('#answer .speed').length >= {answers}")


def _answer(page: Any) -> None:
    _ask(page, ONE_CALL)


def _words(page: Any) -> None:
    _ask(page, "no tool fits")


def _missing(page: Any) -> None:
    _ask(page, "a parameter is missing")


def _several(page: Any) -> None:
    _ask(page, "several calls")


def _invalid(page: Any) -> None:
    page.fill("#ask textarea", "Compute (12.5 + 7) * 4 and the weather in Rome for 12 days.")
    page.get_by_role("button", name="Ask the model").click()
    page.wait_for_selector("#answer .speed")


def _comparison(page: Any) -> None:
    page.get_by_label("Base and trained").check()
    page.get_by_label("Free and constrained").check()
    _ask(page, ONE_CALL, 4)


def _constrained(page: Any) -> None:
    page.get_by_label("Constrained", exact=True).check()
    _ask(page, "several calls")


def _steps(page: Any) -> None:
    _ask(page, "call, result, answer", 2)


def _error(page: Any) -> None:
    page.get_by_role("button", name="Ask the model").click()
    page.wait_for_selector("#answer .error")


def _editor(page: Any) -> None:
    page.get_by_role("button", name="Edit the tools").click()
    page.wait_for_selector(".cm-content")
    page.get_by_role("button", name="Read as functions").click()
    page.wait_for_selector("#read-state .note")


def _raw(page: Any) -> None:
    _ask(page, ONE_CALL)
    for name in ("Raw prompt", "Raw output", "As Python", "As OpenAI tool_calls"):
        page.get_by_role("button", name=name).click()


def _writing(page: Any) -> None:
    page.get_by_label("Base and trained").check()  # the base writes a lot
    page.locator("#examples tbody tr", has_text=ONE_CALL).first.click()
    page.get_by_role("button", name="Ask the model").click()
    page.wait_for_selector("#answer .writing pre")


def _release(page: Any) -> None:
    page.get_by_role("tab", name="The release").click()
    search = page.locator("#api-query textarea, #api-query input")
    if search.count():
        search.first.fill("event")
        page.wait_for_selector("#api-found li, #api-found .note")


STATES: dict[str, tuple[Callable[[Any], None], bool, bool]] = {
    "empty": (_nothing, False, False),
    "answer": (_answer, False, False),
    "answer_dark": (_answer, False, True),
    "answer_narrow": (_answer, True, False),
    "answer_narrow_dark": (_answer, True, True),
    "words": (_words, False, False),
    "missing": (_missing, False, False),
    "several": (_several, False, False),
    "invalid": (_invalid, False, False),
    "writing": (_writing, False, False),
    "comparison": (_comparison, False, False),
    "comparison_narrow": (_comparison, True, False),
    "constrained": (_constrained, False, False),
    "steps": (_steps, False, False),
    "error": (_error, False, False),
    "error_dark": (_error, False, True),
    "editor": (_editor, False, False),
    "raw": (_raw, False, False),
    "release": (_release, False, False),
    "release_dark": (_release, False, True),
    "release_narrow": (_release, True, False),
}
"""Name → what to do, whether on a narrow screen, whether in dark mode."""


if __name__ == "__main__":
    sys.exit(run_command(main))
