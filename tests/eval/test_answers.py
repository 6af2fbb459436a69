"""Batches, the store of answers, the early stop, and the packed decoder against transformers."""

from __future__ import annotations

import random

import pytest

from eval.answers import MOST_POSITIONS, AnswerFile, Prompt, answer_all, make_batches
from eval.settled import is_settled
from records.calls import parse_calls


def some_prompts(count: int, seed: int = 3) -> list[Prompt]:
    chance = random.Random(seed)
    return [Prompt(f"question {n}", chance.randrange(50, 900), chance.choice([160, 384])) for n in range(count)]


def test_batches_hold_each_prompt_once_within_limits():
    prompts = some_prompts(300)
    batches = make_batches(prompts, 16, 1.3)
    assert sorted(n for batch in batches for n in batch) == list(range(300))
    for batch in batches:
        lengths = [prompts[n].tokens for n in batch]
        assert len(batch) <= 16 and max(lengths) <= 1.3 * min(lengths)
        assert len({prompts[n].max_new_tokens for n in batch}) == 1
        assert len(batch) * (max(lengths) + prompts[batch[0]].max_new_tokens) <= MOST_POSITIONS


def test_batches_depend_on_the_questions_not_on_their_order():
    prompts = some_prompts(60)
    shuffled = random.Random(1).sample(prompts, 60)

    def texts(questions):
        return [[questions[n].text for n in batch] for batch in make_batches(questions, 8, 4.0)]

    assert texts(prompts) == texts(shuffled)


def ask(prompts, store, asked, workers=2):
    def generate(batch):
        asked.extend(prompt.text for prompt in batch)
        return [prompt.text.upper() for prompt in batch]

    return answer_all(
        prompts,
        batch_size=4,
        length_spread=4.0,
        workers=workers,
        decoding={"model": "m"},
        store=store,
        generate=generate,
        on_batch=lambda number: None,
    )


def test_no_question_is_asked_twice_after_any_cut(tmp_path):
    prompts = some_prompts(30)
    whole = tmp_path / "answers.jsonl"
    expected = ask(prompts, AnswerFile(whole), [])
    assert expected == [prompt.text.upper() for prompt in prompts]
    data = whole.read_bytes()
    for cut in random.Random(5).sample(range(len(data)), 25):
        part = tmp_path / f"cut{cut}.jsonl"
        part.write_bytes(data[:cut])
        kept = sum(len(answers) for answers in AnswerFile(part).batches.values())
        asked: list[str] = []
        assert ask(prompts, AnswerFile(part), asked) == expected
        assert len(asked) == len(prompts) - kept and len(set(asked)) == len(asked)
        assert ask(prompts, AnswerFile(part), asked := []) == expected and asked == []


def test_an_error_in_a_worker_is_not_swallowed(tmp_path):
    def broken(batch):
        raise RuntimeError("out of order")

    with pytest.raises(RuntimeError, match="out of order"):
        answer_all(
            some_prompts(5),
            batch_size=2,
            length_spread=4.0,
            workers=2,
            decoding={},
            store=AnswerFile(tmp_path / "a.jsonl"),
            generate=broken,
            on_batch=lambda number: None,
        )


PIECES = ["[", "]", "{", "}", '"', ":", ",", " ", "name", "arguments", "1", "-", ".5", "e", "true", "tru", "NaN", "\\"]
PIECES += [
    '[{"name": "f", "arguments": {"x": 1}}]',
    '{"name": "f", "arguments": {}}',
    "\n",
    "-Infinity",
    "\\u12",
    "é",
    "x",
]


def test_settled_answers_keep_their_calls_whatever_follows():
    chance = random.Random(11)
    settled = 0
    for _ in range(20_000):
        text = "".join(chance.choices(PIECES, k=chance.randrange(1, 24)))
        if chance.random() < 0.5:
            text += " and then some more words that hold no bracket at all"
        if is_settled(text):
            settled += 1
            for _ in range(5):
                more = text + "".join(chance.choices(PIECES, k=chance.randrange(1, 30)))
                assert parse_calls(more) == parse_calls(text)
    assert settled > 2_000


