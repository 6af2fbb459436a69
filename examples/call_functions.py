"""Ask a model, check the calls it writes against the tools' schemas, run them, and print the results.

The model only writes text. What runs is decided here: functions of your own, with arguments that fit their schema.
"""

import argparse
import json
from collections.abc import Callable
from typing import Any

from jsonschema import Draft202012Validator
from transformers import AutoModelForCausalLM, AutoTokenizer


def multiply(a: float, b: float) -> float:
    """Multiply two numbers."""
    return a * b


def count_letter(text: str, letter: str) -> int:
    """Count how often a letter occurs in a text."""
    return text.lower().count(letter.lower())


def tool(function: Callable[..., Any], **types: str) -> dict[str, Any]:
    """Describe a function to the model: name, docstring, and the JSON type of each argument."""
    properties = {name: {"type": kind} for name, kind in types.items()}
    schema = {"type": "object", "properties": properties, "required": list(types), "additionalProperties": False}
    return {"name": function.__name__, "description": function.__doc__ or "", "parameters": schema}


FUNCTIONS = {function.__name__: function for function in (multiply, count_letter)}
TOOLS = [tool(multiply, a="number", b="number"), tool(count_letter, text="string", letter="string")]


def read_calls(answer: str) -> list[dict[str, Any]]:
    """The calls in an answer: a JSON list of {name, arguments}; [] where the model answered in words."""
    try:
        calls = json.loads(answer)
    except ValueError:
        return []
    calls = calls if isinstance(calls, list) else [calls]
    return [call for call in calls if isinstance(call, dict) and isinstance(call.get("name"), str)]


def run_call(call: dict[str, Any]) -> str:
    """Run one call if its function exists and its arguments fit; the result, or why it was not run."""
    schemas = {one["name"]: one["parameters"] for one in TOOLS}
    if call["name"] not in FUNCTIONS:
        return f"not run: there is no function {call['name']}"
    arguments = call.get("arguments")
    for error in Draft202012Validator(schemas[call["name"]]).iter_errors(arguments):
        return f"not run: {error.message}"
    return str(FUNCTIONS[call["name"]](**arguments))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repo", help="for example local/hephaestus-135m-ift")
    parser.add_argument("question")
    parser.add_argument("--revision", default="main", help="a tag, for example v0.1.0")
    options = parser.parse_args()

    tokenizer = AutoTokenizer.from_pretrained(options.repo, revision=options.revision)
    model = AutoModelForCausalLM.from_pretrained(options.repo, revision=options.revision)
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": options.question}],
        tools=TOOLS,
        add_generation_prompt=True,
        return_dict=True,
        return_tensors="pt",
    )
    output = model.generate(**prompt, max_new_tokens=128, do_sample=False)
    answer = tokenizer.decode(output[0, prompt["input_ids"].shape[1] :], skip_special_tokens=True)
    calls = read_calls(answer)
    if not calls:
        print("the model calls nothing:", answer)
    for call in calls:
        print(json.dumps(call), "→", run_call(call))


if __name__ == "__main__":
    main()
