"""Python source files of permissively licensed distributions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from corpus.distribution_reader import DistributionReader
from corpus.distributions import Distribution
from corpus.quality import LONGEST_SOURCE, code_problem, has_control_tokens, path_problem
from corpus.rows import Row
from corpus.sampling import round_robin

if TYPE_CHECKING:
    from datatrove.data import DocumentsPipeline


class CodeReader(DistributionReader):
    """One `code` row a file, distributions in turn, so that large ones do not crowd out small ones."""

    name = "python files"

    def run(self, data: DocumentsPipeline = None, rank: int = 0, world_size: int = 1) -> DocumentsPipeline:
        """Yield the rows, then write the counts."""
        for reason, names in self.find_distributions().items():
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
            if distribution.size(file) > LONGEST_SOURCE:
                return self.refuse("too_long", where)
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
