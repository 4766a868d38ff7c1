"""merganser merge beside mergekit: two bfloat16 folders into one.

The commands are timed from start to exit. A warm process has imported mergekit and has
merged once before; its run_merge is timed. All use the same number of threads and write to
the same disk, in turn. The files are in the page cache.
"""

import argparse
import json
import multiprocessing
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from bench import binaries, print_header, print_machine, print_row, say

TOKENIZER = pathlib.Path(__file__).parent.parent / "tests" / "data" / "llm" / "tiny-llama-a"
SHAPES = {  # layers, hidden size, intermediate size, heads, key-value heads, vocabulary
    "135M": (30, 576, 1536, 9, 3, 49152),
    "0.66B": (30, 1280, 4096, 20, 4, 49152),
}
METHODS = {
    "linear": "models:\n  - {{model: {a}, parameters: {{weight: 0.6}}}}\n"
              "  - {{model: {b}, parameters: {{weight: 0.4}}}}\n",
    "slerp": "base_model: {a}\nmodels:\n  - model: {a}\n  - model: {b}\nparameters: {{t: 0.4}}\n",
}
# Started with a configuration, a folder and how often: prints seconds of the last times.
WARM = """
import shutil, sys, time, yaml
from mergekit.config import MergeConfiguration
from mergekit.merge import run_merge
from mergekit.options import MergeOptions
config = MergeConfiguration.model_validate(yaml.safe_load(open(sys.argv[1])))
options = MergeOptions(quiet=True, num_threads=int(sys.argv[4]))
options.apply_global_options()
for turn in range(int(sys.argv[3]) + 1):
    shutil.rmtree(sys.argv[2], ignore_errors=True)
    start = time.monotonic()
    run_merge(config, sys.argv[2], options=options)
    if turn > 0:
        print(time.monotonic() - start, flush=True)
"""


def tensors_of(shape):
    layers, hidden, intermediate, heads, kv_heads, vocabulary = shape
    head = hidden // heads
    yield "model.embed_tokens.weight", (vocabulary, hidden)
    for layer in range(layers):
        prefix = f"model.layers.{layer}."
        yield prefix + "input_layernorm.weight", (hidden,)
        yield prefix + "post_attention_layernorm.weight", (hidden,)
        yield prefix + "self_attn.q_proj.weight", (hidden, hidden)
        yield prefix + "self_attn.k_proj.weight", (kv_heads * head, hidden)
        yield prefix + "self_attn.v_proj.weight", (kv_heads * head, hidden)
        yield prefix + "self_attn.o_proj.weight", (hidden, hidden)
        yield prefix + "mlp.gate_proj.weight", (intermediate, hidden)
        yield prefix + "mlp.up_proj.weight", (intermediate, hidden)
        yield prefix + "mlp.down_proj.weight", (hidden, intermediate)
    yield "model.norm.weight", (hidden,)


def make_checkpoint(folder, shape, seed):
    """A Llama with a tied head and normal weights, in shards."""
    import torch
    from huggingface_hub import save_torch_state_dict
    layers, hidden, intermediate, heads, kv_heads, vocabulary = shape
    folder.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json", "generation_config.json"):
        shutil.copy(TOKENIZER / name, folder)
    config = json.loads((TOKENIZER / "config.json").read_text())
    config |= {"num_hidden_layers": layers, "hidden_size": hidden,
               "intermediate_size": intermediate, "num_attention_heads": heads,
               "num_key_value_heads": kv_heads, "vocab_size": vocabulary,
               "tie_word_embeddings": True, "torch_dtype": "bfloat16"}
    (folder / "config.json").write_text(json.dumps(config, indent=1))
    generator = torch.Generator().manual_seed(seed)
    weights = {name: torch.randn(size, generator=generator).mul_(0.02).to(torch.bfloat16)
               for name, size in tensors_of(shape)}
    save_torch_state_dict(weights, folder, max_shard_size="200MB")


def make_checkpoints(a, b, shape):
    """In a process of its own: the peak memory of a child begins with its parent's."""
    context = multiprocessing.get_context("spawn")
    for folder, seed in ((a, 1), (b, 2)):
        process = context.Process(target=make_checkpoint, args=(folder, shape, seed))
        process.start()
        process.join()
        if process.exitcode != 0:
            sys.exit(f"{folder}: could not be made")


def run(command, output, threads):
    """Seconds and peak resident MiB of a command that writes `output`."""
    shutil.rmtree(output, ignore_errors=True)
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1"}
    with tempfile.TemporaryFile() as log:
        start = time.monotonic()
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            log.seek(0)
            sys.exit(f"{' '.join(map(str, command))}\n{log.read().decode(errors='replace')}")
    return seconds, usage.ru_maxrss / 1024


def warm_seconds(config, output, repeats, threads):
    command = [sys.executable, "-c", WARM, config, output, str(repeats), str(threads)]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return min(float(line) for line in done.stdout.split())


def measure(folder, arguments, shape, scratch):
    a, b = scratch / "a", scratch / "b"
    say(f"making two checkpoints of the {shape} shape")
    make_checkpoints(a, b, SHAPES[shape])
    size = sum(path.stat().st_size for path in a.glob("*.safetensors"))
    mergekit = pathlib.Path(sys.executable).parent / "mergekit-yaml"
    for method, text in METHODS.items():
        config = scratch / f"{method}.yml"
        config.write_text(f"merge_method: {method}\n" + text.format(a=a, b=b) +
                          "dtype: bfloat16\n")
        output = scratch / "merged"
        ours = [folder / "merganser", "merge", config, "--output", output,
                "--threads", str(arguments.threads)]
        theirs = [mergekit, config, output, "--quiet", "-j", str(arguments.threads)]
        # The memory is that of all runs, the time that of the best.
        runs = [run(ours, output, arguments.threads) for _ in range(arguments.repeats)]
        seconds, memory = min(runs)[0], max(one[1] for one in runs)
        command = min(run(theirs, output, arguments.threads)
                      for _ in range(arguments.repeats))[0]
        warm = warm_seconds(config, output, arguments.repeats, arguments.threads)
        print_row([shape, method, f"{seconds:.3f}", f"{3 * size / seconds / 1e9:.2f}",
                   f"{memory:.0f}", f"{command:.2f}", f"{command / seconds:.1f}",
                   f"{warm:.2f}", f"{warm / seconds:.1f}"])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binaries", type=pathlib.Path)
    parser.add_argument("--shape", choices=SHAPES, action="append")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    folder = binaries(arguments.binaries, ["merganser"])
    print_machine()
    print_header(["shape", "method", "merganser s", "GB/s read and written",
                  "peak resident MiB", "mergekit-yaml s", "times", "warm run_merge s", "times"])
    for shape in arguments.shape or ["135M"]:
        with tempfile.TemporaryDirectory(prefix="merge-folders-") as scratch:
            measure(folder, arguments, shape, pathlib.Path(scratch))


if __name__ == "__main__":
    main()
