"""Folders that `merganser merge` writes, loaded by transformers."""

import json

import pytest
import torch

from peers import DATA, load, load_tokenizer, merganser, prompts, weights

SHARD_GIB = "0.001"  # the least that --shard-gib takes: about 1 MiB


def logits(folder, texts):
    model, tokenizer = load(folder), load_tokenizer(folder)
    with torch.no_grad():
        return [model(**tokenizer(text, return_tensors="pt")).logits for text in texts]


def assert_same_logits(ours, theirs, texts):
    for a, b in zip(logits(ours, texts), logits(theirs, texts), strict=True):
        assert (a - b).abs().max() <= 1e-4


TEXTS = prompts(DATA / "tasks" / "arith.test.jsonl", 4)


def copy_recipe(name):
    """A recipe of one seed: the seed itself."""
    return {"format": "merganser-winner/1",
            "seeds": [{"name": "only", "path": name}],
            "recipe": {"format": "merganser-recipe/1", "seeds": 1,
                       "chromosomes": [{"starts": [0], "coefficients": [[1]]}]}}


@pytest.fixture(name="merge")
def fixture_merge(tmp_path):
    def merge(recipe, name, *arguments):
        file = tmp_path / "recipe.json"
        file.write_text(json.dumps(recipe))
        merganser("merge", file, "--models-root", DATA, "--output", tmp_path / name, *arguments)
        return tmp_path / name
    return merge


@pytest.fixture(name="winner", scope="module")
def fixture_winner():
    return json.loads((DATA / "winner" / "recipe.json").read_text())


def test_shards_load_as_one_file_does(merge, winner):
    whole = merge(winner, "whole")
    shards = merge(winner, "shards", "--shard-gib", SHARD_GIB)
    assert len(list(shards.glob("model-*.safetensors"))) > 1
    assert (shards / "model.safetensors.index.json").exists()
    for name, tensor in weights(whole).items():
        assert torch.equal(tensor, weights(shards)[name]), name
    assert_same_logits(shards, whole, TEXTS)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_sixteen_bits_load(merge, winner, dtype):
    whole = merge(winner, "whole")
    small = merge(winner, "small", "--dtype", dtype)
    config = json.loads((small / "config.json").read_text())
    assert dtype in (config.get("dtype"), config.get("torch_dtype"))
    for name, tensor in weights(whole).items():
        narrow = weights(small)[name]
        assert narrow.dtype == getattr(torch, dtype), name
        assert torch.equal(narrow, tensor.to(narrow.dtype)), name
    assert all(torch.isfinite(one).all() for one in logits(small, TEXTS))


@pytest.mark.parametrize("name", ["tiny-llama-a", "tiny-llama-rope3", "tiny-llama-rope3-b",
                                  "tiny-llama-tied", "tiny-mistral", "tiny-qwen2"])
@pytest.mark.parametrize("arguments", [(), ("--shard-gib", SHARD_GIB)], ids=["whole", "shards"])
def test_copies_are_the_model(merge, name, arguments):
    copy = merge(copy_recipe(name), "copy", *arguments)
    ours, theirs = weights(copy), weights(DATA / name)
    assert set(ours) == set(theirs)
    for tensor, value in theirs.items():
        assert ours[tensor].dtype == value.dtype
        assert torch.equal(ours[tensor], value), tensor
    assert_same_logits(copy, DATA / name, TEXTS)
