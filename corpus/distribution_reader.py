"""What the readers of code and of documentation share: the distributions they read, and how much of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from corpus.distributions import Distribution, usable_distributions
from corpus.drops import CountingStep


class DistributionReader(CountingStep):
    """Reads the files of distributions, in turn, so that large ones do not crowd out small ones."""

    type = "📖 - READER"

    def __init__(
        self,
        control_tokens: tuple[str, ...],
        folder: Path,
        limit: int | None,
        seed: int,
        paths: Sequence[str] | None = None,
        wheels: Sequence[str] = (),
    ) -> None:
        """`limit`: most files (null: all); `paths` and `wheels` as for `usable_distributions`."""
        super().__init__(folder / "drops")
        self.paths = paths
        self.wheels = wheels
        self.distributions: dict[str, Distribution] = {}
        self.control_tokens = control_tokens
        self.limit = limit
        self.seed = seed

    def find_distributions(self) -> dict[str, list[str]]:
        """Find those that are usable; returns the names of the others by reason."""
        usable, left_out = usable_distributions(self.paths, self.wheels)
        self.distributions = {item.name: item for item in usable}
        return left_out
