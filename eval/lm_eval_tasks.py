"""What the lm-eval tasks of all folders share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lm_eval.api.task import ConfigurableTask

from eval.multi_turn import Episode, EpisodeInstance, install


class EpisodeTask(ConfigurableTask):
    """A `generate_until` task whose requests are whole conversations.

    The requests have the type `generate_episodes`, which `eval.multi_turn.install` gives to every lm-eval model, so
    `lm_eval --include_path eval/tasks --tasks <name>` works by itself with any model that generates. The answer of a
    request is the transcript of its conversation as JSON text.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        install()
        super().__init__(config={key: value for key, value in config.items() if key != "class"})

    def start(self, doc: dict[str, Any]) -> Callable[[], Episode]:
        """What begins the conversation of a document, each time from its beginning."""
        raise NotImplementedError

    def construct_requests(self, doc: dict[str, Any], ctx: Any, **options: Any) -> Any:
        """One request a conversation."""
        plain = super().construct_requests(doc, ctx, **options)
        return EpisodeInstance(
            request_type="generate_episodes",  # type: ignore[arg-type]
            doc=doc,
            arguments=plain.arguments,
            idx=0,
            metadata=options["metadata"],
            start=self.start(doc),
        )


def as_split(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What a task's `custom_dataset` returns: its documents as the split `test`."""
    from datasets import Dataset

    return {"test": Dataset.from_list([dict(row) for row in rows])}


def count_reasons(reasons: list[str]) -> str:
    """`simple_function_checker:wrong_count 3, words 17`: most frequent first."""
    counts = sorted(Counter(reasons).items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{reason} {number}" for reason, number in counts)
