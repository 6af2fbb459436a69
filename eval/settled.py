"""When more text can no longer change what an answer's calls are, generation may stop: the score stays the same."""

from __future__ import annotations

import json

from records.calls import parse_calls

LOOKAHEAD = 32
"""Characters that must follow an error before it counts as final: longer than any JSON word or cut-off character."""

FINAL_ERRORS = (
    "Expecting value",
    "Expecting ',' delimiter",
    "Expecting ':' delimiter",
    "Expecting property name enclosed in double quotes",
    "Invalid control character at",
    "Invalid \\escape",
    "Invalid \\uXXXX escape",
)


def is_settled(answer: str) -> bool:
    """True when `parse_calls(answer + more)` is `parse_calls(answer)` whatever `more` is.

    `parse_calls` reads the JSON value at the first `[` or `{` and nothing behind it, so an answer is settled once that
    value has ended, or once it has an error that no longer text can mend. (The one exception is an answer that grows
    past `MAX_ANSWER_CHARACTERS`, far beyond any token cap of a recipe.)
    """
    starts = [place for place in (answer.find("["), answer.find("{")) if place >= 0]
    if not starts:
        return False
    try:
        json.JSONDecoder().raw_decode(answer, min(starts))
    except json.JSONDecodeError as error:
        return error.msg.startswith(FINAL_ERRORS) and error.pos + LOOKAHEAD <= len(answer)
    except ValueError:  # a long number, which may still become a fraction
        return False
    except RecursionError:
        return True
    return True


def calls_end(answer: str) -> int:
    """Place behind the JSON value at the first `[` or `{`, where it is calls; 0 where an answer holds none.

    What stands behind is never read. A conversation goes on with its answers, so there it is left out of what is
    shown, too, and an answer may end here and nowhere earlier.
    """
    if not parse_calls(answer).calls:
        return 0
    start = min(place for place in (answer.find("["), answer.find("{")) if place >= 0)
    return json.JSONDecoder().raw_decode(answer, start)[1]
