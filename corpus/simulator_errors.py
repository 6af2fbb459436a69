"""Errors as services send them: the code from those the API lists where it does, else the provider's common one."""

from __future__ import annotations

import re
from typing import Any

from jsonschema import Draft202012Validator, ValidationError

from corpus.api import Api
from corpus.result_shapes import normal

NOT_FOUND, CONFLICT, INVALID, THROTTLED = KINDS = ("not_found", "conflict", "invalid_argument", "throttling")
PATTERNS = {
    NOT_FOUND: r"(notfound|nosuch|doesnotexist|nonexist|unknown)",
    CONFLICT: r"(alreadyexist|conflict|duplicate|alreadyinuse)",
    INVALID: r"^(validation|invalidparameter|invalidargument|invalidinput|invalidrequest|badrequest|malformed)",
    THROTTLED: r"(throttl|toomanyrequests|rateexceeded|requestlimit|slowdown)",
}
"""What the listed codes of a kind look like, in normal form."""
ANY_CLIENT_ERROR = r"^(clientexception|clienterror|invalidrequest|badrequest|invalidparameter|validation|invalidinput)"
"""Codes that stand for every mistake of the caller where a service lists none of the kind."""
AWS_COMMON = {
    NOT_FOUND: "ResourceNotFoundException",
    CONFLICT: "ConflictException",
    INVALID: "ValidationException",
    THROTTLED: "ThrottlingException",
}
"""Codes that AWS documents as common to its services."""
STATUS = {
    NOT_FOUND: (404, "NOT_FOUND"),
    CONFLICT: (409, "ALREADY_EXISTS"),
    INVALID: (400, "INVALID_ARGUMENT"),
    THROTTLED: (429, "RESOURCE_EXHAUSTED"),
}
"""HTTP status and google.rpc code (https://cloud.google.com/apis/design/errors)."""


def error(api: Api, kind: str, message: str, noun: str) -> dict[str, Any]:
    """The error document of an API, as botocore's `ClientError.response` or as Google's JSON error."""
    if api.provider == "aws" or api.errors:
        return {"Error": {"Code": listed_code(api, kind, noun) or AWS_COMMON[kind], "Message": message}}
    code, status = STATUS[kind]
    return {"error": {"code": code, "message": message, "status": status}}


def listed_code(api: Api, kind: str, noun: str) -> str | None:
    """The code among `api.errors` for a kind of failure, this noun's before general ones; None where none fits."""
    words = [normal(noun), normal(noun.split(" ")[-1])]
    found = [code for code in api.errors if re.search(PATTERNS[kind], normal(code))]
    if kind in (NOT_FOUND, CONFLICT):
        # FileSystemNotFound does not say that an access point is missing.
        stems = {
            code: re.sub(rf"{PATTERNS[kind]}|s?exceptions?$|faults?$|errors?$", "", normal(code)) for code in found
        }
        general = ("", "resource", "entity", "object", "item", "requestedresource", "resources")
        for wanted in (*words, *general):
            for code in found:
                if stems[code].removesuffix("s") == wanted.removesuffix("s"):
                    return code
        found = [code for code in api.errors if re.search(ANY_CLIENT_ERROR, normal(code))]
    return found[0] if found else None


def problem(validator: Draft202012Validator, arguments: dict[str, Any], provider: str) -> str | None:
    """What is wrong with the arguments, as the service would say it; None where they are valid."""
    known = validator.schema["properties"]  # type: ignore[index]
    if unknown := [name for name in arguments if name not in known]:
        return f"Unknown parameter in input: '{unknown[0]}'."
    errors = sorted(validator.iter_errors(arguments), key=lambda one: [str(part) for part in one.absolute_path])
    return _words(errors[0], provider) if errors else None


def _words(error: ValidationError, provider: str) -> str:
    place = ".".join(str(part) for part in error.absolute_path)
    limit, value = error.validator_value, error.instance
    if error.validator == "required":
        missing = next(name for name in limit if name not in value)
        return (
            f"Missing required parameter: '{missing}'" if provider == "aws" else f"Required field '{missing}' not set."
        )
    if error.validator == "type":
        if provider == "aws":
            return f"Invalid type for parameter {place}, value: {value!r}, expected: {limit}"
        return f"Invalid value at '{place}' (expected {limit}), {value!r}"
    must = {
        "enum": "satisfy enum value set: [{}]".format(", ".join(map(str, limit)) if isinstance(limit, list) else limit),
        "maximum": f"have value less than or equal to {limit}",
        "minimum": f"have value greater than or equal to {limit}",
        "maxLength": f"have length less than or equal to {limit}",
        "minLength": f"have length greater than or equal to {limit}",
        "maxItems": f"have length less than or equal to {limit}",
        "minItems": f"have length greater than or equal to {limit}",
    }.get(str(error.validator))
    if must is None:
        return f"Invalid value at '{place}': {error.message}"
    if provider == "aws":
        start = f"1 validation error detected: Value '{value}' at '{place}' failed to satisfy constraint"
        return f"{start}: Member must {must}"
    return f"Invalid value '{value}' for field '{place}': it must {must}."
