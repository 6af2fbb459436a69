"""Sessions: every emitted call validates, replay reproduces, and each kind of failure is recovered from."""

from __future__ import annotations

import dataclasses
import json
import re
from collections import Counter

import jsonschema
import pytest

from corpus.session_drafts import NoSession
from corpus.session_scene import Step
from corpus.sessions import SCENARIOS, Session, make_session, replay
from corpus.simulator_errors import CONFLICT, INVALID, KINDS, NOT_FOUND, THROTTLED
from tests.corpus.heard import is_heard, leaves
from tests.corpus.made_apis import thing
from tests.corpus.made_sessions import FAMILIES, SESSIONS


def calls_and_texts(session: Session) -> list[tuple[Step, str]]:
    """Every step with what the user and the tools had said before it."""
    found, before, steps = [], "", iter(session.steps)
    for message in session.messages:
        if "tool_calls" in message:
            found.append((next(steps), before))
        elif message["role"] in ("user", "tool"):
            before += message["content"] + "\n"
    return found


def test_the_made_up_families_are_found() -> None:
    assert [family.id for family in FAMILIES] == [
        "aws/alpha/thing", "aws/beta/thing", "google/gamma/projects_locations_cluster"
    ]  # fmt: skip


def test_every_emitted_call_validates_but_those_marked() -> None:
    valid, invalid = 0, 0
    for session in SESSIONS:
        apis = {api.name: api.parameters for api in session.family.operations.values()}
        tools = {tool["function"]["name"]: tool["function"]["parameters"] for tool in session.tools}
        for step in session.steps:
            for schema in (apis[step.call.name], tools[step.call.name]):
                closed = jsonschema.Draft202012Validator({**schema, "additionalProperties": False})
                assert closed.is_valid(step.call.arguments) == step.valid, step
            valid, invalid = valid + step.valid, invalid + (not step.valid)
            assert step.valid or step.failure in (INVALID, THROTTLED)
            assert not step.valid or step.failure != INVALID
    assert valid > 1000 and 0 < invalid < 0.15 * valid


def test_results_have_the_shape_that_the_api_states() -> None:
    for session in SESSIONS:
        apis = {api.name: api.returns for api in session.family.operations.values()}
        for step in session.steps:
            if step.failure is None:
                jsonschema.validate(json.loads(step.observation), apis[step.call.name])


def test_replay_reproduces_every_observation() -> None:
    for session in SESSIONS:
        assert replay(session) == [step.observation for step in session.steps]


def test_replay_tells_a_changed_observation() -> None:
    session = next(one for one in SESSIONS if one.scenario == "conflict")
    without = dataclasses.replace(session, setup=())
    assert replay(without) != [step.observation for step in session.steps]


def test_every_argument_value_is_in_the_goal_or_an_earlier_observation() -> None:
    for session in SESSIONS:
        for step, before in calls_and_texts(session):
            for name, value in step.call.arguments.items():
                # The mask is the name of the parameter that changes.
                if name != "updateMask" and step.valid:
                    assert all(is_heard(leaf, before) for leaf in leaves(value)), (step.call, before)


@pytest.mark.parametrize("kind", KINDS)
def test_each_failure_occurs_and_is_recovered_from(kind: str) -> None:
    sessions = [session for session in SESSIONS if any(step.failure == kind for step in session.steps)]
    assert len(sessions) > 0.05 * len(SESSIONS)
    for session in sessions:
        steps = session.steps
        for number, step in enumerate(steps):
            if step.failure == THROTTLED:
                assert steps[number + 1].call == step.call and steps[number + 1].failure != THROTTLED
            if step.failure == INVALID:
                mended = next(one for one in steps[number + 1 :] if one.failure != THROTTLED)
                assert mended.call.name == step.call.name and mended.valid and mended.failure is None
        # What ends in a failure is a read or delete that shows that the resource is gone.
        if steps[-1].failure:
            assert steps[-1].failure == NOT_FOUND and re.search("get|delete", steps[-1].call.name)
        assert session.messages[-1]["role"] == "assistant" and "tool_calls" not in session.messages[-1]


def test_a_conflict_ends_in_what_the_goal_says() -> None:
    for session in SESSIONS:
        if session.scenario == "conflict":
            first = next(number for number, step in enumerate(session.steps) if step.failure == CONFLICT)
            after = [step.call.name for step in session.steps[first + 1 :] if step.failure is None]
            assert after and re.search("get", after[-1])


def test_all_scenarios_are_played_and_are_of_several_steps() -> None:
    played = Counter(session.scenario for session in SESSIONS)
    assert set(played) == set(SCENARIOS)
    assert min(played.values()) > 0.02 * len(SESSIONS)
    assert all(len(session.steps) >= 2 for session in SESSIONS)


def skeleton(session: Session) -> str:
    """The goal without what the seed filled in."""
    words = session.messages[0]["content"].split()
    return " ".join(words[:4])


def test_no_phrasing_dominates() -> None:
    goals = [session.messages[0]["content"] for session in SESSIONS]
    assert len(set(goals)) == len(goals)
    assert Counter(map(skeleton, SESSIONS)).most_common(1)[0][1] < 0.06 * len(SESSIONS)
    closings = Counter(session.messages[-1]["content"].split(" ")[0] for session in SESSIONS)
    assert closings.most_common(1)[0][1] < 0.3 * len(SESSIONS)


def test_goals_read_like_sentences() -> None:
    for session in SESSIONS:
        text = session.messages[0]["content"]
        assert not re.search(r" [?.,]|\.\.|\{|None|  ", text.replace("{}", "")), text
        assert text[-1] in ".?!"


def test_same_seed_same_session() -> None:
    for family in FAMILIES:
        one, two = make_session(family, 7), make_session(family, 7)
        assert one == two
        assert make_session(family, 8).messages != one.messages


def test_a_family_without_values_is_refused_with_a_reason() -> None:
    family = FAMILIES[0]
    create = family.operations["create"]
    parts = {**create.parameters["properties"], "thingName": {"type": "string", "maxLength": 0}}
    broken = dataclasses.replace(
        family, operations={**family.operations, "create": dataclasses.replace(create, parameters=thing(**parts))}
    )
    with pytest.raises(NoSession, match=r"^no_name$"):
        make_session(broken, 1)
