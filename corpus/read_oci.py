"""APIs of Oracle Cloud Infrastructure, from the client classes and models in the oci wheel."""

from __future__ import annotations

import ast
import re
from typing import Any

from corpus.api import Api
from corpus.docstring_fields import fields_of
from corpus.read_apis import MalformedDocument
from corpus.read_sdk import SdkReader, words_of
from corpus.sdk_schemas import Member, Model, SdkSchemas
from corpus.sdk_wheels import docstring_of, function_sources, parsed_function

CLIENT = re.compile(r"oci/(?!auth/)(\w+)/(\w+)_client\.py")
OF_THE_LIBRARY = frozenset(("retry_strategy", "allow_control_chars", "enable_strict_url_encoding", "buffer_limit"))
"""Parameters of the Python library, not of the service."""
REQUIRED = re.compile(r"\((required|optional)\)\s*|\*\*\[Required\]\*\*\s*")
CHOICES = re.compile(r"Allowed values (?:for (?:this property|items in this list) )?are: ([^\n]*)")
GETS = re.compile(r"^Gets the \w+ of this \w+\.?\s*")
API_VERSION = re.compile(r"API Version: (\w+)")
LINK = re.compile(r'api_reference_link = "(https://[^"]*)"')
LINK_TARGET = re.compile(r"^ *__ \S+ *$|(?<=`)__", re.M)


class OciReader(SdkReader):
    """One documentation row for each operation of every service client."""

    name = "oci"
    package = "oci"
    provider = "oracle"
    license = "UPL-1.0 OR Apache-2.0"
    attribution = "Copyright (c) 2016, 2026, Oracle and/or its affiliates (oci, the Python SDK)"
    repository = "oracle/oci-python-sdk"

    def client_files(self, names: list[str]) -> dict[str, str]:
        """By the folder, and by the client where a folder has several: `object_storage`, `core_compute`."""
        found = [(match[1], match[2], name) for name in names if (match := CLIENT.fullmatch(name))]
        return {folder if folder == client else f"{folder}_{client}": name for folder, client, name in found}

    def load(self, service: str) -> dict[str, Any]:
        """The functions, and the API version that the file names."""
        text = self.wheel.text(self.clients[service])
        version = API_VERSION.search(text[:2000])
        return {"functions": function_sources(text), "models": {}, "version": version[1] if version else ""}

    def operation(self, service: str, document: dict[str, Any], name: str, function: Any) -> Api | None:
        """One operation."""
        fields = fields_of(docstring_of(function))
        if re.match(r"\W*deprecated", fields.text, re.I):
            return None
        members = {
            parameter: _described(fields.types.get(parameter, ""), words)
            for parameter, words in fields.descriptions.items()
            if parameter not in OF_THE_LIBRARY
        }
        schemas = SdkSchemas(lambda model: self._model(service, document["models"], model))
        link = LINK.search(document["functions"][name])
        data = re.search(r"data of type (.*)", fields.returns)
        return self.made(
            service,
            name,
            _words(fields.text),
            schemas.of_members(members, 4),
            link[1] if link else "https://docs.oracle.com/en-us/iaas/api/",
            returns=schemas.of_type(data[1].strip(), 2, of_request=False) if data else {},
            version=document["version"],
        )

    def _model(self, service: str, known: dict[str, Any], name: str) -> Model | None:
        """The class of a name, read once a service."""
        folder = self.clients[service].rsplit("/", 1)[0] + "/models"
        if "" not in known:
            imports = re.findall(r"^from \.(\w+) import (\w+)", self._text(f"{folder}/__init__.py"), re.M)
            known[""] = {model: f"{folder}/{module}.py" for module, model in imports}
        if name not in known:
            file = known[""].get(name)
            known[name] = model_of(self._text(file)) if file else None
        found: Model | None = known[name]
        return found

    def _text(self, file: str) -> str:
        try:
            return self.wheel.text(file)
        except MalformedDocument:
            return ""  # a class that cannot be read is a bare object


def model_of(source: str) -> Model:
    """The members of a model class; none where it cannot be read."""
    functions = function_sources(source)
    try:
        types = _types(parsed_function(functions["__init__"], whole=True))
        members = {name: _member(functions.get(name, ""), kind) for name, kind in types.items()}
    except (KeyError, ValueError):
        return Model()
    return Model(members)


def _types(init: ast.AST) -> dict[str, str]:
    """The dictionary that `self.swagger_types` is set to."""
    for node in ast.walk(init):
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if isinstance(node, ast.Assign) and isinstance(target, ast.Attribute) and target.attr == "swagger_types":
            return {str(name): str(kind) for name, kind in ast.literal_eval(node.value).items()}
    return {}


def _member(getter: str, kind: str) -> Member:
    text = fields_of(docstring_of(parsed_function(getter))).text if getter else ""
    return _described(kind, text)


def _described(kind: str, text: str) -> Member:
    """A parameter or property with what its text says of being required and of its values."""
    choices = CHOICES.search(text)
    values = re.findall(r'"([^"]*)"', choices[1]) if choices else []
    words = REQUIRED.sub("", text[: choices.start()] if choices else text)
    needed = REQUIRED.match(text)
    return Member(
        kind,
        _words(GETS.sub("", words)),
        required=needed is not None and "required" in needed[0].lower(),
        choices=tuple(dict.fromkeys(value for value in values if value != "UNKNOWN_ENUM_VALUE")),
    )


def _words(markup: str) -> str:
    return words_of(LINK_TARGET.sub("", markup)).replace("**", "")
