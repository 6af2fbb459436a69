"""Tokenised shards and Parquet, compared with the tokenizer and the call format on their own."""

from __future__ import annotations

import dataclasses
import json
import random
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from corpus.rows import CONFIGS, SPLITS, TOKENISED, Row, ordered_json, write_documents
from corpus.shards import ROWS_IN_GROUP, SCHEMA, histogram, write_shards, write_split
from corpus.steps import Work
from corpus.tokenise import loss_of, row_lengths, tokenise
from corpus.tokenizer import control_tokens
from corpus.tokenizer import save_tokenizer as save_tokenizer_step
from records.calls import Call, answer_spans, calls_message, render_chat
from records.errors import UserError
from records.recipe import load_recipe

PARAMETERS = {"type": "object", "properties": {"z": {"type": "integer"}, "a": {"type": "integer"}}, "required": ["z"]}
TOOLS = [{"type": "function", "function": {"name": "zeta.add", "description": "Adds.", "parameters": PARAMETERS}}]
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")


def save_tokenizer(folder: Path) -> Tokenizer:
    """A byte-level tokenizer without merges: every byte is a token, and the special tokens come first."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate([*SPECIAL, *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    folder.mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    return tokenizer


def dialogue(number: int) -> Row:
    messages = [
        {"role": "user", "content": f"Add {number}, übrigens."},
        calls_message([Call("zeta.add", {"z": number, "a": 1})]),
        {"role": "tool", "content": "2"},
        {"role": "assistant", "content": "It is two."},
    ]
    return Row(
        f"call/{number}", "ift", render_chat(messages, TOOLS), "made", "MIT", "someone", "", "single", ("made/zeta",),
        ordered_json(messages), ordered_json(TOOLS), {"calls": {}},
    )  # fmt: skip


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Work:
    recipe = load_recipe("smoke")
    folder = tmp_path_factory.mktemp("corpus")
    # One process, because starting more takes longer than these few rows.
    corpus = dataclasses.replace(recipe.corpus, workers=1)
    place = Work(dataclasses.replace(recipe, name="tiny", corpus=corpus), folder / "work", folder / "out")
    save_tokenizer(place.step("tokenizer"))
    for config in CONFIGS:
        for split in SPLITS:
            rows = [dialogue(n) for n in range(3)] if config == "ift" else []
            if config in ("code", "labels"):
                rows = [Row(f"{config}/{n}", config, f"text {n} ünd", "made", "MIT", "", "", "x") for n in range(4)]
            write_documents(place.step("arrange") / config / f"{split}.jsonl", [row.document() for row in rows])
    tokenise(place, place.step("tokens"))
    return place


def documents(work: Work, config: str, split: str = "train") -> list[np.ndarray]:
    base = work.step("tokens") / "tokens" / config / f"{split}.ds"
    ids, ends = np.fromfile(base, dtype="<u2"), np.fromfile(f"{base}.index", dtype="<u8")
    assert not len(ends) or ends[-1] == len(ids)
    return np.split(ids, ends[:-1].astype(int)) if len(ends) else []


def test_plain_documents_are_the_text_and_an_end(work: Work) -> None:
    tokenizer = Tokenizer.from_file(str(work.step("tokenizer") / "tokenizer.json"))
    found = documents(work, "code")
    assert [list(ids) for ids in found] == [[*tokenizer.encode(f"text {n} ünd").ids, 0] for n in range(4)]
    assert row_lengths(work, "code", "train") == [len(ids) for ids in found]


def test_dialogues_end_in_their_own_end_and_have_loss_on_answers(work: Work) -> None:
    tokenizer = Tokenizer.from_file(str(work.step("tokenizer") / "tokenizer.json"))
    losses = np.fromfile(work.step("tokens") / "tokens/ift/train.ds.loss", dtype="u1")
    found = documents(work, "ift")
    assert len(losses) == sum(map(len, found)) and set(losses) == {0, 1}
    start = 0
    for number, ids in enumerate(found):
        text = dialogue(number).text
        assert list(ids) == tokenizer.encode(text).ids and text.endswith("<|im_end|>\n")
        counted = [int(i) for i, loss in zip(ids, losses[start : start + len(ids)], strict=True) if loss]
        answers = [
            f'[{{"name": "zeta.add", "arguments": {{"z": {number}, "a": 1}}}}]<|im_end|>',
            "It is two.<|im_end|>",
        ]
        assert counted == [i for answer in answers for i in tokenizer.encode(answer).ids]
        start += len(ids)


def test_empty_splits_have_empty_files(work: Work) -> None:
    assert documents(work, "web") == [] and (work.step("tokens") / "tokens/web/train.ds").stat().st_size == 0
    names = {file.name for config in TOKENISED for file in (work.step("tokens") / "tokens" / config).iterdir()}
    assert names == {f"{split}.ds{suffix}" for split in SPLITS for suffix in ("", ".index", ".loss")}


def write_foreign_tokenizer(folder: Path, reserved: int, filler: int) -> None:
    """As Llama 3 has it: texts open with one token and end in another, and reserved ids stand for nothing."""
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    special = ["<|begin_of_text|>", "<|end_of_text|>", *(f"<|reserved_special_token_{n}|>" for n in range(reserved))]
    letters = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *(f"filler{n}" for n in range(filler))]
    tokenizer = Tokenizer(models.BPE(vocab={token: number for number, token in enumerate(letters)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in special])
    tokenizer.decoder = decoders.ByteLevel()
    opening = [(special[0], tokenizer.token_to_id(special[0]))]
    tokenizer.post_processor = TemplateProcessing(single=f"{special[0]} $A", pair=None, special_tokens=opening)
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=special[0], eos_token=special[1])
    wrapped.save_pretrained(folder)


@pytest.mark.parametrize(("reserved", "filler"), [(4, 66_000), (1, 0)])
def test_shards_of_another_tokenizer(work: Work, tmp_path: Path, reserved: int, filler: int) -> None:
    """Wide ids, the tokenizer's own opening and end around documents, turns in reserved ids where it has two."""
    write_foreign_tokenizer(tmp_path / "foreign", reserved, filler)
    corpus = dataclasses.replace(work.recipe.corpus, tokenizer=str(tmp_path / "foreign"))
    place = Work(dataclasses.replace(work.recipe, corpus=corpus), tmp_path / "work", tmp_path / "out")
    place.step("tokenizer").mkdir(parents=True)
    save_tokenizer_step(place, place.step("tokenizer"))
    place.step("arrange").symlink_to(work.step("arrange"))
    tokenise(place, place.step("tokens"))
    before = Tokenizer.from_file(str(tmp_path / "foreign" / "tokenizer.json"))
    after = Tokenizer.from_file(str(place.step("tokenizer") / "tokenizer.json"))
    assert after.get_vocab_size() == before.get_vocab_size()
    report = json.loads((place.step("tokenizer") / "report.json").read_text())
    assert report["vocabulary"] == before.get_vocab_size() and report["name"] == "foreign"
    kind = "<u4" if filler else "<u2"
    base = place.step("tokens") / "tokens"
    first, last = (before.token_to_id(token) for token in ("<|begin_of_text|>", "<|end_of_text|>"))
    text = before.encode("text 0 ünd", add_special_tokens=False).ids
    found = list(np.fromfile(base / "code/train.ds", dtype=kind))
    assert found[: len(text) + 2] == [first, *text, last]
    assert len(found) == np.fromfile(base / "code/train.ds.index", dtype="<u8")[-1]
    ids, loss = np.fromfile(base / "ift/train.ds", dtype=kind), np.fromfile(base / "ift/train.ds.loss", dtype="u1")
    assert first not in ids and last not in ids, "a dialogue has its own tokens"
    turns = [before.token_to_id(f"<|reserved_special_token_{n}|>") for n in range(2)] if reserved > 1 else []
    if turns:
        assert [after.token_to_id(token) for token in SPECIAL[1:]] == turns
        count = sum(dialogue(number).text.count("<|im_end|>") for number in range(3))
        assert all(int((ids == turn).sum()) == count for turn in turns)
    else:
        assert after.token_to_id("<|im_end|>") is None
    answers = after.decode([int(i) for i in ids[loss == 1]], skip_special_tokens=False)
    assert answers.count("It is two.<|im_end|>") == 3 and answers.count("<|im_end|>") == 6
    assert "übrigens" not in answers


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("/nowhere/at/all", "corpus.tokenizer: /nowhere/at/all is no folder here and the Hub does not give it"),
        ("{folder}", "holds no tokenizer that transformers reads"),
    ],
)
def test_a_tokenizer_that_is_none_is_named(work: Work, tmp_path: Path, named: str, message: str) -> None:
    corpus = dataclasses.replace(work.recipe.corpus, tokenizer=named.format(folder=tmp_path))
    with pytest.raises(UserError, match=message):
        save_tokenizer_step(dataclasses.replace(work, recipe=dataclasses.replace(work.recipe, corpus=corpus)), tmp_path)


