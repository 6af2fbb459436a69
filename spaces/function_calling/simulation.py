"""What the gallery's tools do when called: pure Python over a small world in memory, one world a run.

Nothing here touches a file, the network or a process. A tool that is not of the gallery gets a made-up result that
says so, so that a run of several steps goes on with tools a visitor wrote.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Collection
from typing import Any

Result = dict[str, Any]
MAX_EXPRESSION = 200
OPERATIONS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Mod: operator.mod, ast.FloorDiv: operator.floordiv,
}  # fmt: skip
MAX_FACTORIAL = 170
MAX_VALUES = 1_000


class World:
    """The things that tools read and change."""

    def __init__(self) -> None:
        self.queues = {"orders", "orders-2026", "billing"}
        self.functions = {"resize-images": "https://a1b2.lambda-url.example/"}
        self.protection = {"fs-0a1b": "ENABLED"}
        self.archives = {"spring": 1_204, "autumn": 377}
        self.events = {"ev-204": "Team meeting", "ev-205": "Dentist"}
        self.calendars = {"primary": "Ada", "work": "Work", "holidays": "Holidays"}
        self.tasklists = {"groceries": "Groceries"}
        self.meetings = [f"conferenceRecords/{number}" for number in range(1, 9)]
        self.products = {"shoe-11": "Trail running shoes", "sock-20": "Wool socks"}
        self.reviews = ["Quick delivery.", "The shoes fit.", "One sock was missing."]
        self.files = {"a.csv", "notes.txt", "reports/march.pdf"}
        self.revisions = {"report-7": 4, "plan-2": 1}
        self.folders = {("archive", "invoices"): "2026-03-14"}

    def run(self, name: str, arguments: dict[str, Any]) -> Result:
        """The result of a call; a problem is a result with `error`, never an exception."""
        tool = TOOLS.get(name)
        if tool is None:
            return {"simulated": True, "status": "ok"}
        try:
            return tool(self, **arguments)
        except (TypeError, ValueError, KeyError, ArithmeticError, RecursionError, AttributeError) as error:
            return {"error": str(error)[:160]}


def calculate(world: World, expression: str) -> Result:
    """Arithmetic over numbers, read as a syntax tree; names, calls and powers are refused."""
    if len(expression) > MAX_EXPRESSION:
        raise ValueError(f"more than {MAX_EXPRESSION} characters")
    try:
        value = _value(ast.parse(expression.strip(), mode="eval").body)
    except SyntaxError:
        raise ValueError("not arithmetic") from None
    if not math.isfinite(value) or abs(value) > 1e15:
        raise ValueError("too large")
    return {"result": round(value, 6)}


def _value(node: ast.expr) -> float:
    if isinstance(node, ast.Constant) and not isinstance(node.value, bool) and isinstance(node.value, int | float):
        if abs(node.value) > 1e15:
            raise ValueError("too large")
        return float(node.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand)
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATIONS:
        return float(OPERATIONS[type(node.op)](_value(node.left), _value(node.right)))
    raise ValueError("only numbers with + - * / // % and brackets")


def _weather(world: World, city: str, days: int = 1) -> Result:
    mark = sum(map(ord, city))
    return {"city": city, "days": days, "high": 12 + mark % 15, "sky": ("clear", "cloudy", "rain")[mark % 3]}


def _temperature(world: World, value: float, to_unit: str) -> Result:
    kept = float(value) * 9 / 5 + 32 if to_unit == "fahrenheit" else (float(value) - 32) * 5 / 9
    return {"result": round(kept, 1), "unit": to_unit}


def _known(name: str, kind: str, things: Collection[str]) -> str:
    if name not in things:
        raise ValueError(f"there is no {kind} {name[:80]}; there are {', '.join(sorted(things))}")
    return name


def _queue_url(world: World, queue_name: str) -> Result:
    return {"QueueUrl": f"https://sqs.example/000000000000/{_known(queue_name, 'queue', world.queues)}"}


def _function_url(world: World, function_name: str, qualifier: str = "") -> Result:
    url = world.functions[_known(function_name, "function", world.functions)]
    return {"FunctionUrl": url, **({"Qualifier": qualifier} if qualifier else {})}


def _protect(world: World, file_system_id: str, replication_overwrite_protection: str = "ENABLED") -> Result:
    world.protection[_known(file_system_id, "file system", world.protection)] = replication_overwrite_protection
    return {"ReplicationOverwriteProtection": replication_overwrite_protection}


def _describe_archive(world: World, archive_name: str) -> Result:
    return {"EventCount": world.archives[_known(archive_name, "archive", world.archives)], "State": "ENABLED"}


def _delete_event(world: World, calendar_id: str, event_id: str, send_updates: str = "none") -> Result:
    _known(calendar_id, "calendar", world.calendars)
    return {"deleted": world.events.pop(_known(event_id, "event", world.events)), "sendUpdates": send_updates}


def _get_calendar(world: World, calendar_id: str) -> Result:
    return {"id": calendar_id, "summary": world.calendars[_known(calendar_id, "calendar", world.calendars)]}


def _patch_tasklist(world: World, tasklist: str, title: str = "") -> Result:
    world.tasklists[_known(tasklist, "task list", world.tasklists)] = title or world.tasklists[tasklist]
    return {"id": tasklist, "title": world.tasklists[tasklist]}


def _list_meetings(world: World, filter: str = "", page_size: int = 25) -> Result:
    return {"conferenceRecords": [{"name": name} for name in world.meetings[: max(0, page_size)]]}


def _get_product(world: World, parent: str, name: str) -> Result:
    return {"parent": parent, "name": name, "title": world.products[_known(name, "product", world.products)]}


def _list_reviews(world: World, parent: str, page_size: int = 50) -> Result:
    return {"merchantReviews": [{"content": review} for review in world.reviews[: max(0, page_size)]]}


def _search_reports(world: World, parent: str, query: str = "", page_size: int = 1000) -> Result:
    words = query.lower().split()
    found = [title for title in world.products.values() if not words or any(word in title.lower() for word in words)]
    return {"results": [{"title": title} for title in found[: max(0, page_size)]]}


def _copy_files(world: World, source: str, destination: str, use_threads: bool = True) -> Result:
    _known(source, "file", world.files)
    world.files.add(destination)
    return {"copied": source, "to": destination}


def _list_revisions(world: World, file_id: str, page_size: int = 200) -> Result:
    count = world.revisions[_known(file_id, "file", world.revisions)]
    return {"revisions": [{"id": str(number)} for number in range(1, min(count, page_size) + 1)]}


def _get_folder(world: World, bucket: str, folder: str) -> Result:
    if (bucket, folder) not in world.folders:
        raise ValueError(f"there is no folder {folder[:80]} in bucket {bucket[:80]}")
    return {"bucket": bucket, "name": folder, "createTime": world.folders[bucket, folder]}


def _list_directory(world: World, path: str) -> Result:
    place = path.strip("/.")
    return {"names": sorted(file for file in world.files if not place or file.startswith(f"{place}/"))}


def _factorial(world: World, n: float) -> Result:
    if n != int(n) or not 0 <= n <= MAX_FACTORIAL:
        raise ValueError(f"a whole number from 0 to {MAX_FACTORIAL}")
    return {"result": float(math.factorial(int(n)))}


def _minkowski(world: World, x: list[float], y: list[float], p: float = 2.0) -> Result:
    if len(x) != len(y) or not 0 < len(x) <= MAX_VALUES or p < 1:
        raise ValueError(f"two lists of the same length, up to {MAX_VALUES} numbers, and p from 1 on")
    return {"result": round(sum(abs(a - b) ** p for a, b in zip(x, y, strict=True)) ** (1 / p), 6)}


def _sum(world: World, values: list[float]) -> Result:
    return {"result": math.fsum(values[:MAX_VALUES])}


def _quadratic_residue(world: World, a: int, p: int) -> Result:
    if not 0 < p <= MAX_VALUES:
        raise ValueError(f"p from 1 to {MAX_VALUES}")
    return {"result": a % p in {number * number % p for number in range(p)}}


TOOLS: dict[str, Callable[..., Result]] = {
    "calculate": calculate, "get_weather": _weather, "convert_temperature": _temperature,
    "get_queue_url": _queue_url, "get_function_url_config": _function_url,
    "update_file_system_protection": _protect,
    "describe_archive": _describe_archive, "calendar_events_delete": _delete_event,
    "calendar_calendars_get": _get_calendar, "tasks_tasklists_patch": _patch_tasklist,
    "meet_conference_records_list": _list_meetings, "accounts_products_get": _get_product,
    "accounts_merchant_reviews_list": _list_reviews, "accounts_reports_search": _search_reports,
    "copy_files": _copy_files, "drive_revisions_list": _list_revisions, "storage_folders_get": _get_folder,
    "xlistdir": _list_directory, "factorial": _factorial, "minkowski_distance": _minkowski, "nansum": _sum,
    "is_quad_residue": _quadratic_residue,
}  # fmt: skip
"""Each with the parameters that the gallery shows of it."""