def test_answers_that_may_still_become_calls_are_not_settled():
    answer = 'Here: [{"name": "f", "arguments": {"x": "a [long] text", "y": [1.5e3, true, null], "z": "\\u00e9"}}]'
    assert [n for n in range(len(answer) + 1) if is_settled(answer[:n])] == [len(answer)]
    assert not is_settled("only words, however long " * 20)
    assert is_settled('```python\ndef f(values=[x for x in range(10)]):\n    return {"a": 1}')


def test_packed_writes_what_transformers_writes(three_models, tokenizer):
    """Prompts of very different lengths, with and without a common beginning, alone and together."""
    import torch
    from transformers import AutoModelForCausalLM

    from eval.packed import PackedLM

    folder = three_models / "base"
    lm = PackedLM(folder)
    lm.settled = lambda ids: False
    texts = ["<|im_start|>system\nBe brief.", "<|im_start|>system\nBe brief. " + "word " * 90, "<|im_start|>user\nhi"]
    model = AutoModelForCausalLM.from_pretrained(folder)
    expected = []
    for text in texts:
        ids = torch.tensor([tokenizer.encode(text)])
        with torch.no_grad():
            made = model.generate(ids, max_new_tokens=24, do_sample=False, eos_token_id=2, pad_token_id=2)
        expected.append([token for token in made[0][ids.shape[1] :].tolist() if token != 2])
    assert len({tuple(ids) for ids in expected}) == 3 and max(map(len, expected)) > 8

    def without_end(answers):
        return [[token for token in ids if token != 2] for ids in answers]

    prompts = [Prompt(text, 0, 24) for text in texts]
    assert without_end(lm.answer(prompts)) == expected
    assert [without_end(lm.answer([prompt]))[0] for prompt in prompts] == expected
    assert without_end(lm.answer([Prompt("quite different words", 0, 24), *prompts]))[1:] == expected


def test_packed_refuses_other_architectures(three_models, tmp_path):
    import json
    import shutil

    from eval.packed import PackedLM
    from records.errors import UserError

    folder = shutil.copytree(three_models / "base", tmp_path / "biased")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"hidden_act": "gelu"}))
    with pytest.raises(UserError, match="not a plain Llama"):
        PackedLM(folder)


def test_a_task_says_whether_its_answers_end_with_their_calls(three_models):
    """Only BFCL reads nothing but JSON calls; other tasks need what stands around and behind a bracket."""
    from eval.packed import PackedLM

    lm = PackedLM(three_models / "base")
    text = "[AddAlarm(token='a1b2c3', time='2023-07-15 09:00:00')]"
    ids = [*lm.tokenizer.encode(text), lm.end]

    def written(prompt: Prompt) -> str:
        made: list[int] = []
        with pytest.MonkeyPatch.context() as patch:

            def say(model, prompts, most, ends, masks, memory):
                for token in ids:
                    made.append(token)
                    if ends(0, made):
                        break
                return [made]

            patch.setattr("eval.packed.generate", say)
            return lm.tokenizer.decode(lm.answer([prompt])[0], skip_special_tokens=True)

    assert written(Prompt("a", 1, 64)) == text
    assert written(Prompt("a", 1, 64, settles=True)) != text, "no JSON can come of it"
    assert written(Prompt("a", 1, 64, settles=True, conversation=True)) == text, "words are part of the conversation"


def test_answers_of_other_tasks_than_bfcls_are_written_out():
    from eval.benchmarks import TASKS

    saying = {file.parent.name for file in TASKS.glob("*/*.py") if "settles" in file.read_text()}
    assert saying == {"bfcl"}, "a task that reads more than JSON calls must not end its answers there"
