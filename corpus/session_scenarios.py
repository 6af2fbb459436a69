"""Sessions about one resource: goals, the failures they run into, and how the assistant gets over them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from corpus import session_phrases as phrases
from corpus.call_values import Value
from corpus.session_drafts import Draft, NoSession, change, with_value
from corpus.session_scene import Scene
from corpus.session_spoils import Spoil, spoil
from corpus.session_words import create_words, field_words, shown, where_words


def lifecycle(scene: Scene) -> None:
    """Create, read, and where the family allows it change and delete; an argument may be wrong at first."""
    rng, noun = scene.rng, scene.family.noun
    wanted, spoiled = _spoiled(scene, scene.draft(), 0.55)
    changing, update_spoiled = None, None
    if scene.has("update") and rng.random() < 0.75:
        name, value = change(scene.family, wanted.arguments, rng)
        if spoiled is None and rng.random() < 0.5:
            update_spoiled = spoil(scene.family, "update", {name: value.json}, rng)
        changing = name, _as_spoiled(scene, value, update_spoiled)
    removing = rng.random() < 0.35
    clauses = [create_words(noun, wanted.own, wanted.where, wanted.said, rng), rng.choice(phrases.CHECK)]
    steps = [f"create the {noun}", "read it back"]
    if changing:
        clauses.append(change_words(scene, *changing))
        steps += [f"change its {field_words(changing[0])}", "look at the result"]
    if removing:
        clauses.append(rng.choice(phrases.DELETE))
        steps.append("delete it")
    scene.begin(clauses, steps)
    identifier = scene.create(wanted, spoiled)
    scene.get(identifier)
    told = [f"{noun} {identifier} was created and read back"]
    if changing:
        scene.update(identifier, changing[0], changing[1].json, wanted.arguments, update_spoiled)
        scene.get(identifier)
        told.append(f"its {field_words(changing[0])} is now {shown(changing[1].json)}")
    if removing:
        told.append("it has been deleted again")
        _remove(scene, identifier)
    scene.say(rng.choice(phrases.DONE).format("; ".join(told)))


def conflict(scene: Scene) -> None:
    """Create under a name that is taken; the goal says what to do then."""
    rng, noun, parameter = scene.rng, scene.family.noun, scene.family.origin.parameter
    if parameter is None:
        raise NoSession("service_names_it")
    there, other = scene.draft(), scene.draft()
    if there.own == other.own:
        raise NoSession("no_name")
    identifier = scene.prepare(there)
    wanted = replace(other, arguments={**other.arguments, parameter: there.own}, own=there.own)
    way = rng.choice(["rename", "keep", *(["update"] * 2 if scene.has("update") else [])])
    changing = change(scene.family, there.arguments, rng) if way == "update" else None
    remarks = {
        "update": rng.choice(phrases.IF_TAKEN_UPDATE).format(change_words(scene, *changing) if changing else ""),
        "rename": rng.choice(phrases.IF_TAKEN_RENAME).format(other.own),
        "keep": rng.choice(phrases.IF_TAKEN_KEEP),
    }
    steps = [f"create the {noun}", "do as you said if the name is taken"]
    scene.begin([create_words(noun, wanted.own, wanted.where, wanted.said, rng)], steps, [remarks[way]])
    scene.call("create", wanted.arguments)
    scene.say(rng.choice(phrases.TAKEN).format(there.own))
    if changing:
        name, value = changing
        scene.update(identifier, name, value.json, there.arguments)
        scene.get(identifier)
        scene.say(rng.choice(phrases.UPDATED_INSTEAD).format(identifier, field_words(name), shown(value.json)))
    elif way == "rename":
        made = scene.create(other)
        scene.get(made)
        scene.say(rng.choice(phrases.RENAMED).format(there.own, made))
    else:
        scene.get(identifier)
        scene.say(rng.choice(phrases.KEPT).format(identifier))


def missing(scene: Scene) -> None:
    """Read what does not exist; the goal says to create it then."""
    rng, noun = scene.rng, scene.family.noun
    if scene.family.origin.parameter is None:
        raise NoSession("service_names_it")
    wanted, spoiled = _spoiled(scene, scene.draft(), 0.3)
    identifier = scene.unknown(wanted.own)
    where = "" if scene.family.origin.composed else where_words(wanted.where, rng)
    look = f"{rng.choice(phrases.LOOK).format(noun, identifier)} {where}"
    # The name and the scope have been said.
    making = create_words(noun, None, wanted.where if scene.family.origin.composed else (), wanted.said, rng)
    remark = rng.choice(phrases.IF_MISSING).format(making)
    scene.begin([look], [f"look for the {noun}", "create it if it is missing"], [remark])
    scene.get(identifier)
    scene.say(rng.choice(phrases.NOT_THERE).format(identifier))
    made = scene.create(wanted, spoiled)
    scene.get(made)
    scene.say(rng.choice(phrases.MADE).format(made))


def twice(scene: Scene) -> None:
    """Delete what the first attempt has deleted already."""
    rng, noun = scene.rng, scene.family.noun
    wanted = scene.draft()
    identifier = scene.prepare(wanted)
    asked = f"{rng.choice(phrases.DELETE_NAMED).format(noun, identifier)} {where_words(wanted.where, rng)}"
    scene.begin([asked, rng.choice(phrases.REPEAT)], [f"delete the {noun}", "repeat the delete"])
    scene.delete(identifier)
    scene.delete(identifier)
    scene.say(rng.choice(phrases.SECOND))
    if scene.has("list"):
        scene.list_all()
    scene.say(rng.choice(phrases.TWICE).format(identifier))


def change_words(scene: Scene, name: str, value: Value, whose: str = "its") -> str:
    """`set its state to DISABLED`."""
    return scene.rng.choice(phrases.CHANGE).format(field_words(name), value.spoken, whose=whose)


def _remove(scene: Scene, identifier: str) -> None:
    scene.delete(identifier)
    if scene.rng.random() < 0.5:
        scene.say(scene.rng.choice(phrases.GONE))
        scene.get(identifier)


def _spoiled(scene: Scene, wanted: Draft, chance: float) -> tuple[Draft, Spoil | None]:
    found = spoil(scene.family, "create", wanted.arguments, scene.rng) if scene.rng.random() < chance else None
    if found is None or found.kind not in ("enum", "bound"):
        return wanted, found
    return with_value(wanted, found.name, found.right, found.spoken + _allowed(scene, found)), found


def _as_spoiled(scene: Scene, value: Value, spoiled: Spoil | None) -> Value:
    if spoiled is None or spoiled.kind not in ("enum", "bound"):
        return value
    return Value(spoiled.right, spoiled.spoken + _allowed(scene, spoiled))


def _allowed(scene: Scene, spoiled: Spoil) -> Any:
    return scene.rng.choice(phrases.ALLOWED) if spoiled.kind == "bound" else ""
