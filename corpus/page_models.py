"""The two light classifiers of pages: fastText, and weights of tokens learned by logistic regression."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from corpus.known_pages import AGENT, KnownPage
from records.errors import UserError
from records.files import replacing, stable_hash, write_text

LEAST_SITES = 8
"""Sites that a token must stand in to be looked at: rarer ones name a site rather than a subject."""
EVEN_PAGES = 60
"""A site with fewer training pages has them repeated up to this many, at most eight times each."""


class PageModel(Protocol):
    """Something that scores pages."""

    def score(self, tokens: Sequence[str]) -> float:
        """Probability of a page about APIs, rounded to 3 decimals before any threshold meets it."""


@dataclass(frozen=True)
class Weights:
    """A linear model over the tokens of a page: `sigmoid(bias + sum of weights / sqrt(number of known tokens))`."""

    bias: float
    weights: Mapping[str, float]

    def score(self, tokens: Sequence[str]) -> float:
        """Probability of a page about APIs."""
        known = [self.weights[token] for token in tokens if token in self.weights]
        total = self.bias + (sum(known) / math.sqrt(len(known)) if known else 0.0)
        return round(1 / (1 + math.exp(-max(-30.0, min(30.0, total)))), 3)

    def save(self, file: Path) -> None:
        """Write the model as JSON."""
        write_text(
            file, json.dumps({"bias": self.bias, "weights": dict(self.weights)}, ensure_ascii=False, indent=0) + "\n"
        )

    @staticmethod
    def load(file: Path) -> Weights:
        """Read a model. Raises UserError when the file is missing or no such model."""
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
            return Weights(float(found["bias"]), {str(name): float(value) for name, value in found["weights"].items()})
        except FileNotFoundError:
            raise UserError(f"{file} is missing; check out the repository again, or run `make tune-filter`") from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise UserError(
                f"{file} holds no weights; check out the repository again, or run `make tune-filter`"
            ) from None


@dataclass(frozen=True)
class FastText:
    """A fastText model and the tokens that it is shown."""

    model: Any
    vocabulary: frozenset[str]

    def score(self, tokens: Sequence[str]) -> float:
        """Probability of a page about APIs."""
        names, values = self.model.predict([" ".join(token for token in tokens if token in self.vocabulary)], k=2)
        found = dict(zip(map(str, names[0]), map(float, values[0]), strict=True))
        return round(min(found.get(f"__label__{AGENT}", 0.0), 1.0), 3)

    @staticmethod
    def load(folder: Path) -> FastText:
        """The model that `train_fasttext` wrote into a folder."""
        import fasttext

        vocabulary = json.loads((folder / "pages.tokens.json").read_text(encoding="utf-8"))
        return FastText(fasttext.load_model(str(folder / "pages.bin")), frozenset(vocabulary))


def common_tokens(pages: Sequence[KnownPage], least: int = LEAST_SITES) -> frozenset[str]:
    """Tokens that stand on pages of at least `least` sites; of all sites when there are fewer than that."""
    sites: dict[str, set[str]] = defaultdict(set)
    for page in pages:
        for token in page.tokens:
            sites[token].add(page.site)
    least = min(least, len({page.site for page in pages}))
    return frozenset(token for token, found in sites.items() if len(found) >= least)


def train_weights(pages: Sequence[KnownPage], strength: float = 1.0) -> Weights:
    """Fit weights to the truth about pages, both sides and all sites weighing alike.

    Args:
        pages: training pages.
        strength: scikit-learn's C, the inverse of the regularisation.
    """
    return fit_weights(pages, [page.about_apis for page in pages], [1.0] * len(pages), strength)


def fit_weights(
    pages: Sequence[KnownPage], about_apis: Sequence[bool], weigh: Sequence[float], strength: float
) -> Weights:
    """Fit weights by logistic regression (scikit-learn, L2). A page of a site with n pages weighs 1 / sqrt(n).

    Args:
        pages: training pages; one may come twice, with both answers.
        about_apis: the answer to each.
        weigh: how much each weighs, beside what its site gives it.
        strength: scikit-learn's C, the inverse of the regularisation.
    """
    import numpy as np
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import LogisticRegression

    names = sorted(common_tokens(pages))
    columns = {name: column for column, name in enumerate(names)}
    rows = [sorted({columns[token] for token in page.tokens if token in columns}) for page in pages]
    values = np.concatenate([np.full(len(row), 1 / math.sqrt(max(len(row), 1))) for row in rows])
    pointers = np.cumsum([0, *map(len, rows)])
    matrix = csr_matrix((values, np.concatenate(rows).astype(int), pointers), shape=(len(rows), len(names)))
    count = Counter(page.site for page in pages)
    weight = np.array([1 / math.sqrt(count[page.site]) for page in pages]) * np.array(weigh)
    model = LogisticRegression(C=strength, max_iter=1000, class_weight="balanced")
    model.fit(matrix, list(about_apis), sample_weight=weight / weight.mean())
    rounded = {name: round(float(value), 3) for name, value in zip(names, model.coef_[0], strict=True)}
    return Weights(round(float(model.intercept_[0]), 3), rounded)


def lines_of(pages: Sequence[KnownPage], vocabulary: frozenset[str]) -> list[str]:
    """fastText's training lines in the order of their hashes, pages of small sites repeated."""
    count = Counter(page.site for page in pages)
    lines = []
    for page in pages:
        line = f"__label__{page.label} {' '.join(token for token in page.tokens if token in vocabulary)}"
        times = max(1, min(8, round(EVEN_PAGES / count[page.site])))
        lines += [(stable_hash(f"{time}/{page.url}"), line) for time in range(times)]
    return [line for _, line in sorted(lines)]


def train_fasttext(pages: Sequence[KnownPage], settings: Mapping[str, Any], folder: Path) -> FastText:
    """Train fastText with one thread, so that the same pages give the same model.

    Args:
        pages: training pages.
        settings: fastText's own names: epoch, lr, dim, wordNgrams, minn, maxn, bucket.
        folder: where `pages.txt`, `pages.bin` and `pages.tokens.json` are written.
    """
    import fasttext

    vocabulary = common_tokens(pages)
    write_text(folder / "pages.txt", "\n".join(lines_of(pages, vocabulary)) + "\n")
    model = fasttext.train_supervised(
        input=str(folder / "pages.txt"), thread=1, seed=1, verbose=0, minCount=2, **settings
    )
    with replacing(folder / "pages.bin") as partial:
        model.save_model(str(partial))
    write_text(folder / "pages.tokens.json", json.dumps(sorted(vocabulary), ensure_ascii=False) + "\n")
    return FastText(model, vocabulary)
