"""Calls on BFCL's simulated classes, by BFCL's own executor, without evaluating anything as Python.

The official executor takes calls as text and hands them to `eval`. Here it keeps its code but finds another `eval`: one
that parses the text, accepts a call of a method on one of the executor's instances with literal arguments, and
makes that call. Text of any other form raises, which the executor turns into an error message as it always does.
"""

from __future__ import annotations

import ast
import itertools
import keyword
import math
from functools import cache
from typing import Any

from eval.tasks.bfcl.official import wheel_on_path
from records.calls import Call

MOST_NESTING = 40
"""Deepest nesting of an argument; deeper values are refused, as Python's parser stops at about 90 brackets."""
MOST_CHARACTERS = 20_000
REFUSED = "refused_call()"
"""Stands for a call that is not executed: an error for the executor, and never a match of the gold calls."""

_numbers = itertools.count()


@cache
def executor() -> Any:
    """The module `bfcl_eval.eval_checker.multi_turn_eval.multi_turn_utils` with `eval` replaced.

    Raises:
        UserError: the wheel is missing or altered.
    """
    wheel_on_path()
    from bfcl_eval.eval_checker.multi_turn_eval import multi_turn_utils  # type: ignore[import-not-found]

    multi_turn_utils.eval = lambda text: call_literally(text, vars(multi_turn_utils))
    return multi_turn_utils


def call_literally(text: str, names: dict[str, Any]) -> Any:
    """Make the call that a text spells, nothing else.

    Args:
        text: `instance.method(literal, name=literal, …)`.
        names: where the instance is looked up; only names that end in `_instance` are.

    Raises:
        NameError, ValueError, SyntaxError: the text is anything else.
    """
    tree = ast.parse(text, mode="eval").body
    if not isinstance(tree, ast.Call):
        raise ValueError("not a call")
    target = tree.func
    if isinstance(target, ast.Name):
        raise NameError(f"name '{target.id}' is not defined")
    if not isinstance(target, ast.Attribute) or not isinstance(target.value, ast.Name):
        raise ValueError("not a call of a method of an instance")
    instance, method = target.value.id, target.attr
    if not instance.endswith("_instance") or instance not in names or method.startswith("_"):
        raise NameError(f"name '{instance}' is not defined")
    arguments = [ast.literal_eval(argument) for argument in tree.args]
    keywords = {}
    for part in tree.keywords:
        if part.arg is None:
            raise ValueError("** is not allowed")
        keywords[part.arg] = ast.literal_eval(part.value)
    return getattr(names[instance], method)(*arguments, **keywords)


def as_text(call: Call) -> str:
    """A call as the executor wants it, written as bfcl_eval writes calls of function-calling models; or REFUSED.

    Only names that are identifiers and values that JSON can hold become part of the text, the values as `repr` writes
    literals.
    """
    if not all(map(_is_name, (call.name, *call.arguments))) or not is_plain(call.arguments):
        return REFUSED
    text = f"{call.name}({','.join(f'{name}={value!r}' for name, value in call.arguments.items())})"
    return text if len(text) <= MOST_CHARACTERS else REFUSED


def _is_name(text: str) -> bool:
    return text.isascii() and text.isidentifier() and not keyword.iskeyword(text)


def is_plain(value: Any, depth: int = 0) -> bool:
    """Whether a value is finite JSON of modest depth, without halves of surrogate pairs and with short integers."""
    if depth > MOST_NESTING:
        return False
    if isinstance(value, dict):
        return all(is_plain(key, depth + 1) and is_plain(part, depth + 1) for key, part in value.items())
    if isinstance(value, list):
        return all(is_plain(part, depth + 1) for part in value)
    if isinstance(value, str):
        return not any("\ud800" <= character <= "\udfff" for character in value)
    if isinstance(value, float):
        return math.isfinite(value)
    return not isinstance(value, int) or abs(value) < 10**100


class Environment:
    """The simulated classes of one conversation. `close` forgets them: the executor keeps instances as globals."""

    def __init__(self, raw: dict[str, Any], long_context: bool) -> None:
        self.raw, self.long_context = raw, long_context
        self.name = f"episode{next(_numbers)}x"
        self.execute([])

    def execute(self, calls: list[str]) -> list[str]:
        """Results of calls, in order; an error is a result, too."""
        results, _ = executor().execute_multi_turn_func_call(
            calls,
            self.raw["initial_config"],
            self.raw["involved_classes"],
            self.name,
            self.raw["id"],
            long_context=self.long_context,
            is_evaL_run=False,
        )
        return list(results)

    def close(self) -> None:
        """Forget the instances."""
        forget(self.name)


def fresh_name() -> str:
    """A name under which the executor has no instances yet."""
    return f"judge{next(_numbers)}x"


def forget(name: str) -> None:
    """Drop the executor's instances of one name."""
    space = vars(executor())
    for key in [key for key in space if key.startswith(f"{name}_") and key.endswith("_instance")]:
        del space[key]
