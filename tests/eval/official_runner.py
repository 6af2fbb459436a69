"""Functions of bfcl_eval's runner and score table, read from the wheel's source: its modules need its own pins."""

from __future__ import annotations

import ast
import json
import zipfile
from functools import cache
from typing import Any

from eval.tasks.bfcl.multi_turn_execution import executor
from eval.tasks.bfcl.official import checker
from records.assets import asset
from records.calls import parse_calls


def functions(file: str, wanted: set[str], **names: Any) -> dict[str, Any]:
    """The named functions of a file of the wheel, compiled with `names` as their globals."""
    with zipfile.ZipFile(asset("bfcl-eval").path) as wheel:
        tree = ast.parse(wheel.read(file))
    tree.body = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in wanted]
    tree.body.insert(0, ast.parse("from __future__ import annotations").body[0])
    exec(compile(tree, file, "exec"), names)
    return names


class Handler:
    """What bfcl_eval calls a model handler: decodes answers in this project's format."""

    def __init__(self) -> None:
        self.to_calls = functions("bfcl_eval/model_handler/utils.py", {"convert_to_function_call"}, json=json)

    def decode_ast(self, answer: str, language: Any = None, has_tool_call_tag: bool = False) -> Any:
        parsed = parse_calls(answer)
        if parsed.problem:
            raise ValueError(parsed.problem)
        return [{call.name: call.arguments} for call in parsed.calls]

    def decode_execute(self, answer: str, has_tool_call_tag: bool = False) -> Any:
        return self.to_calls["convert_to_function_call"](self.decode_ast(answer))


@cache
def runner() -> dict[str, Any]:
    """The functions of eval_runner.py that judge one entry."""
    ast_checker = checker()
    executor()
    from bfcl_eval.constants.enums import Language, ReturnFormat
    from bfcl_eval.eval_checker.multi_turn_eval.multi_turn_checker import multi_turn_checker
    from bfcl_eval.eval_checker.multi_turn_eval.multi_turn_utils import is_empty_execute_response

    utils = functions("bfcl_eval/utils.py", {"is_function_calling_format_output", "is_empty_output"})
    wanted = {f"_evaluate_single_{kind}_entry" for kind in ("ast", "relevance", "multi_turn")}
    return functions(
        "bfcl_eval/eval_checker/eval_runner.py",
        wanted,
        **{name: utils[name] for name in ("is_function_calling_format_output", "is_empty_output")},
        ast_checker=ast_checker,
        multi_turn_checker=multi_turn_checker,
        is_empty_execute_response=is_empty_execute_response,
        Language=Language,
        ReturnFormat=ReturnFormat,
    )


@cache
def averages() -> dict[str, Any]:
    """`calculate_weighted_accuracy` and `calculate_unweighted_accuracy` of the score table."""
    wanted = {"calculate_weighted_accuracy", "calculate_unweighted_accuracy"}
    return functions("bfcl_eval/eval_checker/eval_runner_helper.py", wanted)
