"""Ground-truth calls of AgentDojo's user tasks, run in its own environments. Only `replay_child` runs this."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from corpus.replay_guard import stand_in

VERSION = "v1.2.2"


def play_agentdojo(folder: Path, splits: frozenset[str]) -> Iterator[dict[str, Any]]:
    """Every user task of every suite without any injection, as `replay_child.PLAYERS` says.

    A task counts where AgentDojo's own check of its outcome holds after the calls.
    """
    # The package's own __init__ imports the clients of every vendor of models.
    stand_in("agentdojo.agent_pipeline", folder / "agentdojo" / "agent_pipeline")
    stand_in("agentdojo.agent_pipeline.llms", folder / "agentdojo" / "agent_pipeline" / "llms")
    stand_in("agentdojo.agent_pipeline.llms.google_llm", EMPTY_FUNCTION_NAME="<empty-function-name>")
    suites = import_module("agentdojo.task_suite.load_suites").get_suites(VERSION)
    for name, suite in sorted(suites.items()):
        yield {"domain": name, "tools": [_tool(function) for function in suite.tools]}
        for task_id, task in sorted(suite.user_tasks.items()):
            # Every task is one of the benchmark: it has no part for training.
            played = _play(suite, task) if "test" in splits else {"problem": "other_split"}
            yield {"id": f"{name}/{task_id}", "split": "test", "domain": name, **played}


def _tool(function: Any) -> dict[str, Any]:
    schema = function.parameters.model_json_schema()
    inner = {"name": function.name, "description": function.description, "parameters": schema}
    return {"type": "function", "function": inner}


def _play(suite: Any, task: Any) -> dict[str, Any]:
    """One task: what was asked, each call with what its tool gave, the final answer, and why it does not count."""
    runtimes = import_module("agentdojo.functions_runtime")
    as_text = import_module("agentdojo.agent_pipeline.tool_execution").tool_result_to_str
    result: dict[str, Any] = {"request": task.PROMPT, "steps": [], "answer": [task.GROUND_TRUTH_OUTPUT or ""]}
    try:
        environment = task.init_environment(suite.load_and_inject_default_environment({}))
        before = environment.model_copy(deep=True)
        runtime = runtimes.FunctionsRuntime(suite.tools)
        calls = task.ground_truth(copy.deepcopy(before))
        for call in calls:
            if any(isinstance(value, runtimes.FunctionCall) for value in call.args.values()):
                return {**result, "problem": "nested_call"}
            given, _ = runtime.run_function(environment, call.function, call.args, raise_on_error=True)
            result["steps"].append({"name": call.function, "arguments": dict(call.args), "observation": as_text(given)})
        output = task.GROUND_TRUTH_OUTPUT or ""
        met = task.utility_from_traces(output, before, environment, calls)
        if met is None:
            met = task.utility(output, before, environment, strict=True)
    # The tools raise whatever fits their case; a task that raises is none to learn from.
    except Exception as error:
        return {**result, "problem": "gold_call_fails", "detail": f"{type(error).__name__}: {error}"[:200]}
    return {**result, "problem": None if met else "outcome_not_met"}
