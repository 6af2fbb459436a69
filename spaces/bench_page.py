"""The Space as a process of its own, with trained model and base: start, first call in a browser, memory."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

from spaces.serving import WAIT_SECONDS, find_browser, running


def measure_page(space: Path, model: Path) -> dict[str, Any]:
    """Figures of the running Space.

    Returns:
        {start_seconds, first_call_seconds (from opening the page to the first whole answer; None without a Chromium),
        page_seconds (to the page that can be used), rss_mb and peak_mb after every example of the gallery was asked of
        both models, free and constrained, models}

    Raises:
        UserError: the Space does not start.
    """
    base = model.parent / "base"
    with running(space, model, base if (base / "config.json").is_file() else None) as (address, process, seconds):
        page, call = _first_call(address)
        asked = _ask_everything(space, address)
        memory = Path(f"/proc/{process.pid}/status").read_text()
    sizes = {name: int(re.findall(rf"{name}:\s+(\d+) kB", memory)[0]) // 1024 for name in ("VmRSS", "VmHWM")}
    return {
        "start_seconds": round(seconds, 2),
        "page_seconds": page,
        "first_call_seconds": call,
        "rss_mb": sizes["VmRSS"],
        "peak_mb": sizes["VmHWM"],
        "models": 1 + (base / "config.json").is_file(),
        "requests": asked,
    }


def _first_call(address: str) -> tuple[float | None, float | None]:
    """Seconds from opening the page to its use, and to the first whole answer, by a browser with an empty cache."""
    browser = find_browser()
    if browser is None:
        return None, None
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        opened = play.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = opened.new_page()
        page.set_default_timeout(WAIT_SECONDS * 1000)
        start = time.perf_counter()
        page.goto(address)
        page.locator("#examples tbody tr").first.click()
        ready = time.perf_counter() - start
        page.get_by_role("button", name="Ask the model").click()
        page.wait_for_selector("#answer .speed")
        seconds = time.perf_counter() - start
        opened.close()
    return round(ready, 2), round(seconds, 2)


def _ask_everything(space: Path, address: str) -> int:
    from gradio_client import Client

    client, asked = Client(address, verbose=False), 0
    sets = json.loads((space / "tool_sets.json").read_text(encoding="utf-8"))["sets"]
    for one in sets:
        tools = json.dumps(one["tools"])
        for number, example in enumerate(one["examples"]):
            which, decoding = (("trained", "free"), ("base", "free"), ("trained", "constrained"))[number % 3]
            client.predict(example["request"], tools, decoding, which, api_name="/call")
            asked += 1
    return asked
