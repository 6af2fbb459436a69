"""Load a model and let it answer a question, with one tool on offer."""

import argparse

from transformers import AutoModelForCausalLM, AutoTokenizer

WEATHER = {
    "name": "get_weather",
    "description": "Weather of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repo", help="for example local/hephaestus-135m-ift")
    parser.add_argument("question")
    parser.add_argument("--revision", default="main", help="a tag, for example v0.1.0")
    parser.add_argument("--tokens", type=int, default=128, help="most new tokens")
    options = parser.parse_args()

    tokenizer = AutoTokenizer.from_pretrained(options.repo, revision=options.revision)
    model = AutoModelForCausalLM.from_pretrained(options.repo, revision=options.revision)
    messages = [{"role": "user", "content": options.question}]
    prompt = tokenizer.apply_chat_template(
        messages, tools=[WEATHER], add_generation_prompt=True, return_dict=True, return_tensors="pt"
    )
    answer = model.generate(**prompt, max_new_tokens=options.tokens, do_sample=False)
    print(tokenizer.decode(answer[0, prompt["input_ids"].shape[1] :], skip_special_tokens=True))


if __name__ == "__main__":
    main()
