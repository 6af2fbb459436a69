"""A published model, loaded and made to write a few tokens."""

from __future__ import annotations

from typing import Any

from records.errors import UserError

NEW_TOKENS = 8
TOOL = {
    "name": "get_weather",
    "description": "Weather of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
QUESTION = "What is the weather in Paris?"


def verify_model(repo: str, revision: str) -> tuple[int, int]:
    """Load a model with its tokenizer, and generate greedily from a question with a tool.

    Returns:
        (parameters, tokens it wrote)

    Raises:
        UserError: weights are missing or left over, there is no chat template, or what it computes is not finite.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(repo, revision=revision)
    options: dict[str, Any] = {"revision": revision, "output_loading_info": True}
    loaded: Any = AutoModelForCausalLM.from_pretrained(repo, **options)
    model, loading = loaded
    problems = [f"{name}: {sorted(keys)[:3]}" for name, keys in loading.items() if keys]
    if problems or not tokenizer.chat_template:
        raise UserError(f"model {repo} does not load whole: {'; '.join(problems) or 'no chat template'}")
    messages = [{"role": "user", "content": QUESTION}]
    prompt = tokenizer.apply_chat_template(
        messages, tools=[TOOL], add_generation_prompt=True, return_dict=True, return_tensors="pt"
    )
    with torch.no_grad():
        answer = model.eval().generate(
            **prompt, max_new_tokens=NEW_TOKENS, do_sample=False, output_logits=True, return_dict_in_generate=True
        )
    written = int(answer.sequences.shape[1] - prompt["input_ids"].shape[1])
    if written < 1 or not all(bool(torch.isfinite(step).all()) for step in answer.logits):
        raise UserError(f"model {repo} loads, but does not generate: {written} tokens, or values that are not finite")
    return int(model.num_parameters()), written
