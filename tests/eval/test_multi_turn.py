"""BFCL's multi-turn sets on the official simulated classes, and the runner of conversations."""

from __future__ import annotations

import ast
import json
import random

import pytest
from lm_eval.api.model import LM

from eval.multi_turn import REPEATS, run_episodes
from eval.tasks.bfcl.multi_turn_entries import MULTI_TURN, entries
from eval.tasks.bfcl.multi_turn_episode import MOST_STEPS_A_TURN, BfclEpisode, check, decoded, judge_transcript
from eval.tasks.bfcl.multi_turn_execution import REFUSED, Environment, as_text, call_literally, executor
from records.calls import Call, format_calls
from tests.eval.official_runner import Handler, runner


def parameters(entry) -> dict[str, list[str]]:
    every = [*entry.functions, *[function for added in entry.added.values() for function in added]]
    return {function["name"]: list(function["parameters"]["properties"]) for function in every}


def gold_turns(entry) -> list[list[Call]]:
    """The gold calls as calls with named arguments, read from their syntax tree."""
    names = parameters(entry)
    turns = []
    for turn in entry.gold:
        calls = []
        for text in turn:
            node = ast.parse(text, mode="eval").body
            given = dict(zip(names[node.func.id], map(ast.literal_eval, node.args), strict=False))
            given |= {part.arg: ast.literal_eval(part.value) for part in node.keywords}
            calls.append(Call(node.func.id, given))
        turns.append(calls)
    return turns


class Scripted(LM):
    """Answers each conversation with its own list of texts, then with words."""

    def __init__(self, scripts: list[list[str]]) -> None:
        super().__init__()
        self.scripts = [list(script) for script in scripts]
        self.batches: list[int] = []

    def generate_until(self, requests, disable_tqdm=False):
        self.batches.append(len(requests))
        return [self.scripts[r.doc_id].pop(0) if self.scripts[r.doc_id] else "Done." for r in requests]

    def loglikelihood(self, requests):
        raise NotImplementedError

    loglikelihood_rolling = loglikelihood


def script(turns: list[list[Call]]) -> list[str]:
    """All calls of a turn in one answer, then words, which end the turn."""
    return [text for calls in turns for text in ([format_calls(calls)] if calls else []) + ["Done."]]


def play(chosen, scripts):
    lm = Scripted(scripts)
    settings = [{"until": ["<|im_end|>"], "max_gen_toks": 64}] * len(chosen)
    return run_episodes(lm, [BfclEpisode(entry) for entry in chosen], settings), lm


@pytest.mark.parametrize("category", MULTI_TURN)
def test_gold_conversations_are_right_through_the_runner(category):
    chosen = entries(category)[::5]
    transcripts, lm = play(chosen, [script(gold_turns(entry)) for entry in chosen])
    assert [judge_transcript(e, t) for e, t in zip(chosen, transcripts, strict=True)] == [(True, "right")] * 40
    assert lm.batches[0] == 40 and len(lm.batches) < 60, "conversations go on together"


@pytest.mark.parametrize("category", MULTI_TURN)
def test_all_gold_is_right(category):
    assert len(entries(category)) == 200
    wrong = [e.id for e in entries(category) if not check(e, [[turn] if turn else [] for turn in e.gold])[0]]
    assert wrong == []


def perturbed(turns: list[list[Call]], chance: random.Random) -> list[list[Call]]:
    changed = [[Call(call.name, dict(call.arguments)) for call in calls] for calls in turns]
    full = [calls for calls in changed if calls]
    calls = chance.choice(full)
    call = chance.choice(calls)
    match chance.randrange(6):
        case 0:
            calls.remove(call)
        case 1 if call.arguments:
            call.arguments[chance.choice(sorted(call.arguments))] = chance.choice(
                [None, 7, "x(y) and 'z'", [1, {"a": 2}]]
            )
        case 2:
            calls.append(call)
        case 3:
            calls[calls.index(call)] = Call("no_such_function", call.arguments)
        case 4:
            call.arguments["surplus"] = True
        case _:
            chance.shuffle(calls)
    return changed


