"""nanotron's Llama with this project's attention, norm and loss head. Import after `training.boot.boot()`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from nanotron.config import LlamaConfig
from nanotron.models.llama import MLP, Embedding, LlamaForTraining
from nanotron.nn.layer_norm import TritonRMSNorm
from nanotron.parallel.tensor_parallel.functional import sharded_cross_entropy
from nanotron.parallel.tensor_parallel.nn import TensorParallelColumnLinear
from torch import nn

from training.attention import PackedAttention, PackingCache
from training.fused import cross_entropy, rms_norm, swiglu


@dataclass
class RopeLlamaConfig(LlamaConfig):  # type: ignore[misc]
    """nanotron's LlamaConfig lacks the base of the rotary frequencies, fixed at 10000, and Mistral's sliding window."""

    rope_theta: float = 10000.0
    sliding_window: int | None = None
    """Positions a token sees, its own among them (Mistral); None sees all before it."""


class TiedEmbedding(Embedding):  # type: ignore[misc]
    """nanotron's embedding; where the head shares the weight, its gradient is added to the head's without filling a
    second matrix of vocabulary × hidden with zeros."""

    def __init__(self, tp_pg: Any, config: Any, parallel_config: Any) -> None:
        super().__init__(tp_pg, config, parallel_config)
        alone = parallel_config.dp == parallel_config.tp == parallel_config.pp == 1  # gradients are sent dense
        self.token_embedding.sparse = config.tie_word_embeddings and alone


class FusedMLP(MLP):  # type: ignore[misc]
    """nanotron's MLP with the fused activation."""

    def forward(self, hidden_states: torch.Tensor) -> dict[str, torch.Tensor]:
        """`hidden_states` [sequence, batch, hidden]."""
        return {"hidden_states": self.down_proj(swiglu(self.gate_up_proj(hidden_states)))}


class RMSNorm(TritonRMSNorm):
    """Root mean square norm without Triton; a subclass because nanotron tests for the type."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """`input` [..., hidden]."""
        return rms_norm(input, self.weight, self.eps)


class PackedDecoderLayer(nn.Module):
    """A decoder layer with nanotron's parameter names."""

    def __init__(self, config: Any, parallel_config: Any, tp_pg: Any, layer_idx: int, packing: PackingCache) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.hidden_size, eps=config.rms_norm_eps)
        self.attn = PackedAttention(config, parallel_config, tp_pg, packing)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, eps=config.rms_norm_eps)
        self.mlp = FusedMLP(config=config, parallel_config=parallel_config, tp_pg=tp_pg)

    def forward(self, hidden_states: torch.Tensor, sequence_mask: torch.Tensor) -> dict[str, torch.Tensor]:
        """`hidden_states` [sequence, batch, hidden]; `sequence_mask` carries positions [batch, sequence]."""
        seen = self.attn(self.input_layernorm(hidden_states), sequence_mask)["hidden_states"]
        hidden_states = hidden_states + seen
        thought = self.mlp(self.post_attention_layernorm(hidden_states))["hidden_states"]
        return {"hidden_states": hidden_states + thought, "sequence_mask": sequence_mask}


class LossHead(TensorParallelColumnLinear):  # type: ignore[misc]
    """Logits only where a loss is taken: in fine-tuning that is a fraction, and the head is a fifth of all work."""

    def forward(self, x: torch.Tensor, label_mask: torch.Tensor) -> torch.Tensor:
        """`x` [sequence, batch, hidden], `label_mask` bool [batch, sequence] → [positions with loss, vocabulary]."""
        return super().forward(x.transpose(0, 1)[label_mask])  # type: ignore[no-any-return]


class MeanLoss(nn.Module):
    """Mean cross entropy in nats over the positions that carry loss."""

    def __init__(self, tp_pg: Any) -> None:
        super().__init__()
        self.tp_pg = tp_pg

    def forward(
        self, sharded_logits: torch.Tensor, label_ids: torch.Tensor, label_mask: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """`sharded_logits` [positions with loss, vocabulary]; `label_ids`, `label_mask` [batch, sequence]."""
        labels = label_ids[label_mask]
        if self.tp_pg.size() == 1:
            return {"loss": cross_entropy(sharded_logits, labels)}
        losses = sharded_cross_entropy(sharded_logits, labels, group=self.tp_pg, dtype=torch.float)
        return {"loss": losses.mean()}


class PackedLlama(LlamaForTraining):  # type: ignore[misc]
    """Llama for packed sequences: `input_mask` of a micro batch carries positions (0 opens a document)."""

    def __init__(self, config: Any, parallel_context: Any, parallel_config: Any, random_states: Any = None) -> None:
        super().__init__(config, parallel_context, parallel_config, random_states)
        head = config.hidden_size // config.num_attention_heads
        packing = PackingCache(head, config.rope_theta, config.sliding_window)
        # Blocks are built later, when their pipeline rank is known: exchanging builders here needs no edit of nanotron.
        self.model.token_position_embeddings.module_builder = TiedEmbedding
        for block in self.model.decoder:
            block.module_builder = PackedDecoderLayer
            block.module_kwargs["packing"] = packing
        self.model.final_layer_norm.module_builder = RMSNorm
        self.model.lm_head.module_builder = LossHead
        self.model.lm_head.module_input_keys = {"x", "label_mask"}
        self.loss.module_builder = MeanLoss

    def forward(self, input_ids: Any, input_mask: Any, label_ids: Any, label_mask: Any) -> dict[str, Any]:
        """Loss of a micro batch; each argument [batch, sequence], or a TensorPointer on ranks that do not hold it."""
        model = self.model
        states = model.token_position_embeddings(input_ids=input_ids, input_mask=input_mask)["input_embeds"]
        flow = {"hidden_states": states, "sequence_mask": input_mask}
        for block in model.decoder:
            flow = block(**flow)
        states = model.final_layer_norm(input=flow["hidden_states"])["hidden_states"]
        logits = model.cast_to_fp32(x=model.lm_head(x=states, label_mask=label_mask)["logits"])["output"]
        loss = self.loss(sharded_logits=logits, label_ids=label_ids, label_mask=label_mask)["loss"]
        return {"loss": loss}

    def get_block_compute_costs(self) -> dict[type, int]:
        """Multiplications a token in each kind of block; nanotron balances pipeline ranks with it."""
        config = self.config
        head = config.hidden_size // config.num_attention_heads
        attention = 4 * config.num_attention_heads * head * config.hidden_size
        return {
            PackedDecoderLayer: attention + 3 * config.intermediate_size * config.hidden_size,
            LossHead: config.vocab_size * config.hidden_size,
        }
