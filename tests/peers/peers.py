"""What the tests against the peers share."""

import json
import os
import pathlib
import subprocess

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy  # noqa: E402
import torch  # noqa: E402
import yaml  # noqa: E402
from mergekit.config import MergeConfiguration  # noqa: E402
from mergekit.merge import run_merge  # noqa: E402
from mergekit.options import MergeOptions  # noqa: E402
from safetensors import safe_open  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
EXAMPLES = ROOT / "examples"
DATA = ROOT / "tests" / "data" / "llm"

# Below it the arithmetic's last bits may decide between two tokens.
FRAGILE_MARGIN = 1e-3


def merganser(*arguments):
    """Runs Merganser's command; its standard output."""
    binary = pathlib.Path(os.environ["MERGANSER_BIN"]) / "merganser"
    done = subprocess.run([binary, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"merganser {' '.join(map(str, arguments))}\n{done.stderr}"
    return done.stdout


def mergekit(config, output):
    """What mergekit makes of the text of a configuration."""
    run_merge(MergeConfiguration.model_validate(yaml.safe_load(config)), str(output),
              options=MergeOptions(quiet=True, write_model_card=False))


def weights(folder):
    """All tensors of a folder, by name, as they are stored."""
    tensors = {}
    for path in sorted(pathlib.Path(folder).glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            for name in file.keys():
                assert name not in tensors, f"{path}: {name} is there twice"
                tensors[name] = file.get_tensor(name)
    return tensors


def load(folder):
    """The model in float32; fails if a tensor is missing or too many."""
    model, info = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    assert not info["missing_keys"], info
    assert not info["unexpected_keys"], info
    assert not info["mismatched_keys"], info
    return model.eval()


def load_tokenizer(folder):
    return AutoTokenizer.from_pretrained(folder)


def greedy(model, tokenizer, prompt, most):
    """Token ids up to the end, the end's included, the text without it, and the margin
    between the two largest logits at each of them."""
    given = tokenizer(prompt, return_tensors="pt")
    out = model.generate(**given, do_sample=False, max_new_tokens=most, output_logits=True,
                         return_dict_in_generate=True, pad_token_id=0)
    ids = out.sequences[0, given["input_ids"].shape[1]:].tolist()
    margins = []
    for logits in out.logits:
        first, second = logits[0].topk(2).values.tolist()
        margins.append(first - second)
    text = tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return ids, text, margins


def prompts(path, rows):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line)["prompt"] for _, line in zip(range(rows), lines)]


def to_double(tensor):
    return tensor.to(torch.float64).numpy()


def spacing(values, dtype):
    """One unit in the last place of float64 values, were they of `dtype`."""
    info = torch.finfo(dtype)
    _, exponent = numpy.frexp(numpy.abs(values))  # values in [2^(e-1), 2^e)
    return numpy.maximum(numpy.ldexp(info.eps, exponent - 1), info.smallest_normal * info.eps)
