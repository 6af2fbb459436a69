"""APIs of Tencent Cloud, from the clients and models in the tencentcloud-sdk-python-intl-en wheel."""

from __future__ import annotations

import re
from typing import Any

from corpus.api import Api
from corpus.docstring_fields import fields_of
from corpus.plain_text import plain_text, snake_case
from corpus.read_sdk import SdkReader, words_of
from corpus.sdk_schemas import Member, Model, SdkSchemas
from corpus.sdk_wheels import docstring_of, function_sources, parsed_function

CLIENT = re.compile(r"tencentcloud/(\w+)/(v\d+)/(\w+)_client\.py")
MODEL_CLASS = re.compile(r"^class (\w+)\(", re.M)
TARGET = re.compile(r"\.(\w+)`")


class TencentCloudReader(SdkReader):
    """One documentation row for each operation of every service, as the latest version that has it says."""

    name = "tencentcloud"
    package = "tencentcloud-sdk-python-intl-en"
    provider = "tencentcloud"
    license = "Apache-2.0"
    attribution = "Copyright (c) 2017-2025 Tencent. All Rights Reserved. (tencentcloud-sdk-python-intl-en)"
    repository = "TencentCloud/tencentcloud-sdk-python-intl-en"

    def client_files(self, names: list[str]) -> dict[str, str]:
        """Folder of every service."""
        found = (CLIENT.fullmatch(name) for name in names)
        return {one[1]: f"tencentcloud/{one[1]}" for one in found if one and one[1] == one[3]}

    def load(self, service: str) -> dict[str, Any]:
        """Functions of all versions, a later one in the place of an earlier one of its name."""
        functions: dict[str, str] = {}
        versions: dict[str, str] = {}
        for file in sorted(self.wheel.files):
            if (found := CLIENT.fullmatch(file)) and found[1] == service == found[3]:
                sources = function_sources(self.wheel.text(file))
                functions |= sources
                versions |= dict.fromkeys(sources, found[2])
        return {"functions": functions, "versions": versions, "models": {}}

    def operation(self, service: str, document: dict[str, Any], name: str, function: Any) -> Api | None:
        """One operation."""
        version = document["versions"][name]
        models = document["models"].get(version)
        if models is None:
            models = _class_sources(self.wheel.text(f"{self.clients[service]}/{version}/models.py"))
            document["models"][version] = models
        fields = fields_of(docstring_of(function))
        schemas = SdkSchemas(lambda model: _model(models, model))
        request = _model(models, _target(fields.types.get("request", "")))
        answer = _model(models, _target(fields.return_type))
        members = {key: part for key, part in answer.members.items() if key != "RequestId"} if answer else {}
        return self.made(
            service,
            snake_case(name),
            words_of(fields.text),
            schemas.of_members(request.members if request else {}, 4),
            f"https://www.tencentcloud.com/document/api?service={service}&action={name}",
            returns=schemas.of_members(members, 2, of_request=False) if members else {},
            version=f"{version[1:5]}-{version[5:7]}-{version[7:9]}",
        )


def _target(reference: str) -> str:
    found = TARGET.search(reference)
    return found[1] if found else ""


def _class_sources(source: str) -> dict[str, Any]:
    """Source of every class by name; `_model` puts the Model in its place."""
    starts = [*MODEL_CLASS.finditer(source)]
    ends = [*(found.start() for found in starts[1:]), len(source)]
    return {start[1]: source[start.start() : end] for start, end in zip(starts, ends, strict=False)}


def _model(models: dict[str, Any], name: str) -> Model | None:
    if isinstance(models.get(name), str):
        try:
            fields = fields_of(docstring_of(parsed_function(function_sources(models[name])["__init__"])))
        except (KeyError, ValueError):
            models[name] = Model()
        else:
            members = {key.removeprefix("_"): text for key, text in fields.descriptions.items()}
            models[name] = Model(
                {key: Member(fields.types.get(key, ""), _words(text)) for key, text in members.items()}
            )
    found: Model | None = models.get(name)
    return found


def _words(markup: str) -> str:
    return plain_text(markup) if "<" in markup or "&" in markup else " ".join(markup.split())