@pytest.fixture
def python_eval():
    """The official executor with Python's own `eval`, as its authors run it; used on what this file wrote alone."""
    module = executor()
    ours = module.eval
    yield lambda real: module.__dict__.__setitem__("eval", eval_in(module) if real else ours)
    module.eval = ours


def eval_in(module):
    return lambda text: eval(text, vars(module))


@pytest.mark.parametrize("category", MULTI_TURN)
def test_no_disagreement_with_the_official_runner(category, python_eval):
    """Gold, perturbed and foreign conversations: verdict of BFCL's own runner, executor and `eval`."""
    from eval.tasks.bfcl.multi_turn_execution import forget, fresh_name

    chance, handler, verdicts = random.Random(3), Handler(), set()
    chosen = entries(category)[::4]
    for entry in chosen:
        turns = gold_turns(entry)
        foreign = gold_turns(chance.choice(chosen))
        for calls in (turns, perturbed(turns, chance), perturbed(turns, chance), foreign):
            answers = [[format_calls(part)] if part else ["Done."] for part in calls]
            transcript = {"ended": "ended", "turns": answers}
            python_eval(False)
            ours = judge_transcript(entry, transcript)
            python_eval(True)
            name = fresh_name()
            judged = runner()["_evaluate_single_multi_turn_entry"](
                handler, entry.id, answers, entry.gold, dict(entry.raw), name, category
            )
            forget(name)
            assert ours[0] == judged["valid"], (entry.id, ours)
            if "error" in judged and len(answers) == len(entry.gold):
                assert ours[1].startswith(judged["error"]["error_type"])
            verdicts.add(ours[0])
    assert verdicts == {True, False}


def test_results_of_calls_are_those_of_python_eval(python_eval):
    for entry in entries("multi_turn_base")[:60]:
        outcomes = []
        for real in (False, True):
            python_eval(real)
            environment = Environment(entry.raw, entry.long_context)
            outcomes.append([environment.execute(turn) for turn in entry.gold])
            environment.close()
        assert outcomes[0] == outcomes[1] and any(outcomes[0])


def test_code_in_a_conversation_is_never_run(tmp_path):
    target = tmp_path / "written"
    code = f"__import__('pathlib').Path({str(target)!r}).touch()"
    entry = entries("multi_turn_base")[0]
    attempts = [
        Call("cd", {"folder": code}),
        Call(f"cd(folder={code})", {}),
        Call("cd", {f"folder={code}, x": 1}),
        Call("__import__", {"name": "os"}),
        Call("cd.__globals__", {}),
        Call("eval", {"x": code}),
        Call("_load_scenario", {"scenario": {}}),
        Call("ls", {"a": {"b": [code]}}),
    ]
    answers = [format_calls([call]) for call in attempts] + [code, f"[{code}]", f"cd(folder={code})"]
    (transcript,), _ = play([entry], [answers])
    assert not judge_transcript(entry, transcript)[0] and not target.exists()
    for text in (
        code,
        f"x_instance.cd({code})",
        "x_instance.__class__()",
        "x_instance.cd(**{'a': 1})",
        "1 + 1",
        "f()()",
    ):
        with pytest.raises((NameError, ValueError, SyntaxError)):
            call_literally(text, {"x_instance": object()})
    assert not target.exists()


def test_calls_that_cannot_be_written_as_literals_are_refused():
    deep = json.loads("[" * 60 + "]" * 60)
    for call in (
        Call("cd", {"folder": float("inf")}),
        Call("cd", {"folder": deep}),
        Call("cd", {"folder": "\ud800"}),
        Call("cd", {"folder": 10**200}),
        Call("cd", {"a b": 1}),
        Call("cd", {"class": 1}),
        Call("a.cd", {}),
        Call("cd", {"folder": "x" * 30_000}),
    ):
        assert as_text(call) == REFUSED
    entry = entries("multi_turn_base")[0]
    (transcript,), _ = play([entry], [[format_calls([Call("cd", {"a b": 1})])]])
    assert "Error during execution" in transcript["results"][0][0][0]
    assert judge_transcript(entry, transcript)[1].endswith("with refused calls")


