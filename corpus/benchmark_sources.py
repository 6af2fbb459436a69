"""What a recipe takes of public benchmarks: replays of gold calls, and published runs."""

from __future__ import annotations

from pathlib import Path

from datatrove.pipeline.base import PipelineStep

from corpus.documents import package_of, place_of
from corpus.licences import is_allowed
from corpus.read_recorded import RecordedReader
from corpus.read_replays import REPLAYS, ReplayReader
from records.assets import asset
from records.errors import UserError
from records.recipe_corpus import SourcesRecipe


def replay_wheels(sources: SourcesRecipe) -> list[str]:
    """Names of the wheels that a recipe's replays need."""
    asked = [replay for key, replay in REPLAYS.items() if getattr(sources, key) != 0]
    return list(dict.fromkeys(name for replay in asked for name in (replay.package, *replay.imports)))


def benchmark_readers(sources: SourcesRecipe, folder: Path) -> list[PipelineStep]:
    """A reader of every benchmark that a recipe asks for.

    Raises:
        UserError: a wheel or a path is missing, or a licence does not allow passing on.
    """
    found: list[PipelineStep] = []
    for key, replay in REPLAYS.items():
        if (cap := getattr(sources, key)) != 0:
            wheels = [asset(name) for name in (replay.package, *replay.imports)]
            places = [wheel.path for wheel in wheels]
            found.append(ReplayReader(replay, wheels[0].version, places, folder, cap, sources.benchmark_derived))
    for item in sources.recorded:
        if not is_allowed(item.license):
            raise UserError(f"corpus.sources.recorded: license {item.license!r} of {item.path} forbids passing on")
        found.append(RecordedReader(item, place_of(item.path), package_of(item.path), folder))
    return found
