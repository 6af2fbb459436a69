"""Argument values for call examples: a JSON value that fits a schema, and the words a person says it with."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any

from corpus.spoken_forms import LARGEST_IN_WORDS, date_forms, number_forms, number_words, words_of

JsonSchema = dict[str, Any]

WORDS = (
    "alpha amber anchor apple arrow atlas autumn bamboo basil beacon birch blue bravo bridge bronze cedar cherry "
    "cobalt comet copper coral crystal daisy delta desert dune eagle echo elm ember falcon fern field forest fox "
    "garden glacier granite green grove harbor hazel heron hill indigo iris island ivory jade jasmine juniper "
    "kestrel lake laurel lemon lilac lotus lunar maple marble meadow mint moss nova oak ocean olive onyx opal "
    "orbit orchid otter palm panda peach pearl pine plum prairie quartz raven reef ridge river robin ruby sage "
    "salmon silver sky solar spruce star stone summer sunset teal thunder tiger topaz tulip valley velvet violet "
    "walnut willow winter wolf zephyr"
).split()
PEOPLE = (
    "Amara Chen,Diego Rossi,Elena Novak,Farid Khan,Grace Okafor,Hana Sato,Ivan Petrov,Julia Meyer,Kofi Mensah,"
    "Lena Fischer,Marco Silva,Nadia Haddad,Omar Aziz,Priya Nair,Quinn Murphy,Rosa Alvarez,Sven Larsen,Tara Singh"
).split(",")
CITIES = (
    "Paris,London,Tokyo,Berlin,Madrid,Nairobi,Toronto,Chicago,Boston,Seattle,Sydney,Lagos,Mumbai,Seoul,Lima,Oslo,"
    "Vienna,Lisbon,New York,San Francisco,Los Angeles,Mexico City"
).split(",")
COUNTRIES = "France,Japan,Germany,Spain,Kenya,Canada,Brazil,India,Norway,Peru,Italy,Egypt,Australia,Portugal".split(",")
TOPICS = (
    "quarterly report,travel plans,machine learning,weekly summary,customer feedback,solar panels,database backups,"
    "release notes,climate data,music festival,budget review,running shoes,image classification,pasta recipes,"
    "chess openings,ancient history,electric cars,team meeting,project roadmap,healthy breakfast"
).split(",")
REGIONS = "us-east-1,us-west-2,eu-west-1,eu-central-1,ap-southeast-2,sa-east-1".split(",")
CURRENCIES = "USD,EUR,GBP,JPY,CAD,CHF,INR".split(",")
LANGUAGES = "English,French,Spanish,German,Japanese,Portuguese".split(",")


@dataclass(frozen=True)
class Value:
    """A JSON value and how a request says it."""

    json: Any
    spoken: str


def can_speak(schema: JsonSchema, depth: int = 0) -> bool:
    """Whether `make_value` can make a value for the schema and say it in a sentence."""
    kind = schema.get("type")
    if "enum" in schema:
        return bool(schema["enum"])
    if kind == "array":
        return depth == 0 and can_speak(schema.get("items", {}), depth + 1)
    if kind == "object":
        parts = schema.get("properties", {})
        return depth == 0 and 1 <= len(parts) <= 3 and all(can_speak(part, depth + 2) for part in parts.values())
    return kind in ("string", "integer", "number", "boolean")


def make_value(name: str, schema: JsonSchema, rng: random.Random) -> Value:
    """A value for a parameter; `can_speak(schema)` must hold."""
    kind = schema.get("type")
    if "enum" in schema:
        choice = rng.choice(schema["enum"])
        return Value(choice, _spoken_enum(str(choice), rng))
    if kind == "array":
        return _list_value(name, schema["items"], rng)
    if kind == "object":
        return _object_value(schema, rng)
    if kind == "boolean":
        truth = rng.random() < 0.6
        return Value(truth, "true" if truth else "false")
    if kind == "integer":
        return _integer_value(name, schema, rng)
    if kind == "number":
        number = rng.choice((round(rng.uniform(0, 1), 2), round(rng.uniform(1, 500), 1), rng.randint(1, 300)))
        return Value(number, _spoken_number(name, number, rng))
    return _string_value(name, schema, rng)


def _spoken_enum(choice: str, rng: random.Random) -> str:
    plain = words_of(choice)
    return plain if rng.random() < 0.3 and plain.replace(" ", "_") == choice.lower() else choice


def _list_value(name: str, items: JsonSchema, rng: random.Random) -> Value:
    made: list[Value] = []
    for _ in range(rng.choice((1, 2, 2, 3, 3, 4))):
        value = make_value(name.removesuffix("s"), items, rng)
        if all(value.json != other.json for other in made):
            made.append(value)
    spoken = [value.spoken for value in map(unmistakable, made)]
    if rng.random() < 0.2:
        text = json.dumps([value.json for value in made], ensure_ascii=False)
    else:
        text = spoken[0] if len(spoken) == 1 else ", ".join(spoken[:-1]) + " and " + spoken[-1]
    return Value([value.json for value in made], text)


def unmistakable(value: Value) -> Value:
    """The value as it can stand in a list: two hundred and seven is one number, so long ones keep to figures."""
    number = value.json
    if isinstance(number, bool) or not isinstance(number, int | float) or not value.spoken[0].isalpha():
        return value
    return value if isinstance(number, int) and number < 100 else Value(number, _plain(number))


def _object_value(schema: JsonSchema, rng: random.Random) -> Value:
    made = {name: make_value(name, part, rng) for name, part in schema["properties"].items()}
    spoken = ", ".join(f"{words_of(name)} {value.spoken}" for name, value in made.items())
    return Value({name: value.json for name, value in made.items()}, spoken)


def _integer_value(name: str, schema: JsonSchema, rng: random.Random) -> Value:
    lowest = int(schema.get("minimum", 1))
    highest = int(schema.get("maximum", lowest + 10 ** rng.randint(1, 4)))
    if "year" in words_of(name).split():
        lowest, highest = 1950, 2030
    number = rng.randint(lowest, max(lowest, min(highest, lowest + 5000)))
    return Value(number, _spoken_number(name, number, rng))


def _spoken_number(name: str, number: float, rng: random.Random) -> str:
    """Figures or words, perhaps with thousands set apart, perhaps with a unit; the JSON value is the bare number."""
    words = words_of(name).split()
    spelt = _spelt(number, rng) if "year" not in words else None
    figures = spelt or (
        f"{number:,}" if number >= 1000 and "year" not in words and rng.random() < 0.4 else _plain(number)
    )
    units: tuple[str, ...] = next((units for keys, units in UNITS_BY_WORD if any(key in words for key in keys)), ())
    if not (units and rng.random() < 0.6):
        units = MEASURES if isinstance(number, float) and rng.random() < 0.3 else ()
    fitting = [unit for unit in units if not spelt or unit.startswith("{} ")]
    return rng.choice(fitting).format(figures) if fitting else figures


def _plain(number: float) -> str:
    return f"{number:g}" if number < 1000 else str(number)


def _spelt(number: float, rng: random.Random) -> str | None:
    """The number in words, as people write small and round ones; long ones are rare."""
    if not 0 <= number <= LARGEST_IN_WORDS or rng.random() > _chance_of_words(number):
        return None
    if isinstance(number, int):
        return number_words(number, rng.choice((" ", " and ")))
    spelt = [form for form in number_forms(number) if form[0].isalpha()]
    return rng.choice(spelt) if spelt else None


def _chance_of_words(number: float) -> float:
    if number <= 12:
        return 0.3
    return 0.2 if number <= 100 or number % 100 == 0 else 0.06


UNITS_BY_WORD = (
    (("results", "limit", "max", "count", "items", "page"), ("{} items", "{} results", "{} entries")),
    (("seconds", "timeout", "ttl", "second", "interval"), ("{} seconds", "{}s", "{} sec")),
    (("minutes", "minute", "duration"), ("{} minutes", "{} min")),
    (("hours", "hour"), ("{} hours", "{}h")),
    (("days", "day", "retention", "age"), ("{} days",)),
    (("years",), ("{} years",)),
    (("percent", "percentage", "rate", "ratio", "share", "threshold"), ("{}%", "{} percent")),
    (("size", "bytes", "capacity", "storage", "memory", "disk", "volume"), ("{} GB", "{} MB", "{}GB", "{} bytes")),
    (("price", "cost", "amount", "budget", "bid", "value"), ("${}", "{} dollars", "{} euros")),
    (("width", "height", "length", "distance", "radius", "depth"), ("{} cm", "{} m", "{} km", "{}px", "{} meters")),
    (("weight", "mass"), ("{} kg", "{} pounds")),
    (("temperature",), ("{}°C", "{} degrees")),
)
"""What people say behind, or before, a number that a parameter with one of these words holds."""
MEASURES = ("{}%", "{} km", "{} kg", "{} m/s", "${}", "{} hours", "{}°C", "{}m", "{} litres")
"""The same where the name does not tell."""


def _date(rng: random.Random, with_time: bool) -> Value:
    year, month, day = rng.randint(2018, 2027), rng.randint(1, 12), rng.randint(1, 28)
    text = f"{year}-{month:02d}-{day:02d}"
    if with_time:
        text += f"T{rng.randint(0, 23):02d}:{rng.choice((0, 15, 30, 45)):02d}:00Z"
    return Value(text, text if rng.random() < 0.5 else rng.choice(date_forms(text)))


def _string_value(name: str, schema: JsonSchema, rng: random.Random) -> Value:
    said = words_of(name)
    last = said.split()[-1] if said else ""
    if schema.get("format") in ("date-time", "google-datetime") or last in ("time", "timestamp"):
        return _date(rng, with_time=True)
    if schema.get("format") == "date" or last == "date":
        return _date(rng, with_time=False)
    text = _string_text(said, last, rng)
    quoted = f"'{text}'" if rng.random() < 0.35 else text
    return Value(text, quoted)


def _string_text(said: str, last: str, rng: random.Random) -> str:
    one, two = rng.choice(WORDS), rng.choice(WORDS)
    if "email" in said:
        return f"{one}.{two}@example.com"
    if last in ("url", "uri", "link", "endpoint"):
        return f"https://{one}.example.com/{two}"
    if last == "arn":
        return f"arn:aws:{one}:::{two}-{rng.randint(1, 99)}"
    for key, choices in _STRINGS_BY_WORD.items():
        if key in said.split():
            return rng.choice(choices)
    if last in ("path", "file", "filename", "key", "prefix", "folder"):
        return f"{one}/{two}{rng.choice(('.csv', '.json', '.txt', ''))}"
    if last in ("id", "identifier", "token", "handle"):
        return rng.choice((f"{one[:3]}-{rng.randint(1000, 999999)}", f"{one}{rng.randint(1, 999)}", f"{two}-{one}"))
    if "ip" in said.split() or last == "address":
        return ".".join(str(rng.randint(1, 254)) for _ in range(4))
    plain = rng.choice((CITIES, PEOPLE, TOPICS, COUNTRIES))
    coined = (
        f"{one}-{two}",
        one.title(),
        f"{one} {two}",
        f"{one.title()} {two.title()}",
        f"{one}_{rng.randint(1, 99)}",
    )
    return rng.choice((*coined, rng.choice(plain), rng.choice(plain)))


_STRINGS_BY_WORD = {
    "city": CITIES,
    "location": CITIES,
    "place": CITIES,
    "destination": CITIES,
    "country": COUNTRIES,
    "region": REGIONS,
    "zone": REGIONS,
    "currency": CURRENCIES,
    "language": LANGUAGES,
    "locale": LANGUAGES,
    "user": PEOPLE,
    "owner": PEOPLE,
    "author": PEOPLE,
    "person": PEOPLE,
    "display": TOPICS,
    "title": TOPICS,
    "subject": TOPICS,
    "query": TOPICS,
    "description": TOPICS,
    "comment": TOPICS,
    "topic": TOPICS,
    "text": TOPICS,
    "message": TOPICS,
}