def test_endless_and_repeated_conversations_end_under_names():
    entry = entries("multi_turn_base")[0]
    endless = [format_calls([Call("mkdir", {"dir_name": f"d{n}"})]) for n in range(100)]
    repeated = [format_calls([Call("pwd", {})])] * 100
    talking = ["x" * 100_000] * 10
    transcripts, _ = play([entry] * 3, [endless, repeated, talking])
    assert [t["ended"] for t in transcripts] == ["endless_turn", "repeated_calls", "ended"]
    assert len(transcripts[0]["turns"][0]) == MOST_STEPS_A_TURN + 1 and len(transcripts[1]["turns"][0]) == REPEATS
    reasons = [judge_transcript(entry, transcript) for transcript in transcripts]
    assert reasons[:2] == [(False, "multi_turn:endless_turn"), (False, "multi_turn:repeated_calls")]
    assert reasons[2] == (False, "multi_turn:empty_turn_model_response")


def test_a_context_that_is_full_ends_the_conversation(tokenizer):
    entry = entries("multi_turn_base")[0]
    lm = Scripted([[]])
    lm.tokenizer, lm.max_length = tokenizer, 100
    (transcript,) = run_episodes(lm, [BfclEpisode(entry)], [{"max_gen_toks": 64}])
    assert transcript["ended"] == "context_overflow" and lm.batches == []
    assert judge_transcript(entry, transcript) == (False, "multi_turn:context_overflow")


def test_held_out_functions_appear_in_their_turn():
    entry = entries("multi_turn_miss_func")[0]
    turn = next(iter(entry.added))
    names = [{tool["function"]["name"] for tool in entry.tools(n)} for n in range(len(entry.turns))]
    added = {function["name"] for function in entry.added[turn]}
    assert added and all(not added & names[n] for n in range(turn)) and all(added <= names[n] for n in range(turn, 5))
    assert entry.turns[turn] == []


def test_decoded_leaves_out_steps_without_calls():
    call = format_calls([Call("ls", {"a": True})])
    assert decoded([["words", call], []]) == [[["ls(a=True)"]], []]


def test_the_task_works_with_lm_eval_and_our_backend(three_models, tmp_path):
    """The task's requests reach the runner through lm-eval's own `evaluate`; a second run asks nothing."""
    from lm_eval.evaluator import evaluate
    from lm_eval.tasks import TaskManager

    from eval.benchmarks import TASKS
    from eval.packed import PackedLM

    outcomes = []
    for _ in range(2):
        store = tmp_path / "answers.jsonl"
        before = store.read_bytes() if store.exists() else b""
        loaded = TaskManager(include_path=str(TASKS), include_defaults=False).load(["bfcl_multi_turn_base"])
        for task in loaded["tasks"].values():
            task.set_config(key="generation_kwargs", value={"max_gen_toks": 4}, update=True)
        lm = PackedLM(three_models / "base", 2, answers=store, identity="tiny")
        raw = evaluate(lm, task_dict=loaded, samples={"bfcl_multi_turn_base": [100, 8]}, bootstrap_iters=1)
        rows = raw["samples"]["bfcl_multi_turn_base"]
        outcomes.append([row["filtered_resps"][0] for row in rows])
        assert [json.loads(text)["ended"] for text in outcomes[-1]] and raw["results"]["bfcl_multi_turn_base"][
            "acc,none"
        ] == 0
    assert outcomes[0] == outcomes[1] and store.read_bytes() == before


def test_malformed_answers_end_no_run(tokenizer):
    """Halves of surrogate pairs, deep nesting, infinity, very long text: wrong, and the next prompt can be read."""
    entry = entries("multi_turn_base")[0]
    deep = "[" * 900 + "]" * 900
    arguments = [
        '"\\ud800"',
        deep,
        "1e999",
        "NaN",
        '"' + "x" * 30_000 + '"',
        "1" * 5_000,
        '{"a": ' * 300 + "1" + "}" * 300,
    ]
    answers = [f'[{{"name": "cd", "arguments": {{"folder": {value}}}}}]' for value in arguments]
    answers += ["", "\ud800", "[" * 100_000, "{" * 5_000, "\x00\x01"]
    for answer in answers:
        episode = BfclEpisode(entry)
        episode.take(answer)
        step = episode.step()
        assert step is None or tokenizer.encode(step.prompt)
        episode.end("ended")
        assert not judge_transcript(entry, json.loads(json.dumps(episode.transcript())))[0]
