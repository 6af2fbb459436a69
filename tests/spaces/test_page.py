"""The page in a real browser, with canned answers."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from records.errors import UserError
from spaces import screenshots
from tests.spaces.canned import Canned

pytestmark = pytest.mark.browser

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
HOSTILE = "</code><img src=x onerror='window.hit=1'><script>window.hit=1</script>${window.hit=1}{{window.hit=1}}"
CALLS = [{"name": "get_weather", "arguments": {"city": "Lisbon", "days": 3}}, {"name": "get_weather", "arguments": {}}]


@pytest.fixture(scope="module")
def visitor() -> Iterator[Any]:
    """A browser profile; its cache serves every test of this file."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine (apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1200, "height": 900})
        context.set_default_timeout(120_000)  # a busy machine may be slow; it must not fail
        yield context
        browser.close()


@pytest.fixture(scope="module")
def served(space: Path) -> Iterator[tuple[str, Canned]]:
    """Address of the page, and the canned model behind it."""
    from app import build_page, launch_options
    from release import Release

    canned = Canned()
    page = build_page(
        canned, Canned(), Release({}, [["s3.create_bucket", "Create a bucket.", "botocore", "Apache-2.0"]])
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    _, address, _ = page.launch(prevent_thread_lock=True, quiet=True, server_port=port, **launch_options())
    yield address, canned
    page.close()


@pytest.fixture
def canned(served: tuple[str, Canned]) -> Canned:
    served[1].reset()
    return served[1]


@pytest.fixture
def page(visitor: Any, served: tuple[str, Canned]) -> Iterator[Any]:
    """The page, opened; fails the test on console errors, page errors and requests to anywhere else."""
    opened = visitor.new_page()
    wrong: list[str] = []

    def check_address(sent: Any) -> None:
        if not sent.url.startswith((served[0], "data:", "blob:")):
            wrong.append(sent.url)

    opened.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("request", check_address)
    open_page(opened, served[0])
    yield opened
    opened.close()
    assert wrong == []


def open_page(page: Any, address: str) -> None:
    page.goto(address)
    page.wait_for_selector("#answer .note.empty")
    page.wait_for_selector("#examples tbody tr")


def ask(page: Any, request: str | None = None) -> None:
    if request is not None:
        page.fill("#ask textarea", request)
    page.get_by_role("button", name="Ask the model").click()


def test_an_example_fills_the_page_and_gives_cards(page: Any, canned: Canned) -> None:
    from tool_sets import load_tool_sets

    canned.text = json.dumps(CALLS)
    rows = [(one, example) for one in load_tool_sets().values() for example in one.examples]
    chosen = [number for number, (one, _) in enumerate(rows) if one.name == "Cloud"]
    # One with all tools and one with a single tool, of another tool set than the one picked at first.
    for number in {next(n for n in chosen if (rows[n][1].only is None) == whole) for whole in (True, False)}:
        one, example = rows[number]
        page.locator("#examples tbody tr").nth(number).click()
        ask(page)
        page.wait_for_selector(f"#answer .request >> text={example.request}")
        page.wait_for_function("!document.querySelector('#answer .writing')")
        tools = canned.asked[-1][1]
        assert [tool["function"]["name"] for tool in tools] == [
            tool["name"] for tool in one.tools if example.only in (None, tool["name"])
        ]
        assert page.get_by_role("radio", name="Cloud").is_checked()
        page.wait_for_selector("#answer .call.invalid")
        page.get_by_role("button", name="New chat").click()
        page.wait_for_selector("#answer .note.empty")


def test_the_page_states_how_its_examples_were_chosen(page: Any) -> None:
    from tool_sets import measured

    said = page.inner_text("#rate")
    assert f"{measured().of} candidates" in said and f"{measured().right} of all of them right" in said


def test_cards_say_what_fits_and_what_does_not(page: Any, canned: Canned) -> None:
    canned.text = json.dumps(CALLS)
    ask(page, "Weather in Lisbon?")
    page.wait_for_selector("#answer .speed")
    cards = page.locator("#answer .call").all_inner_texts()
    assert "✓ valid" in cards[0] and "Lisbon" in cards[0]
    assert "✗ invalid" in cards[1] and "'city' is a required property" in cards[1]


def test_a_picked_tool_set_is_the_one_asked_about(page: Any, canned: Canned) -> None:
    canned.text = "No."
    page.get_by_role("radio", name="Shop").click()
    ask(page, "Buy shoes")
    page.wait_for_selector("#answer .speed")
    assert canned.asked[0][1][0]["function"]["name"] == "accounts_products_get"
    assert "answered in words" in page.inner_text("#answer")


def test_empty_and_broken_input_are_explained(page: Any, canned: Canned) -> None:
    ask(page)
    page.wait_for_selector("#answer .error")
    assert "Write a request first" in page.inner_text("#answer")
    page.get_by_role("button", name="Edit the tools").click()
    page.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.type("[{", delay=20)
    ask(page, "Weather?")
    page.wait_for_selector("#answer .error >> text=not valid JSON")
    assert canned.asked == []


def test_hostile_markup_is_shown_and_not_run(page: Any, canned: Canned) -> None:
    canned.text = json.dumps([{"name": HOSTILE, "arguments": {HOSTILE: HOSTILE}}])
    canned.pause = 0.01
    ask(page, HOSTILE)
    page.wait_for_selector("#answer .speed")
    page.wait_for_timeout(300)
    assert page.evaluate("window.hit") is None
    assert HOSTILE in page.inner_text("#answer")
    assert page.locator("#answer img, #answer script").count() == 0


def test_stop_ends_the_model_and_says_so(page: Any, canned: Canned) -> None:
    canned.text, canned.pause = "words " * 400, 0.1
    ask(page, "Talk")
    page.wait_for_selector("#answer .writing")
    page.get_by_role("button", name="Stop").click()
    page.wait_for_selector("#answer >> text=Stopped")
    assert canned.ended.wait(5)
    canned.text, canned.pause = "Done.", 0.0
    ask(page, "Again")
    page.wait_for_selector("#answer .words")


def test_a_visitor_who_leaves_frees_the_model(visitor: Any, served: tuple[str, Canned], canned: Canned) -> None:
    page = visitor.new_page()
    open_page(page, served[0])
    canned.text, canned.pause = "words " * 400, 0.1
    ask(page, "Talk")
    page.wait_for_selector("#answer .writing")
    page.close()
    assert canned.ended.wait(15)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_a_narrow_screen_has_nothing_beside_the_edge(page: Any, canned: Canned, mode: str) -> None:
    canned.text = json.dumps([{"name": "get_weather", "arguments": {"city": "x" * 300}}])
    page.set_viewport_size({"width": 390, "height": 800})
    page.emulate_media(color_scheme=mode)
    page.reload()
    page.wait_for_selector("#examples tbody tr")
    ask(page, "Weather " + "y" * 300)
    page.wait_for_selector("#answer .speed")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    light = page.evaluate("getComputedStyle(document.body).backgroundColor").startswith("rgb(255")
    assert light == (mode == "light")


def test_steps_comparison_and_retry(page: Any, canned: Canned) -> None:
    canned.text = json.dumps([{"name": "get_weather", "arguments": {"city": "Oslo"}}])
    page.get_by_label("Run the calls").check()
    page.get_by_label("Free and constrained").check()
    ask(page, "Weather in Oslo?")
    page.wait_for_function("document.querySelectorAll('#answer .speed').length == 4")
    assert page.locator("#answer .lane").count() == 2 and page.locator("#answer .result").count() == 2
    asked = len(canned.asked)
    page.get_by_role("button", name="Retry").click()
    page.wait_for_timeout(500)
    page.wait_for_function("document.querySelectorAll('#answer .speed').length == 4")
    assert len(canned.asked) == 2 * asked and page.locator("#answer .request").count() == 1
    page.get_by_role("button", name="New chat").click()
    page.wait_for_selector("#answer .note.empty")


OPENAPI = """
openapi: 3.0.0
paths:
  /pets/{id}:
    get:
      operationId: getPet
      summary: Read a pet <script>window.hit=1</script>
      parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
"""


def test_an_uploaded_document_becomes_functions(page: Any, canned: Canned) -> None:
    canned.text = '[{"name": "getPet", "arguments": {"id": 4}}]'
    page.get_by_role("button", name="Edit the tools").click()
    file = {"name": "pets.yaml", "mimeType": "application/yaml", "buffer": OPENAPI.encode()}
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Upload").click()
    chooser.value.set_files([file])
    page.wait_for_selector("#read-state >> text=1 function read")
    assert '"name": "getPet"' in page.inner_text(".cm-content")
    ask(page, "Read pet 4")
    page.wait_for_selector("#answer .call.valid")
    assert canned.asked[0][1][0]["function"]["parameters"]["properties"] == {"id": {"type": "integer"}}
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Upload").click()
    chooser.value.set_files([{**file, "name": "picture.txt", "buffer": b"\xff\xfe\x00"}])
    page.wait_for_selector("#read-state >> text=not UTF-8")
    assert page.evaluate("window.hit") is None


def test_script_tags_in_tools_and_results_do_not_run(page: Any, canned: Canned) -> None:
    tools = [{"name": HOSTILE[:120], "description": HOSTILE, "parameters": {"type": "object"}}]
    canned.text = json.dumps([{"name": HOSTILE[:120], "arguments": {}}])
    canned.then = HOSTILE
    page.get_by_role("button", name="Edit the tools").click()
    page.locator(".cm-content").fill(json.dumps(tools))
    page.get_by_role("button", name="Read as functions").click()
    page.wait_for_selector("#read-state >> text=1 function read")
    page.get_by_label("Run the calls").check()
    ask(page, HOSTILE)
    page.wait_for_function("document.querySelectorAll('#answer .speed').length == 2")
    assert HOSTILE in page.inner_text("#answer")
    for name in ("Raw prompt", "Raw output", "As Python", "As curl", "As OpenAI tool_calls"):
        page.get_by_role("button", name=name).click()
    page.wait_for_timeout(300)
    assert page.evaluate("window.hit") is None
    assert page.locator("#answer img, #answer script, #read-state img, #read-state script").count() == 0


def test_everything_is_done_by_keyboard_alone(page: Any, canned: Canned) -> None:
    canned.text = "Done."
    page.locator("#examples tbody td").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('#ask textarea').value != ''")
    page.get_by_role("radio", name="Weather and units").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert page.get_by_role("radio", name="Cloud").is_checked()
    page.locator("#ask textarea").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "Ask the model"
    page.keyboard.press("Enter")
    page.wait_for_selector("#answer .words")
    assert canned.asked[0][1][0]["function"]["name"] == "get_queue_url"


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_text_stands_out_from_what_is_behind_it(page: Any, canned: Canned, mode: str) -> None:
    """WCAG 2.2, 1.4.3: a contrast of at least 4.5 to 1."""
    page.emulate_media(color_scheme=mode)
    page.reload()
    page.wait_for_selector("#examples tbody tr")
    canned.text = json.dumps(CALLS)
    ask(page, "Weather?")
    page.wait_for_selector("#answer .speed")
    for shown in (
        "#heading p", "#answer .verdict", "#answer .reason", "#answer dt", "#answer .speed", "#examples td",
        "button.primary", "button.secondary", "button[role=tab].selected", "footer button",
    ):  # fmt: skip
        for contrast in page.locator(shown).evaluate_all(CONTRAST):
            assert contrast >= 4.5, (shown, contrast)


CONTRAST = """found => found.filter(e => e.offsetParent).map(e => {
  const parse = c => (c.match(/[\\d.]+/g) || []).map(Number)
  const light = c => { const [r, g, b] = c.slice(0, 3).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 :
    ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b }
  let behind = e
  while (behind && (parse(getComputedStyle(behind).backgroundColor)[3] === 0)) behind = behind.parentElement
  const [a, b] = [parse(getComputedStyle(e).color), parse(getComputedStyle(behind || document.body).backgroundColor)]
    .map(light).sort((x, y) => y - x)
  return (a + 0.05) / (b + 0.05)
})"""


def test_the_release_tab_searches(page: Any) -> None:
    page.get_by_role("tab", name="The release").click()
    page.wait_for_selector("#release >> text=Nothing released yet")
    page.locator("#api-query textarea, #api-query input").first.fill("bucket")
    page.wait_for_selector("#api-found >> text=s3.create_bucket")


def test_pictures_are_taken_of_the_states_asked_for(
    served: tuple[str, Canned], visitor: Any, canned: Canned, tiny_model: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    canned.text = "No function here can do that."
    monkeypatch.setattr(screenshots, "running", lambda *_: nullcontext((served[0], None, 0.0)))
    wanted = ["--recipe", "smoke", "--model", str(tiny_model), "--output", str(tmp_path / "pictures")]
    with ThreadPoolExecutor(1) as apart:  # this thread runs the browser of the other tests
        assert apart.submit(screenshots.main, [*wanted, "--only", "empty", "words", "error_dark"]).result() == 0
    pictures = sorted((tmp_path / "pictures").iterdir())
    assert [picture.name for picture in pictures] == ["empty.png", "error_dark.png", "words.png"]
    assert len({picture.read_bytes() for picture in pictures}) == 3
    with pytest.raises(UserError, match="no model"):
        screenshots.main(["--recipe", "smoke", "--model", str(tmp_path)])
