"""Writing and judging text with merganser's kernels beside transformers, on the CPU.

Both load the same checkpoint in float32 and use as many threads, in turn. Prompts are
random tokens, of the same number and lengths on both sides. transformers decodes
greedily with generate(), and never ends early; for multiple choice it sees context and
choice as one sequence for each choice, in batches of 32 sequences, and computes logits
for the choice's tokens alone. The exact match of merganser is one forward pass; that of
transformers is decoding.
"""

import argparse
import contextlib
import pathlib
import subprocess
import sys
import tempfile
import time

from bench import binaries, print_header, print_machine, print_row, say
from checkpoints import make_checkpoints

TINY = pathlib.Path(__file__).parent.parent / "examples" / "llm" / "tiny-llama-a"
BATCH = 32
NEW_TOKENS = 64
CHOICES = 4
# Tokens that all prompts share, tokens of each question, tokens of an answer, items: as
# generate_benchmark has them.
WORKLOADS = {"small": (200, 40, 4, 64), "tiny": (4, 14, 4, 600)}
# Our row and the one of transformers beside which it stands.
ROWS = {
    "decode, batch 1": "decode, batch 1",
    "decode, batch 32": "decode, batch 32",
    "exact match by decoding, batch 32": "exact match by decoding, batch 32",
    "exact match, chunks of 32": "exact match by decoding, batch 32",
    "multiple choice of 4, chunks of 32": "multiple choice of 4, chunks of 32",
}


class Peer:
    """transformers with one checkpoint; every method gives tokens or items per second."""

    def __init__(self, folder, workload, threads, rounds):
        import torch
        from transformers import AutoModelForCausalLM
        self.torch = torch
        torch.set_num_threads(threads)
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        self.shared, self.question, self.answer, self.items = WORKLOADS[workload]
        self.rounds = rounds
        self.random = torch.Generator().manual_seed(1)

    def tokens(self, count, length):
        return self.torch.randint(0, self.model.config.vocab_size, (count, length),
                                  generator=self.random)

    def prompts(self):
        shared = self.tokens(1, self.shared).expand(self.items, -1)
        return self.torch.cat([shared, self.tokens(self.items, self.question)], dim=1)

    def best_seconds(self, body, batches):
        best = float("inf")
        with self.torch.inference_mode():
            for _ in range(self.rounds):
                start = time.monotonic()
                for batch in batches:
                    body(batch)
                best = min(best, time.monotonic() - start)
        return best

    def generate(self, batch, new_tokens):
        self.model.generate(input_ids=batch, attention_mask=self.torch.ones_like(batch),
                            do_sample=False, min_new_tokens=new_tokens,
                            max_new_tokens=new_tokens, pad_token_id=0)

    def decode(self, batch):
        seconds = self.best_seconds(lambda one: self.generate(one, NEW_TOKENS),
                                    [self.tokens(batch, 16)])
        return batch * NEW_TOKENS / seconds

    def exact_match(self):
        seconds = self.best_seconds(lambda one: self.generate(one, self.answer),
                                    self.prompts().split(BATCH))
        return self.items / seconds

    def choose(self, batch):
        sequence, answer = batch[:, :-1], batch[:, -self.answer:]
        logits = self.model(sequence, use_cache=False, logits_to_keep=self.answer).logits
        self.torch.log_softmax(logits, -1).gather(-1, answer[..., None]).sum(1)

    def multiple_choice(self):
        contexts = self.prompts().repeat_interleave(CHOICES, dim=0)
        sequences = self.torch.cat([contexts, self.tokens(len(contexts), self.answer)], dim=1)
        return self.items / self.best_seconds(self.choose, sequences.split(BATCH))

    def rows(self):
        yield "decode, batch 1", self.decode(1)
        yield f"decode, batch {BATCH}", self.decode(BATCH)
        yield f"exact match by decoding, batch {BATCH}", self.exact_match()
        yield f"multiple choice of {CHOICES}, chunks of {BATCH}", self.multiple_choice()


def ours(folder, checkpoint, workload, arguments):
    """Per row of generate_benchmark: tokens or items per second, and its unit."""
    command = [folder / "generate_benchmark", "--checkpoint", checkpoint, "--workload", workload,
               "--threads", str(arguments.threads), "--rounds", str(arguments.rounds)]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stderr}")
    rows = {}
    for line in done.stdout.splitlines()[2:]:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        speed, unit = cells[2].split(" ")
        rows[cells[1]] = (float(speed), unit)
    return rows


def measure(folder, name, checkpoint, workload, arguments):
    say(f"{name}: merganser")
    mine = ours(folder, checkpoint, workload, arguments)
    say(f"{name}: transformers")
    with contextlib.redirect_stdout(sys.stderr):
        theirs = dict(Peer(checkpoint, workload, arguments.threads, arguments.rounds).rows())
    for row, beside in ROWS.items():
        speed, unit = mine[row]
        print_row([name, row, f"{speed:,.1f} {unit}", beside,
                   f"{theirs[beside]:,.1f} {unit}", f"{speed / theirs[beside]:.2f}"])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binaries", type=pathlib.Path)
    parser.add_argument("--model", choices=["135M", "tiny"], action="append")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    folder = binaries(arguments.binaries, ["generate_benchmark"])
    print_machine()
    print_header(["model", "merganser", "speed", "transformers", "speed", "times"])
    for model in arguments.model or ["135M", "tiny"]:
        if model == "tiny":
            measure(folder, model, TINY, "tiny", arguments)
            continue
        with tempfile.TemporaryDirectory(prefix="generate-") as scratch:
            checkpoint = pathlib.Path(scratch) / "model"
            make_checkpoints([checkpoint], model, "float32")
            measure(folder, model, checkpoint, "small", arguments)


if __name__ == "__main__":
    main()
