"""`croissant.json`: the corpus described for machines, after Croissant 1.0 (https://docs.mlcommons.org/croissant)."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from corpus.shards import SCHEMA

CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
ABOUT = "API documentation, calls, code and text that teach language models to call functions"
COLUMNS = {
    "text": "what a model reads",
    "messages": "messages of a dialogue as JSON, null in plain text",
    "tools": "tools of a dialogue as JSON, null in plain text",
    "id": "the row's name, unique in its config",
    "source": "package the row was read from",
    "license": "SPDX expression",
    "attribution": "whom the licence names",
    "url": "where the source is described",
    "kind": "kind of row",
    "api_ids": "APIs that the row documents or calls",
    "tokens": "tokens of the text",
    "provenance": "JSON: step of the pipeline → why the row is here",
}


def croissant(manifest: dict[str, Any]) -> dict[str, Any]:
    """The description as JSON-LD: every Parquet file by path and sha256, and the columns of its rows.

    A record set is one file, because a set of files must lie in an archive or a repository to be described as one.
    """
    files = [file for file in manifest["files"] if file["path"].startswith("data/")]
    licences = sorted({source["license"] for source in manifest["sources"]})
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": manifest["name"],
        "description": f"{ABOUT} (recipe {manifest['recipe']['name']})",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "license": licences,
        "citeAs": "https://arxiv.org/abs/2502.06589",
        "distribution": [_file(file) for file in files],
        "recordSet": [_record_set(file["path"]) for file in files],
    }


def _file(file: dict[str, Any]) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": file["path"],
        "name": file["path"],
        "contentUrl": file["path"],
        "encodingFormat": "application/x-parquet",
        "sha256": file["sha256"],
        "contentSize": f"{file['bytes']} B",
    }


def _record_set(path: str) -> dict[str, Any]:
    name = path.removeprefix("data/").removesuffix(".parquet")
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "field": [_field(name, path, column) for column in SCHEMA],
    }


def _field(record_set: str, path: str, column: pa.Field) -> dict[str, Any]:
    repeated = {"repeated": True} if pa.types.is_list(column.type) else {}
    return {
        "@type": "cr:Field",
        "@id": f"{record_set}/{column.name}",
        "name": column.name,
        "description": COLUMNS[column.name],
        "dataType": "sc:Integer" if pa.types.is_integer(column.type) else "sc:Text",
        "source": {"fileObject": {"@id": path}, "extract": {"column": column.name}},
        **repeated,
    }
