"""The one record type for an API operation, whatever its source."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Api:
    """An operation a model can call."""

    id: str
    """`<source>/<service>/<name>`; versions of one operation share it."""
    provider: str
    """Who runs it, for example `aws` or `google`; of a Python function, the distribution it comes in."""
    service: str
    version: str
    name: str
    """Name as a caller writes it, for example `s3.create_bucket`."""
    description: str
    """Plain text, markup removed."""
    parameters: dict[str, Any]
    """JSON Schema of type object."""
    source: str
    """Package the documentation was read from."""
    license: str
    """SPDX identifier."""
    url: str
    returns: dict[str, Any] = field(default_factory=dict)
    """JSON Schema of the result; empty when it returns nothing."""
    errors: tuple[str, ...] = ()
    examples: tuple[dict[str, Any], ...] = ()
    attribution: str = ""
    """Whom a row of it names; empty where all APIs of the provider share one."""

    def tool(self) -> dict[str, Any]:
        """The function in the OpenAI tool shape."""
        function = {"name": self.name, "description": self.description, "parameters": self.parameters}
        return {"type": "function", "function": function}
