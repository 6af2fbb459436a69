"""APIs of Google, from the discovery documents that the google-api-python-client wheel carries."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from corpus.api import Api
from corpus.bounded_files import json_problem, zip_member
from corpus.discovery_schemas import properties_of
from corpus.plain_text import plain_text, shortened, snake_case
from corpus.read_apis import ApiReader, MalformedDocument

FOLDER = "googleapiclient/discovery_cache/documents/"
VERSION = re.compile(r"(?:(?P<part>\w+?)_)?v(?P<major>\d+)(?P<rest>.*)")
LONGEST_DESCRIPTION = 2000


class GoogleReader(ApiReader):
    """One documentation row for each method of the latest stable version of every Google API."""

    name = "google discovery"
    package = "google-api-python-client"

    def __init__(self, wheel: Path, folder: Path, limit: int | None, seed: int) -> None:
        """`wheel`: google-api-python-client's; the rest as for ApiReader."""
        super().__init__(folder, limit, seed)
        self.wheel = wheel

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("archive", "files")}

    @cached_property
    def archive(self) -> zipfile.ZipFile:
        """The open wheel; each process opens its own."""
        return zipfile.ZipFile(self.wheel)

    @cached_property
    def files(self) -> dict[str, str]:
        """File of the latest stable version of every service, by service name."""
        latest: dict[str, tuple[tuple[int, int, str], str]] = {}
        for file in self.archive.namelist():
            stem = file.removeprefix(FOLDER).removesuffix(".json")
            if file.startswith(FOLDER) and file.endswith(".json") and "." in stem:
                service, age = service_and_age(*stem.split(".", 1))
                latest[service] = max(latest.get(service, ((-1, -1, ""), "")), (age, file))
        return {service: file for service, (_, file) in sorted(latest.items())}

    def services(self) -> list[str]:
        """All services of the wheel."""
        return list(self.files)

    def load(self, service: str) -> dict[str, Any]:
        """The discovery document. Raises MalformedDocument: bad_json, bad_encoding, zip_bomb, not_discovery …"""
        content = zip_member(self.archive, self.archive.getinfo(self.files[service])).read()
        try:
            document = orjson.loads(content)
        except orjson.JSONDecodeError:
            raise MalformedDocument(json_problem(content)) from None
        if not isinstance(document, dict) or document.get("kind") != "discovery#restDescription":
            raise MalformedDocument("not_discovery")
        return document

    def operations(self, document: dict[str, Any]) -> list[str]:
        """Method ids without the API's name, for example `events.insert`."""
        return [name for name, _ in _methods(document)]

    def api(self, service: str, document: dict[str, Any], operation: str) -> Api | None:
        """One method; None when it is deprecated. Raises KeyError on a reference that is not defined."""
        method = _method(document, operation)
        if method.get("deprecated"):
            return None
        name = f"{snake_case(service)}.{snake_case(operation)}"
        schemas = document.get("schemas", {})
        response = method.get("response", {}).get("$ref")
        return Api(
            id=f"google-api-python-client/{service}/{name}",
            provider="google",
            service=service,
            version=document["version"],
            name=name,
            description=shortened(plain_text(method.get("description") or ""), LONGEST_DESCRIPTION),
            parameters=_parameters(method, schemas),
            source="google-api-python-client",
            license="Apache-2.0",
            url=document.get("documentationLink") or "https://developers.google.com/apis-explorer",
            returns=properties_of(schemas, response, 2, of_request=False) if response else {},
        )


def service_and_age(api: str, version: str) -> tuple[str, tuple[int, int, str]]:
    """Service name and sort key of a version: stable after beta and alpha, then by number.

    `merchantapi.accounts_v1` is the service `merchantapi_accounts`: such versions are parts of one API.
    """
    found = VERSION.fullmatch(version)
    if not found:
        return api, (0, 0, version)
    service = f"{api}_{found['part']}" if found["part"] else api
    stable = 0 if "alpha" in found["rest"] else 1 if "beta" in found["rest"] else 2
    return service, (stable, int(found["major"]), found["rest"])


def _methods(part: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, method in part.get("methods", {}).items():
        yield ".".join((*path, name)), method
    for name, resource in part.get("resources", {}).items():
        yield from _methods(resource, (*path, name))


def _method(document: dict[str, Any], operation: str) -> dict[str, Any]:
    *resources, name = operation.split(".")
    part = document
    for resource in resources:
        part = part["resources"][resource]
    found: dict[str, Any] = part["methods"][name]
    return found


def _parameters(method: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """Path and query parameters, then the properties of the request body that they do not name."""
    own = properties_of({"": {"properties": method.get("parameters", {})}}, "", 1)
    body = properties_of(schemas, method["request"]["$ref"], 4) if "$ref" in method.get("request", {}) else {}
    properties = {**body.get("properties", {}), **own.get("properties", {})}
    ordered = {name: properties[name] for name in [*own.get("properties", {}), *body.get("properties", {})]}
    required = [name for name, part in method.get("parameters", {}).items() if part.get("required")]
    return {"type": "object", "properties": ordered, **({"required": required} if required else {})}
