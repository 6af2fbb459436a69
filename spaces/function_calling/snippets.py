"""A request as code to copy: Python, curl, and the calls as OpenAI's `tool_calls`."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Sequence
from typing import Any

from validation import Tool, unportable


def own_address() -> str:
    """Where this Space answers: its name on the Hub, or the port on this machine."""
    if host := os.environ.get("SPACE_HOST"):
        return f"https://{host}"
    return f"http://127.0.0.1:{os.environ.get('GRADIO_SERVER_PORT', '7860')}"


def python_code(request: str, tools: Sequence[Tool], address: str) -> str:
    """A program that asks the running Space with gradio_client."""
    functions = json.dumps([tool["function"] for tool in tools])
    return (
        "from gradio_client import Client\n\n"
        f"tools = {functions!r}\n"
        f"client = Client({address!r})\n"
        f'result = client.predict(request={request!r}, tools=tools, api_name="/call")\n'
        'print(result["calls"])\n'
    )


def curl_command(request: str, tools: Sequence[Tool], address: str) -> str:
    """Two curl calls: one that asks, one that reads the reply of its event."""
    body = shlex.quote(
        json.dumps({"data": [request, json.dumps([tool["function"] for tool in tools]), "free", "trained"]})
    )
    url = f"{address}/gradio_api/call/call"
    return (
        f"EVENT=$(curl -s {url} -H 'Content-Type: application/json' \\\n  -d {body} \\\n"
        f'  | sed \'s/.*"event_id": *"\\([^"]*\\)".*/\\1/\')\n'
        f"curl -sN {url}/$EVENT\n"
    )


def openai_tool_calls(calls: Sequence[Any]) -> str:
    """The calls as the `tool_calls` of an assistant message; arguments are JSON text, as OpenAI has it."""
    rows = [
        {
            "id": f"call_{number}",
            "type": "function",
            "function": {
                "name": call.name,
                "arguments": json.dumps({} if unportable(call.arguments) else call.arguments),
            },
        }
        for number, call in enumerate(calls, 1)
    ]
    return json.dumps(rows, indent=1)
