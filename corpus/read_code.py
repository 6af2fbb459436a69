"""Python source files of installed, permissively licensed distributions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from corpus.distributions import Distribution, usable_distributions
from corpus.drops import CountingStep
from corpus.quality import code_problem, has_control_tokens, path_problem
from corpus.rows import Row
from corpus.sampling import round_robin

if TYPE_CHECKING:
    from datatrove.data import DocumentsPipeline


class CodeReader(CountingStep):
    """One `code` row a file, distributions in turn, so that large ones do not crowd out small ones."""

    type = "📖 - READER"
    name = "python files"

    def __init__(
        self,
        control_tokens: tuple[str, ...],
        folder: Path,
        limit: int | None,
        seed: int,
        paths: Sequence[str] | None = None,
    ) -> None:
        """`limit`: most files (null: all); `paths`: folders searched for distributions in place of `sys.path`."""
        super().__init__(folder / "drops")
        self.paths = paths
        self.distributions: dict[str, Distribution] = {}
        self.control_tokens = control_tokens
        self.limit = limit
        self.seed = seed

    def run(self, data: DocumentsPipeline = None, rank: int = 0, world_size: int = 1) -> DocumentsPipeline:
        """Yield the rows, then write the counts."""
        usable, left_out = usable_distributions(self.paths)
        self.distributions = {item.name: item for item in usable}
        for reason, names in left_out.items():
            for name in names:
                self.drop(reason, name)
        for name, file in round_robin(self._files(), self.seed):
            if self.limit is not None and self.kept >= self.limit:
                break
            text = self._text(self.distributions[name], file)
            if text is not None:
                self.keep()
                yield self._row(self.distributions[name], file, text).document()
        self.write_counts(rank, self.name)

    def _files(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name, distribution in self.distributions.items():
            for file in distribution.files:
                if not file.endswith(".py") or file.startswith(".."):
                    continue
                if problem := path_problem(file):
                    self.drop(problem, f"{name}/{file}")
                else:
                    found.setdefault(name, []).append(file)
        return found

    def _text(self, distribution: Distribution, file: str) -> str | None:
        where = f"{distribution.name}/{file}"
        try:
            text = distribution.read(file)
        except UnicodeDecodeError:
            return self.refuse("not_utf8", where)
        except OSError:
            return self.refuse("unreadable", where)
        problem = "control_token" if has_control_tokens(text, self.control_tokens) else code_problem(text)
        return self.refuse(problem, where) if problem else text

    def _row(self, distribution: Distribution, file: str, text: str) -> Row:
        return Row(
            id=f"{distribution.name}/{file}",
            config="code",
            text=text,
            source=distribution.name,
            license=distribution.license,
            attribution=distribution.attribution,
            url=distribution.url,
            kind="python",
            provenance={"reader": {"name": self.name, "version": distribution.version}},
        )
