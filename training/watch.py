"""When a stage must stop: a loss, gradient or weight that is no number, or a loss spike; and which documents it was."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

from records.errors import UserError
from training.packing import Plan

WINDOW = 20
"""Steps that a loss is compared with; nothing counts as a spike before half of them are there."""
NAMED_DOCUMENTS = 6
ENOUGH_TOKENS = 64
"""Tokens whose mean loss is steady enough for the recipe's margin; with fewer it grows as their standard error does."""


def check_loss(
    where: str, loss: float, earlier: Sequence[float], margin: float | None, batch: Callable[[], tuple[str, int]]
) -> None:
    """Stop at a loss that is no number, or `margin` nats above the highest of the last 20 steps.

    In fine-tuning a small step may hold the few words of one answer, whose mean loss says little: over n < 64 tokens
    the margin is sqrt(64 / n) times as wide.

    Args:
        where: the run and its step, for the message.
        loss: of this step, nats a token.
        earlier: losses of all steps before.
        margin: None lets every finite loss pass.
        batch: what the step read, for the message, and how many of its tokens counted; asked only when in doubt.

    Raises:
        UserError: the run must not go on; its last checkpoint stays.
    """
    remedy = "lower the learning_rate in the recipe, or look at these documents, and run the command again"
    if not math.isfinite(loss):
        raise UserError(f"loss or gradient of {where} is {loss}; the step read {batch()[0]}; {remedy}")
    recent = earlier[-WINDOW:]
    if margin is None or len(recent) < WINDOW // 2 or loss <= max(recent) + margin:
        return
    documents, counted = batch()
    allowed = margin * max(1.0, math.sqrt(ENOUGH_TOKENS / counted))
    if loss > max(recent) + allowed:
        raise UserError(
            f"the loss of {where} is {loss:.3f} over {counted} tokens, a spike of more than {allowed:.3g} over the"
            f" {max(recent):.3f} that was the highest of {len(recent)} steps before (stop_at_spike);"
            f" the step read {documents}; {remedy}"
        )


def documents_of(plan: Plan, first: int, count: int, data: Path) -> str:
    """The documents in `count` sequences from `first` on, by config and number, with the corpus's row ids."""
    found: dict[tuple[str, int], None] = {}
    for number in range(first, first + count):
        for piece in plan.sequences[number]:
            shard = plan.shards[piece.shard]
            found[(shard.config, int(shard.ends.searchsorted(piece.start, side="right")))] = None
    names = [f"{config} {number}{_row_id(data / config, number)}" for config, number in list(found)[:NAMED_DOCUMENTS]]
    more = f" and {len(found) - len(names)} more" if len(found) > len(names) else ""
    return f"sequences {first} to {first + count - 1} of its plan (documents {', '.join(names)}{more})"


def _row_id(folder: Path, number: int) -> str:
    # Shards hold the rows of the published parquet files, in order.
    import pyarrow
    import pyarrow.parquet

    for file in sorted(folder.glob("train-*.parquet")):
        try:
            table = pyarrow.parquet.read_table(file, columns=["id"])
        except (KeyError, OSError, pyarrow.ArrowException):
            return ""
        if number < table.num_rows:
            return f" [{table['id'][number].as_py()}]"
        number -= table.num_rows
    return ""
