"""Standard errors and the paired test of the report."""

from __future__ import annotations

import math
from collections.abc import Sequence


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean of a non-empty sequence."""
    return sum(values) / len(values)


def mean_stderr(values: Sequence[float]) -> float:
    """Standard error of the mean, with n - 1 as lm-eval has it: sqrt(p (1 - p) / (n - 1)) for zeros and ones."""
    if len(values) < 2:
        return 0.0
    middle = mean(values)
    return math.sqrt(sum((value - middle) ** 2 for value in values) / (len(values) - 1) / len(values))


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """Two-sided exact McNemar (sign) test on discordant pairs; 1.0 when there are none.

    Under the null hypothesis each discordant pair falls to either side like a fair coin (McNemar 1947, exact form).
    """
    pairs = only_first + only_second
    tail = sum(math.comb(pairs, k) for k in range(min(only_first, only_second) + 1))
    return min(1.0, 2 * tail / 2**pairs)


def normal_two_sided(difference: float, stderr: float) -> float:
    """Two-sided p of a difference that is about normal with this standard error; 1.0 where both are zero."""
    if stderr == 0:
        return 1.0 if difference == 0 else 0.0
    return math.erfc(abs(difference) / stderr / math.sqrt(2))
