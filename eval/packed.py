"""lm-eval models for Llama weights on CPU: `packed` computes in float32 as transformers does, `packed-int8` in int8.

What makes them fast is oneDNN, and what they leave out. Texts are packed into one row of tokens, so nothing is padded;
what several texts begin with is read once; keys and values have their place from the start, so no step copies them;
rows that have ended leave the batch, and the last ones are helped by guesses copied from the prompt.
"""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from lm_eval.api.instance import Instance
from lm_eval.api.model import TemplateLM
from lm_eval.api.registry import register_model
from lm_eval.utils import get_rolling_token_windows, make_disjoint_window

from eval.answers import Prompt
from eval.generation import END, GreedyLM
from eval.packed_generation import generate
from eval.packed_llama import PackedLlama
from eval.packed_memory import Memory
from eval.packed_scores import Scored, make_score_batches, score
from eval.progress import answer_bar
from records.files import sha256_json

LENGTH_SPREAD = 4.0
"""Nothing is padded when prompts are read; only attention while writing covers the longest text."""
SCORES_A_BATCH = 8
"""Requests for a log-likelihood per question of a batch: one that begins alike costs little."""


@register_model("packed")
class PackedLM(GreedyLM, TemplateLM):
    """Greedy generation and log-likelihoods by `PackedLlama`, one thread a batch.

    Args:
        pretrained: a transformers folder of a plain Llama.
        compute_type: `float32` or `int8`.
        settle: whether an answer ends as soon as more text cannot change its calls, where a task reads nothing else.
        batch_size, answers, identity, label, constrained: as in `GreedyLM`.

    Raises:
        UserError: another architecture, or a CPU without the instructions.
    """

    def __init__(
        self,
        pretrained: str | Path,
        batch_size: int | str = 48,
        answers: Path | None = None,
        identity: str = "",
        label: str = "answers",
        compute_type: str = "float32",
        settle: bool = True,
        constrained: bool = False,
        **_: Any,
    ) -> None:
        from transformers import AutoTokenizer

        name = "packed" if compute_type == "float32" else f"packed-{compute_type}"
        decoding = {"backend": f"{name} on torch {torch.__version__}", "compute_type": compute_type}
        self.model = PackedLlama(Path(pretrained), compute_type)
        tokenizer = AutoTokenizer.from_pretrained(str(pretrained))
        super().__init__(tokenizer, decoding, batch_size, answers, identity, label, LENGTH_SPREAD, constrained)
        self.max_length = self.model.limit
        self.settle = settle
        self.memory = Memory()
        self.lock = threading.Lock()
        self.end = self.tokenizer.convert_tokens_to_ids(END)

    def answer(self, batch: list[Prompt]) -> list[list[int]]:
        """See `GreedyLM`. Of a prompt that leaves no room for its answer the end is read, as by lm-eval's hf model."""
        torch.set_num_threads(1)  # of this worker; equal batches then give equal answers on any number of cores
        most = batch[0].max_new_tokens
        prompts = [self.tokenizer.encode(prompt.text)[-(self.max_length - most) :] for prompt in batch]
        masks = [self.mask_of(prompt) for prompt in batch]

        def ends(row: int, ids: list[int]) -> bool:
            asked = batch[row]
            return ids[-1] == self.end or (
                self.settle and asked.settles and self.settled(ids, conversation=asked.conversation)
            )

        # A prompt that was cut no longer begins like the ones before it.
        memory = self.memory if all(prompt.conversation for prompt in batch) else None
        return generate(self.model, prompts, most, ends, masks, memory)

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """Log-likelihood of each continuation, and whether it is the greedy one; encoded as lm-eval's hf model does."""
        return TemplateLM.loglikelihood(self, requests, disable_tqdm=True)

    def loglikelihood_rolling(self, requests: list[Instance], disable_tqdm: bool = False) -> list[float]:
        """Log-likelihood of whole texts, in windows as long as the model's positions."""
        windows = [
            [
                Scored(tuple(context), tuple(continuation))
                for context, continuation in map(
                    make_disjoint_window,
                    get_rolling_token_windows(
                        token_list=self.tok_encode(request.args[0]),
                        prefix_token=self.prefix_token_id,
                        max_seq_len=self.max_length,
                        context_len=1,
                    ),
                )
            ]
            for request in requests
        ]
        found = iter(self._score([one for some in windows for one in some], disable_tqdm))
        return [sum(next(found)[0] for _ in some) for some in windows]

    @property
    def eot_token_id(self) -> int:
        """End of a text."""
        return int(self.tokenizer.eos_token_id)

    @property
    def prefix_token_id(self) -> int:
        """What stands before a text that nothing stands before."""
        begin = self.tokenizer.bos_token_id
        return int(begin) if begin is not None else self.eot_token_id

    def tok_encode(self, string: str, add_special_tokens: bool | None = None, **_: Any) -> list[int]:
        """Token ids, with what the tokenizer itself puts before a text unless it stands there already."""
        begins = add_special_tokens is None and string.startswith(self.tokenizer.decode(self.prefix_token_id))
        options = {"add_special_tokens": False} if begins or add_special_tokens is False else {}
        return list(self.tokenizer.encode(string, **options))

    def _loglikelihood_tokens(self, requests: list[Any], **_: Any) -> list[tuple[float, bool]]:
        return self._score([Scored(tuple(context), tuple(more)) for _, context, more in requests])

    def _score(self, asked: list[Scored], hidden: bool = False) -> list[tuple[float, bool]]:
        """In order; batches on disk are not asked again."""

        def of_batch(batch: list[int]) -> list[int]:
            torch.set_num_threads(1)
            key = sha256_json({"scores": [[asked[n].context, asked[n].continuation] for n in batch], **self.decoding})
            if key not in self.store.batches:
                found = score(self.model, [asked[n] for n in batch])
                with self.lock:
                    self.store.add(key, [json.dumps(one) for one in found])
            for number, text in zip(batch, self.store.batches[key], strict=True):
                value, greedy = json.loads(text)
                made[number] = (float(value), bool(greedy))
            return batch

        made: list[tuple[float, bool]] = [(0.0, False)] * len(asked)
        batches = make_score_batches(asked, SCORES_A_BATCH * self.batch_size)
        with answer_bar(len(asked), self.label, hidden) as bar, ThreadPoolExecutor(self.workers) as pool:
            for batch in pool.map(of_batch, batches):
                bar.update(len(batch))
        return made


@register_model("packed-int8")
class PackedInt8LM(PackedLM):
    """`PackedLM` whose products are int8."""

    def __init__(self, pretrained: str | Path, **options: Any) -> None:
        super().__init__(pretrained, **{**options, "compute_type": "int8"})
