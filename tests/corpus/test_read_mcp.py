"""MCP reader on results of `tools/list` made here."""

from __future__ import annotations

import json
from pathlib import Path

from corpus.openapi_documents import UNKNOWN
from corpus.read_mcp import McpReader
from tests.corpus.made_documents import counts


def test_mcp_tools(tmp_path: Path) -> None:
    folder = tmp_path / "servers"
    folder.mkdir()
    tool = {
        "name": "read_file",
        "description": "Reads a whole file.",
        "inputSchema": {
            "type": "object", "properties": {"path": {"$ref": "#/$defs/Path"}}, "required": ["path"],
            "$defs": {"Path": {"type": "string", "description": "Where it lies."}},
        },
        "outputSchema": {"type": "object", "properties": {"text": {"type": "string"}}},
        "annotations": {"readOnlyHint": True},
    }  # fmt: skip
    tools = [
        tool,
        tool,
        {"name": "x", "description": "Has no schema here."},
        {**tool, "name": "y", "description": "No"},
    ]
    (folder / "files.json").write_text(json.dumps({"jsonrpc": "2.0", "id": 1, "result": {"tools": tools}}))
    (folder / "error.json").write_text(json.dumps({"jsonrpc": "2.0", "error": {"code": -1}}))
    (folder / "else.json").write_text("{}")
    block = McpReader(folder, "mcp", "MIT", "The authors", tmp_path / "work", None, 1)
    (row,) = block.run()
    api = json.loads((tmp_path / "work/apis/00000.jsonl").read_text())
    assert row.id == "mcp/files/read_file" and api["description"] == "Reads a whole file.\nIt changes nothing."
    assert api["parameters"]["properties"]["path"] == {"type": "string", "description": "Where it lies."}
    assert api["parameters"]["required"] == ["path"] and api["returns"]["properties"]["text"]["type"] == "string"
    assert counts(block) == {
        "rpc_error": 1, "not_tools_list": 1, "duplicate_id": 1, "malformed_tool": 1, "no_description": 1
    }  # fmt: skip
    closed = McpReader(folder, "mcp", UNKNOWN, "", tmp_path / "work", None, 1)
    assert list(closed.apis()) == [] and closed.dropped["licence_unknown"]["count"] == 2
