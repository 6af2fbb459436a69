"""Bytes of an OpenAPI document, JSON or YAML, to a tree of plain JSON values, and the licence that it declares."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from email.message import Message
from typing import Any

import orjson
import yaml

from corpus.licences import spdx_of
from corpus.plain_text import snake_case
from corpus.read_apis import MalformedDocument

LARGEST_YAML = 16 << 20
"""Most bytes of a YAML document: it is read a hundred times slower than JSON and takes fifty times its size."""
MOST_NODES = 3_000_000
"""Most values in a YAML document with its aliases written out; a few lines of aliases can stand for billions."""
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
UNKNOWN = "NOASSERTION"
"""What SPDX writes where a licence is not known."""
LICENCE_PAGES = (
    (re.compile(r"apache\.org/licenses/(?:LICENSE-2\.0|$)|opensource\.org/licen[cs]es?/apache-?2", re.I), "Apache-2.0"),
    (re.compile(r"opensource\.org/licen[cs]es?/mit\b|(?:^|/)mit-license\.org", re.I), "MIT"),
    (re.compile(r"opensource\.org/licen[cs]es?/isc\b", re.I), "ISC"),
    (re.compile(r"opensource\.org/licen[cs]es?/bsd-(2|3)-clause", re.I), r"BSD-\1-Clause"),
    (re.compile(r"creativecommons\.org/licenses/(by(?:-[a-z]{2})*)/(\d\.\d)(?!/[a-z]{2}/)", re.I), r"CC-\1-\2"),
    (re.compile(r"creativecommons\.org/publicdomain/zero/1\.0", re.I), "CC0-1.0"),
    (re.compile(r"gnu\.org/licenses/(a?gpl)-(3\.0)", re.I), r"\1-\2-only"),
    (re.compile(r"spdx\.org/licenses/([\w.-]+?)(?:\.html|\.json)?/?$", re.I), r"\1"),
)
"""Addresses of licence texts and the SPDX identifiers they stand for."""
SAME_NAME = (
    (
        re.compile(r"\bapache(?: software)?(?: licen[cs]e)?,?(?: version| v\.?)? ?-?2(?:\.0)?(?: licen[cs]e)?", re.I),
        "Apache 2.0",
    ),
    (re.compile(r"(?:the )?mit(?: licen[cs]e)?", re.I), "MIT"),
    (re.compile(r"(?:the )?(?:new )?bsd[ -]?3(?:[ -]clause)?(?: licen[cs]e)?", re.I), "BSD-3-Clause"),
)
"""Ways to write a name that `corpus.licences` knows by another."""
SECOND_LEVEL = frozenset(("co", "com", "org", "net", "gov", "ac", "edu"))


class _Loader(yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader):  # type: ignore[misc]
    """Leaves dates as the text they are: JSON has none."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def parsed(content: bytes, name: str) -> Any:
    """The values of a JSON or YAML document.

    Raises:
        MalformedDocument: bad_encoding, bad_json, bad_yaml, too_large (YAML only), alias_expansion or too_deep.
    """
    text = _utf8(content)
    if not name.endswith((".yaml", ".yml")):
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            raise MalformedDocument("bad_json") from None
    if len(text) > LARGEST_YAML:
        raise MalformedDocument("too_large")
    try:
        values = yaml.load(text, Loader=_Loader)  # it derives from the safe loader
    except (yaml.YAMLError, ValueError):
        raise MalformedDocument("bad_yaml") from None
    except RecursionError:
        raise MalformedDocument("too_deep") from None
    if not _has_few_nodes(values):
        raise MalformedDocument("alias_expansion")
    try:
        # Keys such as 200 become text, infinities null; text that is not Unicode is refused.
        return orjson.loads(orjson.dumps(values, option=orjson.OPT_NON_STR_KEYS))
    except (orjson.JSONEncodeError, orjson.JSONDecodeError):
        raise MalformedDocument("bad_yaml") from None


def _utf8(content: bytes) -> bytes:
    encoding = next((encoding for mark, encoding in MARKS if content.startswith(mark)), "utf-8")
    try:
        return content.decode(encoding).encode("utf-8")
    except UnicodeError:
        raise MalformedDocument("bad_encoding") from None


