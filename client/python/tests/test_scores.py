"""Packed scores, by hand."""

import numpy as np
import pytest

from merganser import scores
from merganser.v1 import campaign_service_pb2


def test_datapoint_0_is_the_highest_bit():
    assert scores.unpack(b"\xa0\x40", 10, continuous=False).tolist() == [
        1, 0, 1, 0, 0, 0, 0, 0, 0, 1]


def test_continuous_scores_are_20_bit_fractions_little_endian():
    packed = bytes([0, 0, 16, 0, 0, 0, 4, 0, 0, 0, 0, 0])
    assert scores.unpack(packed, 3, continuous=True).tolist() == [1.0, 0.25, 0.0]


@pytest.mark.parametrize("continuous, expected", [(False, 2), (True, 36)])
def test_a_wrong_length(continuous, expected):
    with pytest.raises(ValueError, match=f"expected {expected} bytes for 9 scores; got 3"):
        scores.unpack(b"abc", 9, continuous=continuous)


def test_empty_slots_are_no_members():
    header = campaign_service_pb2.ExportHeader()
    for name, rows in (("one", 3), ("two", 2)):
        task = header.campaign.spec.tasks.add(name=name, kind="exact_match")
        task.search.rows = rows
    header.slots.add()
    header.slots.add(candidate=0, scores=b"\xa8")
    archive = scores.archive_of(header)
    assert archive.population == 2
    assert archive.slots.tolist() == [1]
    assert archive.candidates.tolist() == [0]
    assert archive.scores[:, archive.tasks["one"]].tolist() == [[1, 0, 1]]
    assert archive.scores[:, archive.tasks["two"]].tolist() == [[0, 1]]
    assert archive.seed_scores.shape == (0, 5)
    assert archive.niche_load().tolist() == [1, 0, 1, 0, 1]
    assert np.issubdtype(archive.scores.dtype, np.float64)
