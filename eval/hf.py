"""lm-eval's own `hf` model, with its answers kept on disk batch by batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM

from eval.answers import AnswerFile, Prompt, answer_all
from eval.progress import answer_bar

LENGTH_SPREAD = 1.1
"""Every position of padding is computed like a token."""


class StoredHF(HFLM):  # type: ignore[misc]
    """`HFLM` that asks a batch once.

    Args:
        answers: JSON lines that keep the answers; None keeps none.
        identity: what tells this model's answers from another's in that file.
        label: the model's name in the progress bar.
    """

    def __init__(self, *, answers: Path | None, identity: str, label: str, **options: Any) -> None:
        super().__init__(**options)
        import transformers

        self.store = AnswerFile(answers)
        self.label = label
        self.decoding = {
            "model": identity,
            "backend": f"hf {transformers.__version__} on {self.device.type}",
            "compute_type": str(self.model.dtype).removeprefix("torch."),
        }

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """Greedy answers, in the order of the requests, cut before the first stop string."""
        by_text = {(request.args[0], request.args[1]["max_gen_toks"]): request for request in requests}
        prompts = [
            Prompt(text, len(self.tokenizer.encode(text)), int(arguments["max_gen_toks"]))
            for text, arguments in (request.args for request in requests)
        ]

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
