"""Writes tests/data/llm/winner/expected.json: what transformers continues prompts with,
of the model that recipe.json there says.

The weights are computed here, in float64 by numpy, so that nothing of Merganser is in
what its tests expect. Run it by .cache/peers/bin/python, see environment.sh.
"""

import json
import tempfile

import numpy
import torch

from peers import (DATA, FRAGILE_MARGIN, greedy, load, load_tokenizer, prompts, to_double,
                   weights)

FOLDER = DATA / "winner"
PROMPTS = 20
PROSE = ["The ", "If the target", "A class definition", "When an exception", "In other words,"]
LONGEST = 48  # tokens; prose never ends


def parameter_order(names):
    """Embedding, layers by number, norm, head; a layer's tensors by name."""
    def key(name):
        if name.startswith("model.layers."):
            return 1, int(name.split(".")[2]), name
        return ["model.embed_tokens.weight", "", "model.norm.weight",
                "lm_head.weight"].index(name), 0, name
    return sorted(names, key=key)


def combine(recipe):
    """Seeds and coefficients into tensors, in float32."""
    seeds = [weights(DATA / seed["path"]) for seed in recipe["seeds"]]
    (chromosome,) = recipe["recipe"]["chromosomes"]
    names = parameter_order(seeds[0])
    vectors = [numpy.concatenate([to_double(seed[name]).ravel() for name in names])
               for seed in seeds]
    starts = [*chromosome["starts"], len(vectors[0])]
    child = numpy.empty_like(vectors[0])
    for begin, end, row in zip(starts, starts[1:], chromosome["coefficients"]):
        child[begin:end] = sum(c * v[begin:end] for c, v in zip(row, vectors, strict=True))
    tensors, offset = {}, 0
    for name in names:
        shape = seeds[0][name].shape
        part = child[offset:offset + shape.numel()]
        tensors[name] = torch.from_numpy(part.astype(numpy.float32)).reshape(shape)
        offset += shape.numel()
    return tensors


def main():
    recipe = json.loads((FOLDER / "recipe.json").read_text())
    donor = DATA / recipe["seeds"][0]["path"]
    model = load(donor)
    missing = model.load_state_dict(combine(recipe), strict=True)
    assert not missing.missing_keys
    with tempfile.TemporaryDirectory() as folder:  # as a user would load it
        model.save_pretrained(folder)
        model = load(folder)
    tokenizer = load_tokenizer(donor)
    texts = [prompt for task in ("arith", "strings")
             for prompt in prompts(DATA / "tasks" / f"{task}.test.jsonl", PROMPTS)]
    items = []
    for prompt in texts + PROSE:
        ids, text, margins = greedy(model, tokenizer, prompt, LONGEST)
        assert min(margins) >= FRAGILE_MARGIN, f"{prompt!r}: too close to call, take another"
        items.append(json.dumps({"prompt": prompt, "ids": ids, "text": text}))
    (FOLDER / "expected.json").write_text(
        f'{{"max_new_tokens": {LONGEST}, "continuations": [\n' + ",\n".join(items) + "\n]}\n")


if __name__ == "__main__":
    main()
