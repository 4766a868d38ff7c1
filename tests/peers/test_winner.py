"""What a campaign ends with, beside transformers and mergekit."""

import json
import re

import numpy
import pytest
import torch

from peers import (EXAMPLES, FRAGILE_MARGIN, greedy, load, load_tokenizer, mergekit, merganser,
                   prompts, spacing, to_double, weights)

PROMPTS = 40
LONGEST = 64  # tokens that are compared


@pytest.fixture(name="recorded", scope="module")
def fixture_recorded(campaign, tmp_path_factory):
    """What `merganser eval` recorded of the holdout datapoints, by task."""
    path = tmp_path_factory.mktemp("eval") / "outputs.jsonl"
    merganser("eval", campaign / "winner", "--task", EXAMPLES / f"{campaign.name}.yaml",
              "--limit", str(PROMPTS), "--output", path)
    tasks = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        if item["part"] == "holdout":
            tasks.setdefault(item["task"], []).append(item)
    return tasks


def test_writes_what_transformers_writes(campaign, recorded, report):
    model = load(campaign / "winner")
    tokenizer = load_tokenizer(campaign / "winner")
    fragile = 0
    for task, file in (("arithmetic", "arith"), ("strings", "strings")):
        texts = prompts(EXAMPLES / "llm" / "tasks" / f"{file}.test.jsonl", PROMPTS)
        items = recorded[task]
        assert [item["prompt"] for item in items] == texts
        for item in items:
            ids, text, margins = greedy(model, tokenizer, item["prompt"], LONGEST)
            ours = item["token_ids"][:LONGEST]
            if ours == ids:
                if len(item["token_ids"]) < LONGEST:
                    assert item["output"] == text
                continue
            split = next((i for i, (a, b) in enumerate(zip(ours, ids)) if a != b),
                         min(len(ours), len(ids)))
            lowest = min(margins[:split + 1])
            assert lowest < FRAGILE_MARGIN, (
                f"{task}, {item['prompt']!r}: we write {ours}, transformers {ids}; the "
                f"margin is {lowest}")
            fragile += 1
    report(f"{campaign.name}: {2 * PROMPTS} continuations, of which {fragile} differ where two "
           f"logits are within {FRAGILE_MARGIN}")
    assert fragile <= 4


def split_tensors(card):
    """The tensors that the model card excepts."""
    sentence = re.search(r"`mergekit_config.yml` makes.*", card).group(0)
    return set(re.findall(r"`(model\.[^`]*|lm_head[^`]*)`", sentence))


def test_mergekit_makes_the_same_weights(campaign, tmp_path, report):
    winner = campaign / "winner"
    mergekit((winner / "mergekit_config.yml").read_text(), tmp_path / "out")
    ours = weights(winner)
    theirs = weights(tmp_path / "out")
    assert set(ours) == set(theirs)
    excepted = split_tensors((winner / "README.md").read_text(encoding="utf-8"))
    assert excepted < set(ours)
    recipe = json.loads((winner / "merganser_recipe.json").read_text())
    seeds = [weights(seed["path"]) for seed in recipe["seeds"]]
    largest = max(abs(c) for chromosome in recipe["recipe"]["chromosomes"]
                  for row in chromosome["coefficients"] for c in row)
    worst = 0
    for name in sorted(set(ours) - excepted):
        assert ours[name].dtype == theirs[name].dtype
        # Where terms cancel, the unit is that of the terms.
        terms = largest * numpy.max([numpy.abs(to_double(seed[name])) for seed in seeds], axis=0)
        a, b = to_double(ours[name]), to_double(theirs[name])
        scale = numpy.maximum(terms, numpy.maximum(numpy.abs(a), numpy.abs(b)))
        units = numpy.abs(a - b) / spacing(scale, ours[name].dtype)
        worst = max(worst, units.max())
    report(f"{campaign.name}: {worst:.2f} units in the last place at most in "
           f"{len(ours) - len(excepted)} of {len(ours)} tensors")
    assert worst <= 1
    for name in excepted:  # the larger part has the same coefficients
        same = numpy.isclose(to_double(ours[name]), to_double(theirs[name]), rtol=0, atol=1e-6)
        assert same.mean() >= 0.5, name
        assert not same.all(), name


def test_recipe_makes_the_same_bits(campaign, tmp_path):
    merganser("merge", campaign / "winner" / "merganser_recipe.json", "--output",
              tmp_path / "again")
    again = weights(tmp_path / "again")
    for name, tensor in weights(campaign / "winner").items():
        assert torch.equal(tensor, again[name]), name
