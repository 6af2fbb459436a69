"""An OpenAPI document made here, and readers of such documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from corpus.read_openapi import OpenApiReader

MIT = {"name": "MIT", "url": "https://opensource.org/licenses/MIT"}
BOX = {
    "type": "object",
    "required": ["label", "id", "shelfId"],
    "properties": {
        "label": {"type": "string", "maxLength": 9, "description": "What is <b>written</b> on it."},
        "id": {"type": "string", "readOnly": True},
        "size": {"type": ["null", "integer"], "format": "int32", "minimum": 1.0},
        "inside": {"type": "array", "items": {"$ref": "#/components/schemas/Box"}},
    },
}
PUT = {
    "operationId": "putBox",
    "summary": "Puts a box on a shelf.",
    "parameters": [
        {"name": "X-Trace", "in": "header", "schema": {"type": "string", "format": "uuid"}},
        {"name": "Authorization", "in": "header", "schema": {"type": "string"}},
        {"name": "dryRun", "in": "query", "required": True, "schema": {"type": "boolean"}},
    ],
    "requestBody": {
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Box"}, "example": {"label": "toys"}}}
    },
    "responses": {
        "201": {
            "description": "Put.",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Box"}}},
        },
        "404": {"$ref": "#/components/responses/Gone"},
    },
}


def document(**paths: Any) -> dict[str, Any]:
    shelf = {"name": "shelfId", "in": "path", "required": True, "schema": {"type": "string"}}
    return {
        "openapi": "3.0.3",
        "info": {"title": "Shelves", "version": "2", "license": MIT},
        "servers": [{"url": "https://api.shelves.example"}],
        "paths": paths or {"/shelves/{shelfId}/boxes": {"parameters": [shelf], "post": PUT}},
        "components": {"schemas": {"Box": BOX}, "responses": {"Gone": {"description": "The shelf is gone."}}},
    }


def reader(source: Path, tmp_path: Path, limit: int | None = None, **options: Any) -> OpenApiReader:
    return OpenApiReader(source, "made", tmp_path / "work", limit, 1, **options)


def counts(block: Any) -> dict[str, int]:
    return {reason: found["count"] for reason, found in block.dropped.items()}