def shard_of(work: Work, config: str) -> Path:
    return work.step("shards") / "data" / config / "train-00000-of-00001.parquet"


def test_large_splits_have_several_files(tmp_path: Path) -> None:
    rng = random.Random(1)
    texts = ["".join(rng.choices("abcdefghij ", k=400)) for _ in range(4 * ROWS_IN_GROUP + 7)]
    rows = [Row(f"r{n}", "text", text, "made", "MIT", "", "", "x").document() for n, text in enumerate(texts)]
    (tmp_path / "train-00000-of-00009.parquet").write_bytes(b"of an earlier run")
    files = write_split(tmp_path, "train", rows, [1] * len(rows), most_bytes=150_000)
    assert [file.name for file in files] == [f"train-0000{n}-of-0000{len(files)}.parquet" for n in range(len(files))]
    assert len(files) > 1 and sorted(tmp_path.iterdir()) == files
    assert [text for file in files for text in pq.read_table(file).column("text").to_pylist()] == texts
    again = write_split(tmp_path / "again", "train", iter(rows), [1] * len(rows), most_bytes=150_000)
    assert [file.read_bytes() for file in again] == [file.read_bytes() for file in files]
    assert write_split(tmp_path, "validation", [], []) == []


def test_parquet_has_the_columns_and_tokens(work: Work) -> None:
    write_shards(work, work.step("shards"))
    table = pq.read_table(shard_of(work, "ift"))
    assert table.schema.equals(SCHEMA)
    rows = table.to_pylist()
    assert [row["tokens"] for row in rows] == [len(ids) for ids in documents(work, "ift")]
    for row in rows:
        messages, tools = json.loads(row["messages"]), json.loads(row["tools"])
        assert render_chat(messages, tools) == row["text"], "messages and tools render to the row's text again"
        assert answer_spans(messages, tools) and row["license"] == "MIT"
    plain = pq.read_table(shard_of(work, "code")).to_pylist()
    assert all(row["messages"] is None and row["tools"] is None for row in plain)
    assert not shard_of(work, "web").exists()


def test_parquet_is_zstd_with_small_groups_and_a_page_index(work: Work) -> None:
    write_shards(work, work.step("shards"))
    file = pq.ParquetFile(shard_of(work, "ift"))
    column = file.metadata.row_group(0).column(0)
    assert column.compression == "ZSTD" and column.has_offset_index and column.has_column_index


def test_loss_takes_tokens_wholly_inside_an_answer() -> None:
    assert loss_of([(0, 2), (2, 5), (4, 7), (7, 9)], [(2, 6)]).tolist() == [0, 1, 0, 0]


def test_histogram_bounds_are_powers_of_two() -> None:
    assert histogram([1, 2, 3, 4, 5, 8, 9]) == {"1": 1, "2": 1, "4": 2, "8": 2, "16": 1}


def test_control_tokens_are_those_of_the_tokenizer(tmp_path: Path) -> None:
    save_tokenizer(tmp_path / "tokenizer")
    assert set(control_tokens(tmp_path / "tokenizer")) == set(SPECIAL)
