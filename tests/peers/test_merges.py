"""`merganser merge` beside mergekit, which runs on the same files."""

import json

import numpy
import pytest

from peers import DATA, mergekit, merganser, to_double, weights

METHODS = ["linear", "linear_three", "linear_unnormalised", "slerp", "slerp_gradient",
           "task_arithmetic", "passthrough"]


@pytest.mark.parametrize("method", METHODS)
def test_merges_as_mergekit(method, tmp_path, monkeypatch):
    config = json.loads((DATA / "merge_expected" / f"{method}.json").read_text())["yaml"]
    monkeypatch.chdir(DATA)  # where the models' relative paths start
    mergekit(config, tmp_path / "theirs")
    file = tmp_path / "merge.yml"
    file.write_text(config)
    merganser("merge", file, "--models-root", DATA, "--output", tmp_path / "ours")
    ours, theirs = weights(tmp_path / "ours"), weights(tmp_path / "theirs")
    assert set(ours) == set(theirs)
    for name, tensor in ours.items():
        assert tensor.dtype == theirs[name].dtype, name
        a, b = to_double(tensor), to_double(theirs[name])
        if method == "passthrough":
            assert (a == b).all(), name
        # The tolerance of the reference data: mergekit is as far from exact sums.
        assert (numpy.abs(a - b) <= 2e-7 * (1 + numpy.abs(b))).all(), name