def checked(document: Any) -> dict[str, Any]:
    """The document itself. Raises MalformedDocument: not_openapi or no_info."""
    if not isinstance(document, dict) or not str(document.get("openapi") or document.get("swagger") or "").startswith(
        ("2.", "3.")
    ):
        raise MalformedDocument("not_openapi")
    if not isinstance(document.get("info"), dict):
        raise MalformedDocument("no_info")
    return document


def _has_few_nodes(values: Any) -> bool:
    left, seen = [values], 0
    while left:
        value = left.pop()
        seen += 1
        if seen > MOST_NODES:
            return False
        if isinstance(value, dict):
            left.extend(value.values())
        elif isinstance(value, list):
            left.extend(value)
    return True


def licence_of(document: dict[str, Any]) -> str:
    """SPDX expression of `info.license`, or UNKNOWN: none, not known by name or address, or name and address differ."""
    declared = _dict(_dict(document.get("info")).get("license"))
    message = Message()
    if isinstance(declared.get("identifier"), str) and declared["identifier"].strip():
        message["License-Expression"] = " ".join(declared["identifier"].split())
        return spdx_of(message, ()) or UNKNOWN
    name = " ".join(str(declared.get("name") or "").split())
    for pattern, known in SAME_NAME:
        if pattern.fullmatch(name):
            name = known
    if name:
        message["License"] = name
    by_name = spdx_of(message, ()) if name else None
    by_page = _of_page(str(declared.get("url") or "").strip())
    if by_name and by_page and by_name != by_page:
        return UNKNOWN
    return by_name or by_page or UNKNOWN


def _of_page(url: str) -> str | None:
    for pattern, known in LICENCE_PAGES:
        if found := pattern.search(url):
            identifier = found.expand(known)
            spelt_large = identifier[:3].lower() in ("cc-", "cc0", "gpl", "agp")
            return identifier.upper().replace("-ONLY", "-only") if spelt_large else identifier
    return None


_GITHUB = re.compile(r"ghe[cs](?:[-.][\d.-]+)?|github\.ae|api\.github\.com(?:\.[\d-]+)?")
"""Editions of one service in the npm bundle, each with all its operations again."""


def provider_and_service(document: dict[str, Any]) -> tuple[str, str]:
    """Who runs the API and a name for it, for example `("nytimes.com", "article_search")`."""
    info, servers = document["info"], _hosts(document)
    title = snake_case(str(info.get("title") or "")) or "api"
    provider = str(info.get("x-providerName") or (servers[0] if servers else "") or title)
    labels = provider.split(":")[0].split(".")
    main = (
        labels[-3] if len(labels) > 2 and labels[-2] in SECOND_LEVEL else labels[-2] if len(labels) > 1 else labels[0]
    )
    if _GITHUB.fullmatch(str(info.get("x-serviceName"))):
        return provider, "github"
    if info.get("x-serviceName"):
        return provider, snake_case(str(info["x-serviceName"])) or title
    return provider, (snake_case(main) or title) if info.get("x-providerName") else title


def _hosts(document: dict[str, Any]) -> list[str]:
    if isinstance(document.get("host"), str):
        return [document["host"].lower()]
    servers = document.get("servers")
    urls = [str(part.get("url")) for part in servers if isinstance(part, dict)] if isinstance(servers, list) else []
    return [found[1].lower() for url in urls if (found := re.match(r"https?://([\w.-]+)", url)) and "." in found[1]]


def page_of(document: dict[str, Any], operation: dict[str, Any]) -> str:
    """A page about the operation or its API, empty where the document names none."""
    info, origins = document["info"], document["info"].get("x-origin")
    parts: Sequence[Any] = [operation.get("externalDocs"), document.get("externalDocs"), info.get("contact")]
    parts = [*parts, *(origins if isinstance(origins, list) else ())]
    urls = [part.get("url") for part in parts if isinstance(part, dict)]
    hosts = [f"https://{host}" for host in _hosts(document)]
    return next(
        (url for url in [*urls, *hosts] if isinstance(url, str) and url.startswith(("http://", "https://"))), ""
    )


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
