"""Gold actions of tau2's tasks, run in tau2's own environments. Only `replay_child` runs this, confined."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from corpus.replay_guard import stand_in

DOMAINS = ("airline", "retail", "telecom")


def play_tau2(folder: Path, splits: frozenset[str]) -> Iterator[dict[str, Any]]:
    """Every task of every domain, as `replay_child.PLAYERS` says.

    A telecom task is played as its ticket tells it, by an agent that has the user's tools as well (tau2's solo mode).
    """
    # tau2 reads a .env file, and asks for differences of databases, neither of which a replay needs.
    stand_in("dotenv", load_dotenv=lambda *_, **__: True)
    stand_in("deepdiff", DeepDiff=dict)
    import_module("loguru").logger.remove()
    for domain in DOMAINS:
        environments = import_module(f"tau2.domains.{domain}.environment")
        data = folder / "tau2" / "data" / "tau2" / "domains" / domain
        listed = json.loads((data / "split_tasks.json").read_text(encoding="utf-8"))
        split_of = {task: name for name in ("test", "train") for task in listed[name]}
        # Pickled, because a deep copy of a database takes ten times as long.
        databases = {name: pickle.dumps(database) for name, database in _databases(domain).items()}
        yield {"domain": domain, "tools": _tools(environments.get_environment(**_copies(databases)), domain)}
        for task in json.loads((data / "tasks.json").read_text(encoding="utf-8")):
            split = split_of.get(task["id"], "rest")
            wanted = split in splits
            played = _play(environments, domain, databases, task) if wanted else {"problem": "other_split"}
            yield {"id": f"{domain}/{task['id']}", "split": split, "domain": domain, **played}


def _databases(domain: str) -> dict[str, Any]:
    """The domain's databases as `get_environment` takes them, parsed once."""
    models, places = (import_module(f"tau2.domains.{domain}.{part}") for part in ("data_model", "utils"))
    if domain == "telecom":
        users = import_module("tau2.domains.telecom.user_data_model")
        return {
            "db": models.TelecomDB.load(places.TELECOM_DB_PATH),
            "user_db": users.TelecomUserDB.load(places.TELECOM_USER_DB_PATH),
        }
    if domain == "airline":
        return {"db": models.FlightDB.load(places.AIRLINE_DB_PATH)}
    return {"db": models.RetailDB.load(places.RETAIL_DB_PATH)}


def _copies(databases: dict[str, bytes]) -> dict[str, Any]:
    return {name: pickle.loads(database) for name, database in databases.items()}


def _play(environments: Any, domain: str, databases: dict[str, bytes], task: dict[str, Any]) -> dict[str, Any]:
    """One task: what was asked, each gold call with what the environment answered, and why it does not count."""
    solo = domain == "telecom"
    environment = environments.get_environment(**_copies(databases), solo_mode=solo)
    asked = task.get("ticket") if solo else task["user_scenario"]["instructions"]
    criteria = task["evaluation_criteria"] or {}
    result: dict[str, Any] = {"request": asked, "steps": [], "problem": None}
    result["answer"] = criteria.get("communicate_info") or []
    try:
        _prepare(environment, task.get("initial_state") or {})
        for action in criteria.get("actions") or []:
            answer = environment.get_response(_call(action, "assistant"))
            step = {"name": action["name"], "arguments": action["arguments"], "observation": answer.content}
            result["steps"].append(step)
            if answer.error:
                return {**result, "problem": "gold_call_fails"}
        if not all(_holds(environment, item) for item in criteria.get("env_assertions") or []):
            return {**result, "problem": "assertion_not_met"}
    except (AssertionError, AttributeError, KeyError, TypeError, ValueError) as error:
        return {**result, "problem": "environment_error", "detail": f"{type(error).__name__}: {error}"[:200]}
    return result


def _tools(environment: Any, domain: str) -> list[dict[str, Any]]:
    found = environment.get_tools() + (environment.get_user_tools() if domain == "telecom" else [])
    return [tool.openai_schema for tool in found]


def _prepare(environment: Any, state: dict[str, Any]) -> None:
    """Bring an environment to where a task begins."""
    tasks = import_module("tau2.data_model.tasks")
    first = state.get("initialization_data")
    actions = [tasks.EnvFunctionCall.model_validate(item) for item in state.get("initialization_actions") or []]
    environment.set_state(
        initialization_data=tasks.InitializationData.model_validate(first) if first else None,
        initialization_actions=actions,
        message_history=[],
    )


def _call(action: dict[str, Any], requestor: str) -> Any:
    messages = import_module("tau2.data_model.message")
    return messages.ToolCall(
        id=action["action_id"], name=action["name"], arguments=action["arguments"], requestor=requestor
    )


def _holds(environment: Any, assertion: dict[str, Any]) -> bool:
    tasks = import_module("tau2.data_model.tasks")
    checked = tasks.EnvAssertion.model_validate(assertion)
    return bool(environment.run_env_assertion(checked, raise_assertion_error=False))
