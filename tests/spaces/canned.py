"""A stand-in for the model that answers with a given text."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any


class Canned:
    """Answers with `text`, to results with `then`, five characters at a time.

    `ended` is set when a stream was used up or closed.
    """

    name = "canned"

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the text and what was asked."""
        self.text = ""
        self.then = "Done."
        self.pause = 0.0
        self.asked: list[tuple[str, Any]] = []
        self.ended = threading.Event()

    def stream(
        self, messages: Sequence[dict[str, Any]], tools: Sequence[dict[str, Any]], constrained: bool = False
    ) -> Iterator[Any]:
        from model import Answer

        request = messages[-1]["content"]
        text = self.then if messages[-1]["role"] == "tool" else self.text
        self.asked.append((request, tools))
        self.ended.clear()
        try:
            for number, end in enumerate(range(5, len(text) + 5, 5), 1):
                yield Answer(f"prompt of {request}", text[:end], number, number / 10)
                time.sleep(self.pause)
        finally:
            self.ended.set()
