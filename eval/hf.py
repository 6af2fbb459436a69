"""lm-eval's own `hf` model, with its answers kept on disk batch by batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM

from eval.answers import AnswerFile, Prompt, answer_all
from eval.constrained import Guide, RowMasks
from eval.generation import END, as_prompts, grammar_stamp
from eval.progress import answer_bar

LENGTH_SPREAD = 1.1
"""Every position of padding is computed like a token."""


class StoredHF(HFLM):  # type: ignore[misc]
    """`HFLM` that asks a batch once.

    Args:
        answers: JSON lines that keep the answers; None keeps none.
        identity: what tells this model's answers from another's in that file.
        label: the model's name in the progress bar.
        constrained: answers follow the grammar of their question's tools (`eval.constrained`).
    """

    def __init__(
        self, *, answers: Path | None, identity: str, label: str, constrained: bool = False, **options: Any
    ) -> None:
        super().__init__(**options)
        import transformers

        self.store = AnswerFile(answers)
        self.label = label
        self.decoding = {
            "model": identity,
            "backend": f"hf {transformers.__version__} on {self.device.type}",
            "compute_type": str(self.model.dtype).removeprefix("torch."),
            **grammar_stamp(constrained),
        }
        self.guide: Guide | None = None
        self.by_ids: dict[tuple[int, ...], Prompt] = {}
        if constrained:
            end = int(self.tokenizer.convert_tokens_to_ids(END))
            self.guide = Guide(self.tokenizer, end, int(self.model.config.vocab_size))

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """Greedy answers, in the order of the requests, cut before the first stop string."""
        by_text = {(request.args[0], request.args[1]["max_gen_toks"]): request for request in requests}
        prompts = as_prompts(requests, self.tokenizer, constrained=self.guide is not None)
        if self.guide:
            self.by_ids = {tuple(self.tok_encode(prompt.text)): prompt for prompt in prompts}

        def answer(batch: list[Prompt]) -> list[str]:
            asked = [by_text[prompt.text, prompt.max_new_tokens] for prompt in batch]
            return list(HFLM.generate_until(self, asked, disable_tqdm=True))

        with answer_bar(len(prompts), self.label, disable_tqdm) as bar:
            return answer_all(
                prompts,
                batch_size=self.batch_size,
                length_spread=LENGTH_SPREAD,
                workers=1,
                decoding=self.decoding,
                store=self.store,
                generate=answer,
                on_batch=bar.update,
            )

    def _model_generate(self, context: Any, max_length: int, stop: list[str], **options: Any) -> Any:
        """As HFLM; rows are told apart by their tokens, as HFLM sorts and pads them."""
        if self.guide:
            masks = []
            for ids, seen in zip(context, options["attention_mask"], strict=True):
                prompt = self.by_ids[tuple(ids[seen.bool()].tolist())]
                masks.append(self.guide.mask(prompt.tools, prompt.max_new_tokens) if prompt.tools else None)
            options["logits_processor"] = [RowMasks(masks, context.shape[1])]
        return super()._model_generate(context, max_length, stop, **options)
