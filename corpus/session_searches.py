"""Sessions about several resources, in which a list tells which one the goal means."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from corpus import session_phrases as phrases
from corpus.result_shapes import normal
from corpus.session_drafts import Draft, NoSession, change, value_of, with_value
from corpus.session_scenarios import change_words
from corpus.session_scene import Scene
from corpus.session_words import field_words, where_words


def stale(scene: Scene) -> None:
    """Change or delete by a wrong identifier; the list shows the right one by a property that the goal tells."""
    rng, noun = scene.rng, scene.family.noun
    name = _telling_field(scene, "list")
    target, identifier = rng.choice(_several(scene, name, rng.randint(2, 3)))
    wrong = scene.unknown(scene.draft().own)
    changing = None
    if scene.has("update") and rng.random() < 0.6:
        changing = change(scene.family, target.arguments, rng)
        changing = changing if changing[0] != name else None
    value = target.arguments[name]
    step = f"change its {field_words(changing[0])}" if changing else "delete it"
    if changing:
        asked = change_words(scene, *changing, whose=f"the {noun} {wrong}'s")
    else:
        asked = rng.choice(phrases.DELETE_NAMED).format(noun, wrong)
    hint = rng.choice(phrases.HINTS).format(field_words(name), value)
    steps = [step, "search the list if the name is wrong"]
    scene.begin([f"{asked} {where_words(target.where, rng)}"], steps, [hint], lists=True)
    if changing:
        scene.update(wrong, changing[0], changing[1].json, target.arguments)
    else:
        scene.delete(wrong)
    scene.say(rng.choice(phrases.SEARCHING).format(wrong, field_words(name)))
    _must_show(scene.list_all(), value, identifier)
    scene.say(rng.choice(phrases.MATCH).format(identifier, field_words(name), value))
    if changing:
        scene.update(identifier, changing[0], changing[1].json, target.arguments)
    else:
        scene.delete(identifier)
    scene.get(identifier)
    scene.say(rng.choice(phrases.FOUND).format(wrong, identifier, step.replace("its", "the")))


def cleanup(scene: Scene) -> None:
    """Delete what a property selects; the list before and after shows it."""
    rng, noun = scene.rng, scene.family.noun
    name = _telling_field(scene, "get")
    kept = _several(scene, name, rng.randint(1, 3))
    wanted = scene.draft()
    value = value_of(name, scene.family.properties("create")[name], rng)
    if value is None or any(one.arguments[name] == value.json for one, _ in kept):
        raise NoSession("no_change")
    doomed = [scene.prepare(with_value(wanted, name, value.json, value.spoken))]
    if rng.random() < 0.4:
        doomed.append(scene.prepare(with_value(scene.draft(), name, value.json, value.spoken)))
    asked = rng.choice(phrases.DELETE_EVERY).format(noun, field_words(name), value.spoken)
    where = where_words(wanted.where, rng)
    steps = ["list them", f"delete those whose {field_words(name)} is {value.spoken}", "list again"]
    scene.begin([f"{where}, {asked}" if where else asked, rng.choice(phrases.LEFT)], steps, lists=True)
    records = scene.list_all()
    if not all(isinstance(one, dict) and any(normal(key) == normal(name) for key in one) for one in records):
        scene.say(rng.choice(phrases.READ_EACH))
        records = [scene.get(identifier) for identifier in (*(one for _, one in kept), *doomed)]
    for identifier in doomed:
        _must_show(records, value.json, identifier)
        scene.delete(identifier)
    scene.say(rng.choice(phrases.AGAIN))
    scene.say(rng.choice(phrases.CLEANED).format(len(doomed), len(scene.list_all()), " and ".join(doomed)))


def _telling_field(scene: Scene, role: str) -> str:
    """A text or number parameter that the records of a role show, by which resources can be told apart."""
    if not scene.has("list") or (role == "get" and scene.family.places["get"].many):
        raise NoSession("no_list")
    shown = {normal(one) for one in scene.family.places[role].record.get("properties", {})}
    parts = scene.family.properties("create")
    fields = [
        one
        for one in scene.family.content
        if normal(one) in shown and parts[one].get("type") in ("string", "integer") and "enum" not in parts[one]
    ]
    if not fields:
        raise NoSession("no_telling_field")
    return scene.rng.choice(fields[:4])


def _several(scene: Scene, name: str, count: int) -> list[tuple[Draft, str]]:
    """Resources there before the session, no two with the same value of `name`, with their identifiers."""
    made: list[tuple[Draft, str]] = []
    for _ in range(count):
        wanted = scene.draft()
        value = value_of(name, scene.family.properties("create")[name], scene.rng)
        if value is None or any(one.arguments[name] == value.json for one, _ in made):
            raise NoSession("no_change")
        wanted = with_value(wanted, name, value.json, value.spoken)
        made.append((wanted, scene.prepare(wanted)))
    return made


def _must_show(records: Sequence[Any], value: Any, identifier: str) -> None:
    """Raise NoSession where no record shows both the value and the identifier."""
    texts = [json.dumps(one, ensure_ascii=False) for one in records]
    if not any(json.dumps(value, ensure_ascii=False) in text and identifier in text for text in texts):
        raise NoSession("not_shown")
