"""The adapter's model against transformers' own Llama: logits, packing, loss, and ten steps of training."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM

from records.errors import UserError
from records.files import read_json, write_json
from tests.training.places import VOCABULARY, Place, adapter_logits, make_place, make_trainer, write_base
from training.convert import to_nanotron, to_transformers
from training.model_config import model_config
from training.packing import row_of
from training.schedule import Schedule

if TYPE_CHECKING:
    from training.trainer import StageTrainer

pytestmark = pytest.mark.usefixtures("adapter")


def plain_model(folder: Path) -> torch.nn.Module:
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def random_ids(batch: int, length: int) -> torch.Tensor:
    return torch.randint(3, VOCABULARY, (batch, length), generator=torch.Generator().manual_seed(7))


@pytest.mark.parametrize("tied", [True, False])
def test_conversion_there_and_back_changes_no_logit(tmp_path: Path, tied: bool) -> None:
    write_base(tmp_path / "base", tied=tied)
    to_nanotron(tmp_path / "base", tmp_path / "checkpoint")
    (tmp_path / "back").mkdir()
    to_transformers(tmp_path / "checkpoint", tmp_path / "base", tmp_path / "back" / "model.safetensors")
    (tmp_path / "back" / "config.json").write_bytes((tmp_path / "base" / "config.json").read_bytes())
    ids = random_ids(2, 40)
    with torch.no_grad():
        before, after = (plain_model(tmp_path / name)(ids).logits for name in ("base", "back"))
    assert (before - after).abs().max().item() == 0.0


def test_logits_of_the_adapter_are_those_of_transformers(place: Place) -> None:
    trainer, *_ = make_trainer(place, "stage1")
    ids = random_ids(2, 64)
    positions = torch.arange(64).expand(2, 64).contiguous()
    with torch.no_grad():
        expected = plain_model(place.paths.model("base"))(ids).logits
    assert (adapter_logits(trainer, ids, positions) - expected).abs().max().item() < 1e-5


@pytest.mark.parametrize(("initializer_range", "most"), [(0.02, 1e-2), (0.1, 5e-2)])
def test_logits_in_bfloat16(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, initializer_range: float, most: float
) -> None:
    """Within rounding of transformers' bfloat16, and no further from float32 than those are. One unit in the last place
    of logits between 2 and 4, as the wider weights give them, is 0.0156 already."""
    monkeypatch.setenv("BUILD", str(tmp_path / "build"))
    place = make_place(tmp_path, {"dtype": "bfloat16"})
    write_base(place.paths.model("base"), initializer_range=initializer_range)
    trainer, *_ = make_trainer(place, "stage1")
    assert {weight.dtype for weight in trainer.unwrapped_model.parameters()} == {torch.bfloat16}
    ids = random_ids(2, 64)
    found = adapter_logits(trainer, ids, torch.arange(64).expand(2, 64).contiguous()).float()
    expected = {}
    for dtype in (torch.bfloat16, torch.float32):
        model = AutoModelForCausalLM.from_pretrained(place.paths.model("base"), dtype=dtype).eval()
        with torch.no_grad():
            expected[dtype] = model(ids).logits.float()
    assert 0 < (found - expected[torch.bfloat16]).abs().max().item() < most
    ours, theirs = ((logits - expected[torch.float32]).abs().max() for logits in (found, expected[torch.bfloat16]))
    assert ours < 1.2 * theirs


def test_packed_documents_do_not_see_each_other(place: Place) -> None:
    trainer, *_ = make_trainer(place, "stage1")
    documents = [random_ids(1, size)[0] for size in (20, 7, 37)]
    packed = torch.cat(documents)[None]
    positions = torch.cat([torch.arange(len(document)) for document in documents])[None]
    found = adapter_logits(trainer, packed, positions)[0].split([20, 7, 37])
    model = plain_model(place.paths.model("base"))
    for document, logits in zip(documents, found, strict=True):
        with torch.no_grad():
            alone = model(document[None]).logits[0]
        assert (logits - alone).abs().max().item() < 1e-5
    check_mask(trainer, packed, positions, torch.cat(found))
    unmasked = adapter_logits(trainer, packed, torch.arange(64)[None])[0]
    assert (torch.cat(found) - unmasked).abs().max().item() > 0.1, "the check can fail"


def check_mask(trainer: StageTrainer, packed: torch.Tensor, positions: torch.Tensor, expected: torch.Tensor) -> None:
    """The mask of GPUs gives the logits [sequence, vocabulary] that runs give on CPUs."""
    from training.attention import packed_mask

    model_cache = trainer.unwrapped_model.model.decoder[0].pp_block.attn.packing
    model_cache.last.mask = packed_mask(positions)
    assert (adapter_logits(trainer, packed, positions)[0] - expected).abs().max().item() < 1e-5


def test_branches_see_the_start_of_their_document_and_themselves(place: Place) -> None:
    trainer, *_ = make_trainer(place, "stage1")
    before, start, *branches, after = (random_ids(1, size)[0] + size for size in (5, 20, 9, 1, 14, 11))
    packed = torch.cat([before, start, *branches, after])[None] % VOCABULARY
    places = [torch.arange(20, 20 + len(branch)) for branch in branches]
    positions = torch.cat([torch.arange(5), torch.arange(20), *places, torch.arange(11)])[None]
    found = adapter_logits(trainer, packed, positions)[0]
    model = plain_model(place.paths.model("base"))
    for branch, logits in zip(branches, found[25:49].split([9, 1, 14]), strict=True):
        with torch.no_grad():
            alone = model(torch.cat([start, branch])[None] % VOCABULARY).logits[0, 20:]
        assert (logits - alone).abs().max().item() < 1e-5
    with torch.no_grad():
        assert (found[49:] - model(after[None] % VOCABULARY).logits[0]).abs().max().item() < 1e-5
    check_mask(trainer, packed, positions, found)


@pytest.mark.parametrize("key", ["stage1", "control"])
def test_training_equals_a_plain_loop(place: Place, key: str) -> None:
    """Losses and weights of twelve steps: nanotron on packed rows, transformers on one document at a time."""
    trainer, plans, stage = make_trainer(place, key)
    trainer.train(trainer.micro_batches(plans.reader(stage.recipe, 1, 0), 0))
    model = plain_model(place.paths.model("base")).train()
    values, steps = stage.recipe, trainer.config.tokens.train_steps
    decaying = [weight for name, weight in model.named_parameters() if "norm" not in name and "embed" not in name]
    bare = [weight for name, weight in model.named_parameters() if "norm" in name or "embed" in name]
    groups = [{"params": decaying}, {"params": bare, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.95), eps=1e-8, weight_decay=values.weight_decay)
    rates = [1 / 4, 2 / 4, 3 / 4, 1, 1, 1, 0.85, 0.7, 0.55, 0.4, 0.25, 0.1]  # warm-up 3, decay 6 of 12 steps
    losses = []
    number = 0
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = values.learning_rate * rates[step]
        total = 0.0
        for _ in range(values.accumulation):
            loss = plain_loss(model, [row_of(plans.train, number + place) for place in range(values.micro_batch_size)])
            number += values.micro_batch_size
            (loss / values.accumulation).backward()
            total += loss.item() / values.accumulation
        losses.append(total)
        torch.nn.utils.clip_grad_norm_(model.parameters(), values.clip_gradient)
        optimizer.step()
        optimizer.zero_grad()
    assert trainer.losses == pytest.approx(losses, rel=2e-5)
    assert losses[-1] < losses[0] - 0.3
    trainer.save_weights(place.paths.build / "final")
    to_transformers(place.paths.build / "final", place.paths.model("base"), place.paths.build / "model.safetensors")
    learned, weights = load_file(place.paths.build / "model.safetensors"), model.state_dict()
    assert max((learned[name] - weights[name]).abs().max().item() for name in learned) < 1e-3


def plain_loss(model: torch.nn.Module, rows: list) -> torch.Tensor:
    """Mean loss over the marked targets of a micro batch, each document in a forward pass of its own."""
    losses = []
    root = 0
    for row in rows:
        opens = [n for n in range(len(row.positions)) if n == 0 or row.positions[n] != row.positions[n - 1] + 1]
        for start, stop in pairwise([*opens, len(row.positions)]):
            shared = int(row.positions[start])
            root = start if shared == 0 else root
            mask = torch.from_numpy(row.label_mask[start:stop])
            if mask.any():
                ids = np.concatenate((row.input_ids[root : root + shared], row.input_ids[start:stop]))
                logits = model(torch.from_numpy(ids)[None]).logits[0, shared:]
                labels = torch.from_numpy(row.label_ids[start:stop])
                losses.append(cross_entropy(logits[mask], labels[mask], reduction="none"))
    return torch.cat(losses).mean()


def test_only_answers_teach(place: Place) -> None:
    """Changing tokens that are targets without loss, in the last example's question, leaves that micro batch's loss."""
    trainer, plans, stage = make_trainer(place, "control")
    batch = plans.reader(stage.recipe, 1, 0).micro_batch(0, 0)
    with torch.no_grad():
        before = float(trainer.model(**batch)["loss"])
        masked = dict(batch, label_ids=torch.where(batch["label_mask"], batch["label_ids"], 9))
        moved = dict(batch, label_ids=(batch["label_ids"] + 1) % VOCABULARY)
        assert float(trainer.model(**masked)["loss"]) == before
        assert abs(float(trainer.model(**moved)["loss"]) - before) > 1e-3


def test_resumed_rate_is_that_of_the_step() -> None:
    schedule = Schedule(steps=10, warmup=2, decay=4, min_share=0.1)
    shares = [round(schedule.share(done), 4) for done in range(10)]
    assert [Schedule(3, 0, 0, 0.1).share(done) for done in range(4)] == [1, 1, 1, 1], "no decay divides by no zero"
    assert shares == [0.3333, 0.6667, 1, 1, 1, 1, 0.775, 0.55, 0.325, 0.1]


def test_a_model_that_is_no_plain_llama_is_refused(tmp_path: Path) -> None:
    write_base(tmp_path)
    config = read_json(tmp_path / "config.json", "the test")
    write_json(tmp_path / "config.json", config | {"attention_bias": True})
    with pytest.raises(UserError, match="no plain Llama \\(attention_bias\\)"):
        model_config(tmp_path)


def test_a_checkpoint_without_a_weight_is_refused(tmp_path: Path) -> None:
    write_base(tmp_path / "base")
    to_nanotron(tmp_path / "base", tmp_path / "checkpoint")
    next((tmp_path / "checkpoint").rglob("mlp/down_proj/*.safetensors")).unlink()
    with pytest.raises(UserError, match=r"lacks model\.decoder\.\d\.pp_block\.mlp\.down_proj\.weight"):
        to_transformers(tmp_path / "checkpoint", tmp_path / "base", tmp_path / "model.safetensors")


def write_mistral(folder: Path, window: int | None, tied: bool = False) -> None:
    from transformers import MistralConfig, MistralForCausalLM

    torch.manual_seed(5)
    config = MistralConfig(
        vocab_size=VOCABULARY,
        hidden_size=48,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=6,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=256,
        rope_parameters={"rope_theta": 1e6, "rope_type": "default"},
        sliding_window=window,
        tie_word_embeddings=tied,
        initializer_range=0.1,
    )
    MistralForCausalLM(config).save_pretrained(folder, max_shard_size="40KB")
    write_json(folder / "record.json", {"schema": 1, "name": "tiny", "stage": "base"})


@pytest.mark.parametrize("window", [None, 9])
def test_mistral_packed_equals_transformers_unpacked(place: Place, window: int | None) -> None:
    from training.attention import packed_mask

    folder = place.paths.model("base")
    for file in folder.glob("*.safetensors"):
        file.unlink()
    write_mistral(folder, window)
    assert (folder / "model.safetensors.index.json").is_file(), "several files are read"
    trainer, *_ = make_trainer(place, "stage1")
    documents = [random_ids(1, size)[0] for size in (20, 7, 37)]
    packed = torch.cat(documents)[None]
    positions = torch.cat([torch.arange(len(document)) for document in documents])[None]
    found = adapter_logits(trainer, packed, positions)[0]
    model = plain_model(folder)
    for document, logits in zip(documents, found.split([20, 7, 37]), strict=True):
        with torch.no_grad():
            assert (logits - model(document[None]).logits[0]).abs().max().item() < 1e-5
    model_cache = trainer.unwrapped_model.model.decoder[0].pp_block.attn.packing
    model_cache.last.mask = packed_mask(positions, window)
    assert (adapter_logits(trainer, packed, positions)[0] - found).abs().max().item() < 1e-5
    if window:
        model_cache.last.mask = packed_mask(positions, None)
        assert (adapter_logits(trainer, packed, positions)[0] - found).abs().max().item() > 1e-2, "the check can fail"


def test_a_window_of_branches_counts_positions_of_the_document() -> None:
    from training.attention import find_runs, packed_mask

    positions = torch.cat([torch.arange(6), torch.arange(4, 9), torch.arange(4, 6)])[None]
    found = packed_mask(positions, 3)[0, 0]
    seen = {(query, key) for query, key in found.nonzero().tolist()}
    where = positions[0].tolist()
    branch = [0] * 6 + [1] * 5 + [2] * 2
    expected = {
        (query, key)
        for query in range(13)
        for key in range(query + 1)
        if 0 <= where[query] - where[key] < 3
        and (branch[key] == branch[query] or (branch[key] == 0 and where[key] < 4))
    }
    assert seen == expected
    runs = find_runs(positions, 3)
    assert runs[1].mask is not None and runs[1].mask[0].tolist() == [False, False, True, True] + [True] + [False] * 4


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_convert_command_goes_there_and_back(tmp_path: Path, dtype: str) -> None:
    from training.convert_command import main

    write_mistral(tmp_path / "base", window=16)
    assert main([str(tmp_path / "base"), str(tmp_path / "nanotron"), "--dtype", dtype]) == 0
    assert main([str(tmp_path / "nanotron"), str(tmp_path / "back")]) == 0
    ids = random_ids(2, 40)
    kind = getattr(torch, dtype)
    models = [AutoModelForCausalLM.from_pretrained(tmp_path / name, dtype=kind).eval() for name in ("base", "back")]
    assert type(models[1]).__name__ == "MistralForCausalLM"
    with torch.no_grad():
        before, after = (model(ids).logits for model in models)
    assert (before - after).abs().max().item() == 0.0
    with pytest.raises(UserError, match="exists; name a folder that does not"):
        main([str(tmp_path / "base"), str(tmp_path / "back")])


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    from training.convert_command import main

    write_base(tmp_path / "base")
    (tmp_path / "base" / "model.safetensors").rename(tmp_path / "base" / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"weights pickled only \(pytorch_model\.bin\)"):
        main([str(tmp_path / "base"), str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()


def test_norms_and_embeddings_do_not_decay(place: Place) -> None:
    trainer, *_ = make_trainer(place, "stage1")
    optimizer = trainer.optimizer.get_base_optimizer()
    names = trainer.optimizer.id_to_name
    by_decay = {
        group["weight_decay"]: {names[id(weight)] for weight in group["params"]} for group in optimizer.param_groups
    }
    assert set(by_decay) == {0.01, 0.0}
    assert all("proj" in name for name in by_decay[0.01]) and len(by_decay[0.01]) == 2 * 4
    assert len(by_decay[0.0]) == 2 * 2 + 2
