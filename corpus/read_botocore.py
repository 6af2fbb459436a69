"""APIs of Amazon Web Services, from the service models that the botocore wheel carries."""

from __future__ import annotations

import gzip
import re
import zipfile
import zlib
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from corpus.api import Api
from corpus.botocore_shapes import schema_of
from corpus.bounded_files import json_problem, zip_member
from corpus.plain_text import plain_text, shortened, snake_case
from corpus.read_apis import ApiReader, MalformedDocument

MODEL = re.compile(r"botocore/data/([^/]+)/([^/]+)/service-2\.json\.gz")
LONGEST_DOCUMENT = 64 << 20
"""Most bytes a model may unpack to."""
LONGEST_DESCRIPTION = 2000


class BotocoreModels:
    """The latest service model of every service in a botocore wheel."""

    def __init__(self, wheel: Path) -> None:
        """`wheel`: the zip file."""
        self.wheel = wheel

    def __getstate__(self) -> dict[str, Any]:
        return {"wheel": self.wheel}

    @cached_property
    def archive(self) -> zipfile.ZipFile:
        """The open wheel; each process opens its own."""
        return zipfile.ZipFile(self.wheel)

    @cached_property
    def versions(self) -> dict[str, str]:
        """Latest version of every service, by service name."""
        latest: dict[str, str] = {}
        for name in self.archive.namelist():
            if found := MODEL.fullmatch(name):
                latest[found[1]] = max(latest.get(found[1], ""), found[2])
        return dict(sorted(latest.items()))

    def load(self, service: str) -> dict[str, Any]:
        """The service model. Raises MalformedDocument: bad_gzip, bad_json, bad_encoding, too_large, not_a_model."""
        place = f"botocore/data/{service}/{self.versions[service]}/service-2.json.gz"
        packed = zip_member(self.archive, self.archive.getinfo(place)).read()
        try:
            with gzip.open(_bytes_stream(packed)) as stream:
                text = stream.read(LONGEST_DOCUMENT + 1)
            if len(text) > LONGEST_DOCUMENT:
                raise MalformedDocument("too_large")
            model = orjson.loads(text)
        except (OSError, EOFError, zlib.error):
            raise MalformedDocument("bad_gzip") from None
        except orjson.JSONDecodeError:
            raise MalformedDocument(json_problem(text)) from None
        if not isinstance(model, dict) or not all(isinstance(model.get(k), dict) for k in ("operations", "shapes")):
            raise MalformedDocument("not_a_model")
        return model

    def api(self, service: str, model: dict[str, Any], operation: str) -> Api | None:
        """One operation as an Api; None when it is deprecated. Raises KeyError or TypeError on a broken model."""
        body, shapes = model["operations"][operation], model["shapes"]
        if body.get("deprecated"):
            return None
        name = f"{snake_case(service)}.{snake_case(operation)}"
        metadata = model.get("metadata", {})
        uid = metadata.get("uid") or f"{service}-{self.versions[service]}"
        return Api(
            id=f"botocore/{service}/{name}",
            provider="aws",
            service=service,
            version=self.versions[service],
            name=name,
            description=shortened(plain_text(body.get("documentation") or ""), LONGEST_DESCRIPTION),
            parameters=_structure(shapes, body.get("input"), 4),
            source="botocore",
            license="Apache-2.0",
            url=f"https://docs.aws.amazon.com/goto/WebAPI/{uid}/{operation}",
            returns=_structure(shapes, body.get("output"), 2) if body.get("output") else {},
            errors=tuple(error["shape"] for error in body.get("errors", [])),
        )


class BotocoreReader(ApiReader):
    """One documentation row for each AWS operation."""

    name = "botocore"
    package = "botocore"

    def __init__(self, wheel: Path, folder: Path, limit: int | None, seed: int) -> None:
        """`wheel`: botocore's; the rest as for ApiReader."""
        super().__init__(folder, limit, seed)
        self.models = BotocoreModels(wheel)

    def services(self) -> list[str]:
        """All services of the wheel."""
        return list(self.models.versions)

    def load(self, service: str) -> dict[str, Any]:
        """The service model."""
        return self.models.load(service)

    def operations(self, document: dict[str, Any]) -> list[str]:
        """Operation names as AWS writes them."""
        return list(document["operations"])

    def api(self, service: str, document: dict[str, Any], operation: str) -> Api | None:
        """One operation."""
        return self.models.api(service, document, operation)


def _structure(shapes: dict[str, Any], reference: dict[str, Any] | None, depth: int) -> dict[str, Any]:
    if not reference:
        return {"type": "object", "properties": {}}
    return schema_of(shapes, reference["shape"], depth)


def _bytes_stream(data: bytes) -> Any:
    from io import BytesIO

    return BytesIO(data)
