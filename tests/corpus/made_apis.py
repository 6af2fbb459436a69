"""Made-up APIs of clouds whose operations belong together, for the simulator and its sessions."""

from __future__ import annotations

from typing import Any

from corpus.api import Api

TEXT: dict[str, Any] = {"type": "string"}


def thing(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, **({"required": list(required)} if required else {})}


def api(name: str, parameters: Any, returns: Any, errors: tuple[str, ...] = (), provider: str = "aws") -> Api:
    source = {"aws": "botocore", "google": "google-api-python-client"}[provider]
    return Api(
        id=f"{source}/{name}",
        provider=provider,
        service=name.split(".")[0],
        version="1",
        name=name,
        description=f"Does {name} for real.",
        parameters=parameters,
        source=source,
        license="Apache-2.0",
        url="https://example.com",
        returns=returns,
        errors=errors,
    )
