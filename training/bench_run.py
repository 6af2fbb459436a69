"""One run of the benchmark, in a process of its own: random weights, synthetic documents, steps in turn."""

from __future__ import annotations

import dataclasses
import os
import resource
import statistics
import sys
import time
from pathlib import Path
from typing import Any, Literal

import numpy as np

from records.files import write_json
from records.recipe import load_recipe
from training.data import Reader
from training.packing import pack_stream
from training.schedule import stage_schedule
from training.shards import Shard
from training.stages import stages

# hidden, intermediate, layers, query heads, key heads, vocabulary, sequence length
SHAPES = {"135m": (576, 1536, 30, 9, 3, 49152, 512), "tiny": (64, 128, 2, 4, 2, 512, 64)}
WARM_UP = 2
Dtype = Literal["float32", "bfloat16"]
MICRO_BATCHES: dict[Dtype, int] = {"float32": 2, "bfloat16": 32}


def run(folder: Path, shape: str, data: str, steps: int, alone: str = "", dtype: Dtype = "float32") -> dict[str, Any]:
    """Train both, or one alone (`adapter` or `plain`, for its peak memory), in float32 or bfloat16.

    Returns:
        Losses (nats a token) and seconds of every counted step, tokens a second, their ratio, peak bytes.
    """
    import torch

    from training.device import device, prepare, threads_of_rank

    prepare(threads_of_rank(1))
    config = _write_model(folder / "model", shape)
    length = SHAPES[shape][-1]
    batch = MICRO_BATCHES[dtype]
    plan = pack_stream([_documents(data, length, config.vocab_size)], [1.0], length, (steps + WARM_UP) * batch, 1)
    reader = Reader(plan, batch, 1)
    plain = _Plain(folder / "model", reader, dtype) if alone != "adapter" else None
    found: dict[str, list[float]] = {"adapter": [], "plain": [], "adapter_loss": [], "plain_loss": []}
    mark = 0.0

    def on_step(step: int, loss: float) -> None:
        nonlocal mark
        found["adapter"].append(_now() - mark)
        found["adapter_loss"].append(loss)
        if plain:
            began = _now()
            found["plain_loss"].append(plain.step(step - 1))
            found["plain"].append(_now() - began)
        mark = _now()

    if alone == "plain":
        assert plain
        for step in range(steps + WARM_UP):
            plain.step(step)
    else:
        trainer = _trainer(folder, shape, steps + WARM_UP, on_step, dtype)
        mark = _now()
        trainer.train(trainer.micro_batches(reader, 0))
    on_gpu = torch.cuda.is_available()
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    result: dict[str, Any] = {"peak_bytes": torch.cuda.max_memory_allocated() if on_gpu else resident}
    if alone:
        return result
    from training.bench import median_ratio

    counted = {name: values[WARM_UP:] for name, values in found.items()}
    tokens = batch * length
    weights = sum(weight.numel() for weight in trainer.unwrapped_model.parameters())
    return result | {
        "device": torch.cuda.get_device_name() if device().type == "cuda" else "cpu",
        "dtype": dtype,
        "threads": torch.get_num_threads(),
        "tokens_per_step": tokens,
        "seconds": {name: [round(value, 4) for value in counted[name]] for name in ("adapter", "plain")},
        "losses": {name: [round(value, 5) for value in found[f"{name}_loss"]] for name in ("adapter", "plain")},
        "adapter_tokens_per_second": round(tokens / statistics.median(counted["adapter"]), 1),
        "plain_tokens_per_second": round(tokens / statistics.median(counted["plain"]), 1),
        "flops_per_token": 6 * weights + 12 * config.num_hidden_layers * config.hidden_size * length,
        "ratio": median_ratio(counted["plain"], counted["adapter"]),
    }


def _now() -> float:
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def _write_model(folder: Path, shape: str) -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    hidden, inner, layers, heads, keys, vocabulary, length = SHAPES[shape]
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=vocabulary, hidden_size=hidden, intermediate_size=inner, num_hidden_layers=layers,
        num_attention_heads=heads, num_key_value_heads=keys, max_position_embeddings=max(length, 2048),
        tie_word_embeddings=True, rope_parameters={"rope_theta": 1e5, "rope_type": "default"}, rms_norm_eps=1e-5,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return config


def _documents(data: str, length: int, vocabulary: int) -> Shard:
    # Sizes of documents as a web page or a function has them when packed; one whole sequence each otherwise.
    draw = np.random.default_rng(3)
    sizes = draw.integers(length // 16, length, 64) if data == "packed" else np.full(64, length)
    ends = np.cumsum(sizes).astype(np.int64)
    return Shard("bench", draw.integers(3, vocabulary, int(ends[-1])).astype(np.uint16), ends, None)


def _trainer(folder: Path, shape: str, steps: int, on_step: Any, dtype: Dtype) -> Any:
    from training.convert import to_nanotron
    from training.settings import write_settings
    from training.trainer import StageTrainer

    os.environ["BUILD"] = str(folder / "build")
    recipe = load_recipe("local")
    recipe = dataclasses.replace(recipe, training=dataclasses.replace(recipe.training, dtype=dtype))
    first, batch = stages(recipe)[0], MICRO_BATCHES[dtype]
    length = SHAPES[shape][-1]
    values = dataclasses.replace(
        first.recipe, tokens=steps * batch * length, sequence_length=length, micro_batch_size=batch,
        accumulation=1, checkpoint_every=10**9, warmup_share=0.0, decay_share=0.0,
    )  # fmt: skip
    stage = dataclasses.replace(first, recipe=values)
    model = folder / "build" / recipe.name / "models" / "base"
    model.parent.mkdir(parents=True)
    model.symlink_to(folder / "model")
    write_json(folder / "model" / "record.json", {"name": "bench"})
    to_nanotron(model, folder / "work" / "init")
    return StageTrainer(write_settings(recipe, stage, folder / "work", None), stage_schedule(values, 1), on_step)


class _Plain:
    """The loop that a careful user of transformers writes: fused AdamW, clipped gradients, packed positions."""

    def __init__(self, folder: Path, reader: Reader, dtype: Dtype) -> None:
        import torch
        from transformers import AutoModelForCausalLM

        from training.device import device

        self.reader, self.device = reader, device()
        self.half = torch.autocast(self.device.type, torch.bfloat16, enabled=dtype == "bfloat16")
        loaded: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
        self.model = loaded.to(self.device).train()
        rate = load_recipe("local").training.stage1.learning_rate
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=rate, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.0, fused=True
        )

    def step(self, number: int) -> float:
        import torch

        batch = {name: tensor.to(self.device) for name, tensor in self.reader.micro_batch(number, 0).items()}
        with self.half:  # weights and moments stay float32
            out = self.model(input_ids=batch["input_ids"], position_ids=batch["input_mask"], use_cache=False)
        logits = out.logits.float()
        labels = batch["label_ids"].masked_fill(~batch["label_mask"], -100)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return float(loss.detach())
