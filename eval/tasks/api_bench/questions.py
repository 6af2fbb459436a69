"""API-Bench's questions and API databases, and the authors' 0-shot prompt."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from eval.bench_data import need
from records.calls import render_chat
from records.errors import UserError

SYSTEM = "You are a helpful API writer who can write APIs based on requirements."


@dataclass(frozen=True)
class Hub:
    """One of the three hubs: its files, and what the authors' prompt says of it."""

    questions: str
    database: str
    prompt_name: str
    domains: str


HUBS = {
    "huggingface": Hub(
        "huggingface_eval.json",
        "huggingface_api.jsonl",
        "huggingface",
        "should include one of {Multimodal Feature Extraction, Multimodal Text-to-Image, Multimodal Image-to-Text, "
        "Multimodal Text-to-Video,         Multimodal Visual Question Answering, Multimodal Document Question Answer, "
        "Multimodal Graph Machine Learning, Computer Vision Depth Estimation,        Computer Vision Image "
        "Classification, Computer Vision Object Detection, Computer Vision Image Segmentation, Computer Vision "
        "Image-to-Image,         Computer Vision Unconditional Image Generation, Computer Vision Video Classification, "
        "Computer Vision Zero-Shor Image Classification,         Natural Language Processing Text Classification, "
        "Natural Language Processing Token Classification, Natural Language Processing Table Question Answering, "
        "        Natural Language Processing Question Answering, Natural Language Processing Zero-Shot Classification, "
        "Natural Language Processing Translation,         Natural Language Processing Summarization, Natural Language "
        "Processing Conversational, Natural Language Processing Text Generation, Natural Language Processing "
        "Fill-Mask,        Natural Language Processing Text2Text Generation, Natural Language Processing Sentence "
        "Similarity, Audio Text-to-Speech, Audio Automatic Speech Recognition,         Audio Audio-to-Audio, Audio "
        "Audio Classification, Audio Voice Activity Detection, Tabular Tabular Classification, Tabular Tabular "
        "Regression,         Reinforcement Learning Reinforcement Learning, Reinforcement Learning Robotics }",
    ),
    "tensorflow": Hub(
        "tensorflow_eval.json",
        "tensorflowhub_api.jsonl",
        "tensorhub",
        "is inferred from the task description and should include one of {text-sequence-alignment, text-embedding, "
        "text-language-model, text-preprocessing, text-classification, text-generation, text-question-answering, "
        "text-retrieval-question-answering, text-segmentation, text-to-mel, image-classification, "
        "image-feature-vector, image-object-detection, image-segmentation, image-generator, image-pose-detection, "
        "image-rnn-agent, image-augmentation, image-classifier, image-style-transfer, image-aesthetic-quality, "
        "image-depth-estimation, image-super-resolution, image-deblurring, image-extrapolation, "
        "image-text-recognition, image-dehazing, image-deraining, image-enhancemenmt, image-classification-logits, "
        "image-frame-interpolation, image-text-detection, image-denoising, image-others, video-classification, "
        "video-feature-extraction, video-generation, video-audio-text, video-text, audio-embedding, "
        "audio-event-classification, audio-command-detection, audio-paralinguists-classification, "
        "audio-speech-to-text, audio-speech-synthesis, audio-synthesis, audio-pitch-extraction}",
    ),
    "torchhub": Hub(
        "torchhub_eval.json",
        "torchhub_api.jsonl",
        "torchhub",
        "is inferred from the task description and should include one of {Classification, Semantic Segmentation, "
        "Object Detection, Audio Separation, Video Classification, Text-to-Speech}.",
    ),
}
"""Files and words of the authors' `eval/get_llm_responses.py`, spelling and blanks included."""


@dataclass(frozen=True)
class Question:
    """One request, with the API that the authors hold to be the answer."""

    id: str
    hub: str
    text: str
    """As the authors' 0-shot question files write it."""
    answer: str
    """The authors' whole answer text."""
    api_call: str
    domain: str

    def gold(self) -> str:
        """The answer that is wanted, as text."""
        return self.answer or self.api_call

    def prompt(self) -> str:
        """The authors' 0-shot messages as the model reads them."""
        return render_chat(messages(self.hub, self.text), answer_next=True)


def messages(hub: str, question: str) -> list[dict[str, Any]]:
    """System and user message of `encode_question` in the authors' get_llm_responses.py."""
    part = HUBS[hub]
    asked = (
        f"{question}\nWrite a python program in 1 to 2 lines to call API in {part.prompt_name}.\n\n"
        "The answer should follow the format: <<<domain>>> $DOMAIN, <<<api_call>>>: $API_CALL, "
        "<<<api_provider>>>: $API_PROVIDER, <<<explanation>>>: $EXPLANATION, <<<code>>>: $CODE}. "
        f"Here are the requirements:\n1. $DOMAIN {part.domains}\n"
        "2. The $API_CALL should have only 1 line of code that calls api.\n"
        "3. The $API_PROVIDER should be the programming framework used.\n"
        "4. $EXPLANATION should be a step-by-step explanation.\n5. The $CODE is the python code.\n"
        "6. Do not repeat the format in your answer."
    )
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": asked}]


@cache
def questions(hub: str) -> tuple[Question, ...]:
    """All questions of a hub.

    Raises:
        UserError: the file is missing or a row is not what it should be.
    """
    return _questions(hub, need("api_bench", HUBS[hub].questions))


@cache
def by_id(hub: str) -> dict[str, Question]:
    """The questions of a hub by their ids."""
    return {question.id: question for question in questions(hub)}


def _questions(hub: str, path: Path) -> tuple[Question, ...]:
    found = []
    for number, row in enumerate(read_lines(path), 1):
        try:
            text = question_text(row["code"])
            domain = row["api_data"]["domain"]
            found.append(Question(f"{hub}_{number}", hub, text, _answer(row["code"]), row["api_call"], domain))
        except (KeyError, TypeError, AttributeError):
            raise UserError(f"{path}, line {number}: no question of API-Bench; fetch the file again") from None
    return tuple(found)


_INSTRUCTION = re.compile(r"(?:###\s?Instruction:|\{'Instruction':)(.*?)(?:###\s?Output|<<<domain>>>|$)", re.DOTALL)


def question_text(code: str) -> str:
    """The request in a row's `code`, written as in the authors' question files.

    Those hold it escaped as in JSON, with runs of line ends as one; this rule gives all 1,775 of their lines, and the
    ten more rows that they leave out.
    """
    found = _INSTRUCTION.match(code)
    text = found.group(1) if found else code
    return json.dumps(re.sub(r"\n+", "\n", text))[1:-1]


def _answer(code: str) -> str:
    parts = re.split(r"###\s?Output:?", code, maxsplit=1)
    return parts[1].strip() if len(parts) == 2 else ""


@cache
def database(hub: str) -> tuple[dict[str, Any], ...]:
    """The API database of a hub: rows with `api_call` and `domain`, in the authors' order."""
    return tuple(read_lines(need("api_bench", HUBS[hub].database)))


def read_lines(path: Path) -> list[dict[str, Any]]:
    """JSON lines. Raises UserError that names the line."""
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip():
            try:
                rows.append(json.loads(line))
            except ValueError as error:
                raise UserError(f"{path}, line {number}: not JSON ({error}); fetch the file again") from None
    return rows
