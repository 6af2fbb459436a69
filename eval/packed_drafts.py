"""Guesses at the next tokens of an answer, copied from the prompt and from other answers of the batch.

Prompt lookup decoding: names of functions and parameters, and values, stand in the prompt, and the frame of a call
stands in every answer. A guess costs one more token of a step that is taken anyway; the model confirms or refuses it,
so answers stay what they are without guesses. (Leviathan et al. 2023, arXiv:2211.17192, for greedy decoding.)
"""

from __future__ import annotations

from collections.abc import Sequence

LONGEST = 3
"""Tokens of the longest n-gram that is looked up."""


class Drafts:
    """What followed each n-gram when it was last seen, per row and over all answers of the batch."""

    def __init__(self, prompts: Sequence[Sequence[int]]) -> None:
        self.texts = [list(prompt) for prompt in prompts]
        self.own: list[dict[tuple[int, ...], int]] = [{} for _ in prompts]
        self.answers: dict[tuple[int, ...], int] = {}
        for text, seen in zip(self.texts, self.own, strict=True):
            for place in range(1, len(text)):
                _remember(seen, text, place)

    def add(self, row: int, token: int) -> None:
        """The answer of a row went on with this token."""
        text = self.texts[row]
        text.append(token)
        _remember(self.own[row], text, len(text) - 1)
        self.answers[tuple(text[-LONGEST - 1 : -1])] = token

    def guess(self, row: int, most: int) -> list[int]:
        """At most `most` tokens that may follow; fewer where nothing like the end of the text was seen."""
        ending = self.texts[row][-LONGEST:]
        made: list[int] = []
        while len(made) < most:
            token = self._next(row, ending)
            if token is None:
                break
            made.append(token)
            ending = [*ending, token][-LONGEST:]
        return made

    def _next(self, row: int, ending: list[int]) -> int | None:
        own = self.own[row]
        for length in range(len(ending), 0, -1):
            if length == LONGEST - 1 and tuple(ending) in self.answers:
                return self.answers[tuple(ending)]
            if (found := own.get(tuple(ending[-length:]))) is not None:
                return found
        return None


def _remember(seen: dict[tuple[int, ...], int], text: list[int], place: int) -> None:
    for length in range(1, min(LONGEST, place) + 1):
        seen[tuple(text[place - length : place])] = text[place]
