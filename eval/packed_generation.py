"""Greedy answers of a batch: read the prompts, then write all answers together until each has ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from eval.packed_attention import BLOCK, padded
from eval.packed_drafts import Drafts
from eval.packed_llama import Cache, Newest, PackedLlama
from eval.packed_memory import Memory
from eval.packed_tree import make_tree

STEP_TOKENS = 32
"""Guesses fill a step up to so many tokens: more cost about what they save."""
MOST_GUESSES = 7
"""Tokens guessed for a row in one step."""

Mask = Callable[[list[int]], Tensor | None]
"""From the ids of an answer so far to what may follow: bool [vocabulary], or None for anything. Called once a token."""


@torch.inference_mode()
def generate(
    model: PackedLlama,
    prompts: Sequence[list[int]],
    most: int,
    ends: Callable[[int, list[int]], bool],
    masks: Sequence[Mask | None] | None = None,
    memory: Memory | None = None,
) -> list[list[int]]:
    """Greedy continuations.

    Args:
        prompts: token ids, none empty; with `most` they must fit into the model's positions.
        most: most new tokens.
        ends: called with the number of a prompt and the ids of its growing answer; True ends it. The id that ended it
            is the last one.
        masks: for each prompt what restricts its answer; an answer also ends where nothing is allowed.
        memory: what was read of such prompts before, and where what is read now is kept.
    """
    writing = _Writing(model, prompts, most, ends, masks or [None] * len(prompts), memory)
    while writing.rows:
        writing.step()
    return writing.answers


class _Writing:
    """The rows that are still being written, and their cache."""

    def __init__(
        self,
        model: PackedLlama,
        prompts: Sequence[list[int]],
        most: int,
        ends: Callable[[int, list[int]], bool],
        masks: Sequence[Mask | None],
        memory: Memory | None,
    ) -> None:
        self.model, self.most, self.ends, self.masks = model, most, ends, masks
        self.answers: list[list[int]] = [[] for _ in prompts]
        self.drafts = Drafts(prompts)
        self.rows = list(range(len(prompts)))
        """Prompts still being answered, by row of the cache."""
        self.cache, states = _read(model, prompts, most, memory)
        self._write([[] for _ in self.rows], states)

    def step(self) -> None:
        """One to several tokens more in every row."""
        most = min(MOST_GUESSES, STEP_TOKENS // len(self.rows) - 1)
        guesses = [self._guess(prompt, most) for prompt in self.rows]
        newest = self._newest(guesses)
        width, longest = max(map(len, guesses)) + 1, int(newest.places.max()) + 1
        looking = torch.zeros(len(self.rows), 1, width, 1, dtype=torch.long)
        looking[newest.rows, 0, newest.slots, 0] = newest.places
        hidden = torch.arange(padded(longest)) > looking
        self._write(guesses, self.model.step(newest, self.cache, hidden))

    def _guess(self, prompt: int, most: int) -> list[int]:
        if self.masks[prompt] is not None:
            return []
        return self.drafts.guess(prompt, min(most, self.most - len(self.answers[prompt]) - 1))

    def _newest(self, guesses: list[list[int]]) -> Newest:
        ids: list[int] = []
        rows: list[int] = []
        slots: list[int] = []
        places: list[int] = []
        for row, (prompt, guessed) in enumerate(zip(self.rows, guesses, strict=True)):
            text = self.drafts.texts[prompt]
            ids += [text[-1], *guessed]
            rows += [row] * (len(guessed) + 1)
            slots += range(len(guessed) + 1)
            places += range(len(text) - 1, len(text) + len(guessed))
        return Newest(torch.tensor(ids), torch.tensor(rows), torch.tensor(slots), torch.tensor(places))

    def _write(self, guesses: list[list[int]], states: Tensor) -> None:
        """Append what the model says behind each token, as long as it is what was guessed; drop rows that ended."""
        told = self._best(guesses, states)
        going = []
        for row, (prompt, guessed) in enumerate(zip(self.rows, guesses, strict=True)):
            ended = False
            for token in _confirmed(guessed, told[row]):
                if token is None:
                    ended = True
                    break
                self.answers[prompt].append(token)
                self.drafts.add(prompt, token)
                ended = len(self.answers[prompt]) >= self.most or self.ends(prompt, self.answers[prompt])
                if ended:
                    break
            if not ended:
                going.append(row)
        if len(going) < len(self.rows):
            self.rows = self._move(going)

    def _move(self, going: list[int]) -> list[int]:
        """Rows of the cache closed up by moving the last ones; the prompts by row."""
        order = [row for row in going if row < len(going)]
        late = iter(row for row in going if row >= len(going))
        kept = set(order)
        order = [row if row in kept else next(late) for row in range(len(going))]
        prompts = [self.rows[row] for row in order]
        if order:
            self.cache.keep(order, max(len(self.drafts.texts[prompt]) for prompt in prompts))
        return prompts

    def _best(self, guesses: list[list[int]], states: Tensor) -> list[list[int | None]]:
        """By row: the next token behind each of its newest; None where nothing is allowed."""
        counts = [len(guessed) + 1 for guessed in guesses]
        masked = {row: self.masks[prompt] for row, prompt in enumerate(self.rows) if self.masks[prompt] is not None}
        if not masked:
            best = iter(self.model.best(states).tolist())
            return [[next(best) for _ in range(count)] for count in counts]
        told: list[list[int | None]] = []
        for row, logits in enumerate(self.model.order(states).split(counts)):
            mask = masked.get(row)
            allowed = mask(self.answers[self.rows[row]]) if mask else None
            if allowed is None:
                told.append(list(logits.argmax(-1).tolist()))
            else:
                best_allowed = int(logits[0].masked_fill(~allowed, -torch.inf).argmax())
                told.append([best_allowed if bool(allowed.any()) else None])
        return told


def _confirmed(guessed: list[int], told: list[int | None]) -> list[int | None]:
    """What the model says, up to and with the first token that was not guessed."""
    for place, guess in enumerate(guessed):
        if told[place] != guess:
            return told[: place + 1]
    return told


def _read(model: PackedLlama, prompts: Sequence[list[int]], most: int, memory: Memory | None) -> tuple[Cache, Tensor]:
    """The cache with all prompts in it, and the hidden state [prompts, hidden size] of each prompt's last token."""
    known = [memory.find(prompt) for prompt in prompts] if memory else []
    tree = make_tree(prompts, [len(blocks) * BLOCK for blocks in known], BLOCK if memory else 1)
    lasts = {tree.ends[n]: [len(prompt) - 1] for n, prompt in enumerate(prompts)}
    cache = model.empty_cache(len(prompts), max(map(len, prompts)) + most)
    states = model.read(tree, [lasts.get(n, []) for n in range(len(tree.segments))], cache, known)
    if memory:
        for row, prompt in enumerate(prompts):
            memory.keep(prompt, cache, row)
    return cache, torch.cat([states[end] for end in tree.ends])
