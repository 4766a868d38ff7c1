"""Random Hugging Face checkpoints of a given shape, for benchmarks."""

import json
import multiprocessing
import pathlib
import shutil
import sys

TOKENIZER = pathlib.Path(__file__).parent.parent / "tests" / "data" / "llm" / "tiny-llama-a"
SHAPES = {  # layers, hidden size, intermediate size, heads, key-value heads, vocabulary
    "135M": (30, 576, 1536, 9, 3, 49152),
    "0.66B": (30, 1280, 4096, 20, 4, 49152),
}


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


def make_checkpoint(folder, shape, seed, dtype):
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
               "head_dim": hidden // heads,
               "tie_word_embeddings": True, "torch_dtype": dtype}
    (folder / "config.json").write_text(json.dumps(config, indent=1))
    generator = torch.Generator().manual_seed(seed)
    weights = {name: torch.randn(size, generator=generator).mul_(0.02).to(getattr(torch, dtype))
               for name, size in tensors_of(shape)}
    save_torch_state_dict(weights, folder, max_shard_size="200MB")


def make_checkpoints(folders, shape, dtype="bfloat16"):
    """In a process of its own: the peak memory of a child begins with its parent's."""
    context = multiprocessing.get_context("spawn")
    for seed, folder in enumerate(folders, 1):
        process = context.Process(target=make_checkpoint,
                                  args=(folder, SHAPES[shape], seed, dtype))
        process.start()
        process.join()
        if process.exitcode != 0:
            sys.exit(f"{folder}: could not be made")
