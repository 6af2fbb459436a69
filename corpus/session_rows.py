"""Simulated sessions as `trajectories` rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus.api import Api
from corpus.drops import CountingStep
from corpus.families import Family, find_families
from corpus.read_apis import ApiReader, MalformedDocument, attribution_of, lacks
from corpus.rows import Row, ordered_json
from corpus.sampling import round_robin
from corpus.session_drafts import NoSession
from corpus.sessions import Session, make_session
from records.calls import render_chat
from records.files import stable_hash

if TYPE_CHECKING:
    from datatrove.data import DocumentsPipeline

LONGEST = 12_000
"""Characters of a session."""


class SessionReader(CountingStep):
    """One row a session; task `rank` of `world_size` plays every world_size-th one, families in turn by service."""

    type = "📖 - READER"
    name = "simulated sessions"

    def __init__(self, apis: Path, folder: Path, count: int, seed: int, config: str = "trajectories") -> None:
        """Args: the file of Api records, the step's folder, how many sessions to play, their seed, their config."""
        super().__init__(folder / "drops")
        self.apis = apis
        self.config = config
        self.count = count
        self.seed = seed

    def run(self, data: DocumentsPipeline = None, rank: int = 0, world_size: int = 1) -> DocumentsPipeline:
        """Yield what came before, then the rows of this task; what could not be played is counted by reason."""
        yield from data or ()
        # corpus.sources lists the readers of this file.
        from corpus.sources import read_apis

        families, left_out = find_families(read_apis(self.apis))
        if rank == 0:
            self.leave_out(left_out)
        for number, family in numbered(families, self.count, self.seed):
            if number % world_size == rank:
                yield from self.rows(family, number)
        self.write_counts(rank, self.name)

    def leave_out(self, nouns: dict[str, dict[str, Any]]) -> None:
        """Count the nouns that are not simulated, by reason."""
        for reason, found in nouns.items():
            self.stat_update(f"dropped_{reason}", value=found["count"])
            known = self.dropped.setdefault(reason, {"count": 0, "example": found["example"]})
            known["count"] += found["count"]

    def rows(self, family: Family, number: int) -> Iterator[Any]:
        """The row of one session, unless it is dropped."""
        try:
            session = make_session(family, self.seed * 10_000_000 + number)
        except NoSession as reason:
            self.drop(f"session_{reason}", family.id)
            return
        if self.config == "ift" and session.invalid:
            # Fine-tuning has loss on every answer, so a call that is wrong on purpose would be learned.
            self.drop("session_wrong_call_on_purpose", family.id)
            return
        row = session_row(session, number, self.config)
        if len(row.text) > LONGEST:
            self.drop("session_too_long", row.id)
            return
        self.keep()
        yield row.document()


class WholeServicesReader(SessionReader):
    """The same from whole services of packages, in one task.

    A capped recipe keeps some operations of every service, which leaves hardly a family complete.
    """

    def __init__(self, readers: Sequence[ApiReader], services: int | None, folder: Path, count: int, seed: int) -> None:
        """Args: readers of the packages, and the most services to read of each (null: all); the rest as above."""
        super().__init__(Path(), folder, count, seed)
        self.readers = list(readers)
        self.services = services

    def run(self, data: DocumentsPipeline = None, rank: int = 0, world_size: int = 1) -> DocumentsPipeline:
        """Yield all rows."""
        families: list[Family] = []
        for reader in self.readers:
            names = sorted(reader.services(), key=lambda name: stable_hash(f"{self.seed}/{name}"))
            for service in names[: self.services]:
                found, left_out = find_families(self._apis(reader, service))
                families += found
                self.leave_out(left_out)
        for number, family in numbered(families, self.count, self.seed):
            yield from self.rows(family, number)
        self.write_counts(rank, self.name)

    def _apis(self, reader: ApiReader, service: str) -> Iterator[Api]:
        try:
            document = reader.load(service)
            operations = reader.operations(document)
        except MalformedDocument as reason:
            self.drop(str(reason), service)
            return
        for operation in operations:
            try:
                api = reader.api(service, document, operation)
            except (KeyError, TypeError, AttributeError, ValueError):
                self.drop("malformed_operation", f"{service}/{operation}")
                continue
            if api is not None and lacks(api) is None:
                yield api


def numbered(families: list[Family], count: int, seed: int) -> Iterator[tuple[int, Family]]:
    """`count` numbers, each with its family: services take turns, and start again when all families had one."""
    by_id = {family.id: family for family in families}
    services: dict[str, list[str]] = {}
    for family in families:
        services.setdefault(f"{family.provider}/{family.service}", []).append(family.id)
    order = [by_id[name] for _, name in round_robin(services, seed)]
    for number in range(count if order else 0):
        yield number, order[number % len(order)]


def session_row(session: Session, number: int, config: str = "trajectories") -> Row:
    """The row of a session: a trajectory, or a fine-tuning example of several turns.

    `provenance` holds what `replay_calls` needs and which calls are invalid on purpose.
    """
    apis = list({api.id: api for api in session.family.operations.values()}.values())
    failures = [step.failure for step in session.steps if step.failure]
    seen = {
        "family": session.family.id,
        "scenario": session.scenario,
        "seed": session.seed,
        "setup": ordered_json(list(session.setup)),
        "calls": len(session.steps),
        "invalid_calls": session.invalid,
        "failures": {kind: failures.count(kind) for kind in sorted(set(failures))},
    }
    return Row(
        id=f"{'multi_turn' if config == 'ift' else 'simulated'}/{session.family.id}/{number}",
        config=config,
        text=render_chat(session.messages, session.tools),
        source=apis[0].source,
        license=" AND ".join(sorted({api.license for api in apis})),
        attribution="; ".join(sorted({attribution_of(api) for api in apis})),
        url=apis[0].url,
        kind="multi_turn" if config == "ift" else "simulated_session",
        api_ids=tuple(api.id for api in apis),
        messages=ordered_json(session.messages),
        tools=ordered_json(session.tools),
        provenance={"simulator": seen},
    )
