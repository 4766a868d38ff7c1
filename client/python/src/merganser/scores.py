"""Scores of an archive as arrays."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from merganser.v1 import campaign_pb2, campaign_service_pb2

# Of continuous scores: what stands for 1.
_UNIT = 1 << 20


@dataclass(frozen=True)
class Archive:
    """The members of an archive that has room for `population` of them.

    Members are in the order of their slots. Datapoints are in file order, task after
    task; `tasks` has each task's columns.
    """

    population: int
    # [members]
    slots: npt.NDArray[np.int64]
    # [members]: sequence numbers; seeds are -K … -1.
    candidates: npt.NDArray[np.int64]
    # [members][datapoints], 0 … 1.
    scores: npt.NDArray[np.float64]
    # [seeds][datapoints], in file order.
    seed_scores: npt.NDArray[np.float64]
    tasks: dict[str, slice]

    def niche_load(self) -> npt.NDArray[np.float64]:
        """[datapoints]: sum of the members' scores."""
        load: npt.NDArray[np.float64] = self.scores.sum(axis=0)
        return load


def is_continuous(spec: campaign_pb2.CampaignSpec) -> bool:
    """Whether scores are fractions; else they are 0 or 1."""
    return any(task.kind == "perplexity" for task in spec.tasks)


def unpack(packed: bytes, datapoints: int, continuous: bool) -> npt.NDArray[np.float64]:
    """The scores in `packed` (LogEntry in genome.proto says how).
    Errors: ValueError where it has not the length of so many datapoints."""
    expected = 4 * datapoints if continuous else (datapoints + 7) // 8
    if len(packed) != expected:
        raise ValueError(f"expected {expected} bytes for {datapoints} scores; got {len(packed)}")
    if continuous:
        return np.frombuffer(packed, dtype="<u4").astype(np.float64) / _UNIT
    bits = np.unpackbits(np.frombuffer(packed, dtype=np.uint8), count=datapoints)
    return bits.astype(np.float64)


def archive_of(header: campaign_service_pb2.ExportHeader) -> Archive:
    """The archive in the header of an export."""
    spec = header.campaign.spec
    tasks = {}
    datapoints = 0
    for task in spec.tasks:
        tasks[task.name] = slice(datapoints, datapoints + task.search.rows)
        datapoints += task.search.rows
    continuous = is_continuous(spec)
    members = [(slot, m) for slot, m in enumerate(header.slots) if m.HasField("candidate")]

    def table(packed: list[bytes]) -> npt.NDArray[np.float64]:
        rows = [unpack(row, datapoints, continuous) for row in packed]
        return np.array(rows, dtype=np.float64).reshape(len(rows), datapoints)

    return Archive(
        population=len(header.slots),
        slots=np.array([slot for slot, _ in members], dtype=np.int64),
        candidates=np.array([member.candidate for _, member in members], dtype=np.int64),
        scores=table([member.scores for _, member in members]),
        seed_scores=table([*header.seed_scores]),
        tasks=tasks,
    )
