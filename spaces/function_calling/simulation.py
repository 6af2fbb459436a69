"""What the gallery's tools do when called: pure Python over a small world in memory, one world a run.

Nothing here touches a file, the network or a process. A tool that is not of the gallery gets a made-up result that
says so, so that a run of several steps goes on with tools a visitor wrote.
"""

from __future__ import annotations

import ast
import fnmatch
import math
import operator
from collections.abc import Callable
from typing import Any

Result = dict[str, Any]
MAX_EXPRESSION = 200
OPERATIONS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Mod: operator.mod, ast.FloorDiv: operator.floordiv,
}  # fmt: skip
METRES = {"m": 1.0, "km": 1000.0, "mile": 1609.344, "foot": 0.3048}


class World:
    """The things that tools read and change."""

    def __init__(self) -> None:
        self.events = {"ev-204": {"title": "Team meeting", "date": "2026-03-14", "start": "10:00"}}
        self.servers = {"srv-1": "running", "srv-7": "running"}
        self.buckets: dict[str, str] = {}
        self.products: dict[str, dict[str, Any]] = {
            "p-11": {"name": "trail running shoes", "price": 74.9, "rating": 4.6},
            "p-12": {"name": "road running shoes", "price": 119.0, "rating": 4.8},
            "p-20": {"name": "wool socks", "price": 12.5, "rating": 4.2},
        }
        self.cart: dict[str, int] = {}
        self.orders = {"A-1042": {"status": "on its way", "arrives": "2026-03-16"}}
        self.files = {"notes.txt", "a.csv", "b.csv", "reports/march.pdf"}
        self.table: list[dict[str, Any]] = [
            {"city": "Lisbon", "sales": 120}, {"city": "Oslo", "sales": 80}, {"city": "Rome", "sales": 200},
        ]  # fmt: skip

    def run(self, name: str, arguments: dict[str, Any]) -> Result:
        """The result of a call; a problem is a result with `error`, never an exception."""
        tool = TOOLS.get(name)
        if tool is None:
            return {"simulated": True, "status": "ok"}
        try:
            return tool(self, **arguments)
        except (TypeError, ValueError, KeyError, ArithmeticError, RecursionError, AttributeError) as error:
            return {"error": f"{type(error).__name__}: {str(error)[:120]}"}


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


def _length(world: World, value: float, from_unit: str, to_unit: str) -> Result:
    return {"result": round(float(value) * METRES[from_unit] / METRES[to_unit], 3), "unit": to_unit}


def _temperature(world: World, value: float, to_unit: str) -> Result:
    kept = float(value) * 9 / 5 + 32 if to_unit == "fahrenheit" else (float(value) - 32) * 5 / 9
    return {"result": round(kept, 1), "unit": to_unit}


def _create_event(world: World, title: str, date: str, **more: Any) -> Result:
    key = f"ev-{300 + len(world.events)}"
    world.events[key] = {"title": title, "date": date, "start": str(more.get("start", ""))}
    return {"event_id": key, "status": "created"}


def _list_events(world: World, date: str) -> Result:
    return {"events": [{"event_id": key, **event} for key, event in world.events.items() if event["date"] == date]}


def _cancel_event(world: World, event_id: str, notify: bool = False) -> Result:
    return {"cancelled": world.events.pop(event_id)["title"], "notified": notify}


def _create_bucket(world: World, name: str, region: str, public: bool = False) -> Result:
    world.buckets[name] = region
    return {"bucket": name, "region": region, "public": public}


def _start_server(world: World, image: str, size: str, count: int = 1) -> Result:
    started = [f"srv-{20 + len(world.servers) + number}" for number in range(min(int(count), 10))]
    world.servers |= dict.fromkeys(started, "running")
    return {"servers": started, "image": image, "size": size}


def _stop_server(world: World, server_id: str, force: bool = False) -> Result:
    if server_id not in world.servers:
        raise ValueError(f"no server {server_id}")
    world.servers[server_id] = "stopped"
    return {"server_id": server_id, "status": "stopped"}


def _bill(world: World, month: str) -> Result:
    return {"month": month, "total": 41.2, "currency": "EUR"}


def _search_products(world: World, query: str, max_price: float = math.inf, sort: str = "price") -> Result:
    words = query.lower().split()
    rows = [{"product_id": key, **one} for key, one in world.products.items() if one["price"] <= max_price]
    rows = [row for row in rows if any(word in str(row["name"]) for word in words)]
    key = "rating" if sort == "rating" else "price"
    return {"products": sorted(rows, key=lambda row: float(row[key]), reverse=key == "rating")}


def _add_to_cart(world: World, product_id: str, quantity: int = 1) -> Result:
    name = world.products[product_id]["name"]
    world.cart[product_id] = world.cart.get(product_id, 0) + int(quantity)
    return {"added": name, "quantity": world.cart[product_id]}


def _track_order(world: World, order_id: str) -> Result:
    return {"order_id": order_id, **world.orders[order_id]}


def _find_files(world: World, name: str, folder: str = "") -> Result:
    found = [file for file in sorted(world.files) if fnmatch.fnmatch(file, f"*{name[:80]}*")]
    return {"files": [file for file in found if file.startswith(folder.strip("/"))]}


def _move_file(world: World, source: str, target: str, overwrite: bool = False) -> Result:
    if target in world.files and not overwrite:
        raise ValueError(f"{target} is there already")
    world.files.remove(source)
    world.files.add(target)
    return {"moved": source, "to": target}


def _compress(world: World, paths: list[str], archive: str, format: str = "zip") -> Result:
    missing = [path for path in paths if path not in world.files]
    if missing:
        raise ValueError(f"no file {missing[0]}")
    world.files.add(archive)
    return {"archive": archive, "files": len(paths), "format": format}


def _aggregate(world: World, column: str, function: str) -> Result:
    values = [float(row[column]) for row in world.table]
    found = {"sum": sum(values), "mean": sum(values) / len(values), "max": max(values), "min": min(values)}
    return {"column": column, function: found[function]}


def _filter_rows(world: World, column: str, value: Any) -> Result:
    return {"rows": [row for row in world.table if str(row[column]) == str(value)]}


TOOLS: dict[str, Callable[..., Result]] = {
    "calculate": calculate, "get_weather": _weather, "convert_length": _length, "convert_temperature": _temperature,
    "create_event": _create_event, "list_events": _list_events, "cancel_event": _cancel_event,
    "create_bucket": _create_bucket, "start_server": _start_server, "stop_server": _stop_server, "get_bill": _bill,
    "search_products": _search_products, "add_to_cart": _add_to_cart, "track_order": _track_order,
    "find_files": _find_files, "move_file": _move_file, "compress": _compress,
    "aggregate": _aggregate, "filter_rows": _filter_rows,
}  # fmt: skip
