"""BFCL's own answer checker, imported from the bfcl-eval wheel without installing it."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from functools import cache
from typing import Any

from records.assets import asset

MODEL = "any"
"""The checker asks each model's registry entry one thing: whether it writes `_` for `.` in names. Ours keeps dots."""

LANGUAGES = {"simple_java": "JAVA", "simple_javascript": "JAVASCRIPT"}


class _KeepsDots(dict[str, Any]):
    def __missing__(self, name: str) -> Any:
        return types.SimpleNamespace(underscore_to_dot=False)


def wheel_on_path() -> None:
    """Make `bfcl_eval` importable from the wheel.

    `bfcl_eval.constants.model_config` imports the client of every vendor; a stub with the one mapping that the
    checkers read stands in for it.

    Raises:
        UserError: the wheel is missing or altered.
    """
    stub = types.ModuleType("bfcl_eval.constants.model_config")
    stub.MODEL_CONFIG_MAPPING = _KeepsDots()  # type: ignore[attr-defined]
    sys.modules.setdefault(stub.__name__, stub)
    wheel = str(asset("bfcl-eval").path)
    if wheel not in sys.path:
        sys.path.append(wheel)


@cache
def checker() -> Callable[..., dict[str, Any]]:
    """bfcl_eval's `ast_checker`, straight from the wheel.

    Raises:
        UserError: the wheel is missing or altered.
    """
    wheel_on_path()
    from bfcl_eval.eval_checker.ast_eval.ast_checker import ast_checker  # type: ignore[import-not-found]

    return ast_checker  # type: ignore[no-any-return]


def check(
    functions: list[dict[str, Any]], calls: list[dict[str, dict[str, Any]]], gold: list[dict[str, Any]], category: str
) -> dict[str, Any]:
    """The official verdict on decoded calls `[{name: arguments}]`: `{valid, error, error_type}`.

    The checker raises what its code happens to raise on values it did not foresee; see `scoring.CHECKER_ERRORS`.
    """
    from_wheel = checker()
    from bfcl_eval.constants.enums import Language  # type: ignore[import-not-found]

    language = Language[LANGUAGES.get(category, "PYTHON")]
    return from_wheel(functions, calls, gold, language, category, MODEL)
