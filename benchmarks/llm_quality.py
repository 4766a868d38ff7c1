"""Merges tiny-llama-a and -b by campaigns, and compares the winners on held-out questions.

usage: llm_quality.py BIN_DIRECTORY [--seeds N] [--evaluations N] [--three-evaluations N]

Prints, in Markdown, accuracies on the holdout questions of both tasks together,
for each random seed, and exact McNemar tests of the recommended search against
each baseline: all answer the same questions, so they are compared in pairs.
Then three specialists with all three tasks.
"""

import argparse
import json
import math
import pathlib
import statistics
import subprocess
import sys
import tempfile

EXAMPLES = pathlib.Path(__file__).resolve().parent.parent / "examples"
RECOMMENDED = EXAMPLES / "llm-arithmetic-strings.yaml"
PAPER = EXAMPLES / "llm-arithmetic-strings-paper.yaml"
MODELS = EXAMPLES / "llm"


def run(command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")


class Bench:
    def __init__(self, binaries, folder):
        self.merganser = binaries / "merganser"
        self.folder = folder

    def outcomes(self, model, tasks):
        """Per part ("search", "holdout"): one score per datapoint, task after task."""
        output = self.folder / "outcomes.jsonl"
        run([self.merganser, "eval", model, "--task", tasks, "--output", output])
        parts = {"search": [], "holdout": []}
        for line in output.read_text().splitlines():
            row = json.loads(line)
            parts[row["part"]].append(row["score"])
        return parts

    def merge(self, name, config):
        path = self.folder / f"{name}.yml"
        path.write_text(json.dumps(config) if isinstance(config, dict) else config)
        output = self.folder / name
        run([self.merganser, "merge", path, "--output", output])
        return output

    def campaign(self, file, name, settings):
        output = self.folder / name
        arguments = [word for setting in settings for word in ("--set", setting)]
        run([self.merganser, "run", file, "--output", output] + arguments)
        return output / "winner"


def linear(models):
    entries = "".join(f"  - {{model: {model}, parameters: {{weight: 1}}}}\n" for model in models)
    return f"merge_method: linear\nmodels:\n{entries}parameters: {{normalize: true}}\ndtype: float32\n"


def slerp(a, b, t):
    return (f"merge_method: slerp\nbase_model: {a}\nmodels:\n  - model: {a}\n  - model: {b}\n"
            f"parameters: {{t: {t}}}\ndtype: float32\n")


def mean(scores):
    return 100 * sum(scores) / len(scores)


def mcnemar(ours, theirs):
    """Questions that only one of them answers, and the two-sided exact p."""
    wins = sum(a > b for a, b in zip(ours, theirs))
    losses = sum(a < b for a, b in zip(ours, theirs))
    n = wins + losses
    tail = sum(math.comb(n, k) for k in range(min(wins, losses) + 1)) / 2**n if n else 0.5
    return wins, losses, min(1.0, 2 * tail)


def spread(values):
    return f"{statistics.mean(values):.1f} ± {statistics.stdev(values):.1f}" if len(values) > 1 else f"{values[0]:.1f}"


def two_specialists(bench, seeds, evaluations):
    a, b = MODELS / "tiny-llama-a", MODELS / "tiny-llama-b"
    baselines = {"seed arithmetic": bench.outcomes(a, PAPER), "seed strings": bench.outcomes(b, PAPER)}
    baselines["linear average"] = bench.outcomes(bench.merge("average", linear([a, b])), PAPER)
    slerps = {t / 10: bench.outcomes(bench.merge(f"slerp{t}", slerp(a, b, t / 10)), PAPER) for t in range(1, 10)}
    best = max(slerps, key=lambda t: mean(slerps[t]["search"]))
    baselines[f"best SLERP (t = {best}, chosen on search)"] = slerps[best]
    print("| model | holdout, % |\n| --- | --- |")
    for name, outcomes in baselines.items():
        print(f"| {name} | {mean(outcomes['holdout']):.1f} |")
    winners = {}
    for name, file in (("paper's settings", PAPER), ("recommended settings", RECOMMENDED)):
        winners[name] = [
            bench.outcomes(bench.campaign(file, f"{name[:5]}{seed}", [f"random_seed={seed}", f"budget.evaluations={evaluations}"]), PAPER)
            for seed in range(seeds)
        ]
        scores = [mean(outcomes["holdout"]) for outcomes in winners[name]]
        print(f"| {name}, {evaluations} evaluations, {seeds} random seeds | {spread(scores)} ({', '.join(f'{s:.1f}' for s in scores)}) |", flush=True)
    print("\n| recommended settings, random seed | against | only ours right | only theirs | p |\n| --- | --- | --- | --- | --- |")
    for seed, ours in enumerate(winners["recommended settings"]):
        for name, theirs in baselines.items():
            wins, losses, p = mcnemar(ours["holdout"], theirs["holdout"])
            print(f"| {seed} | {name} | {wins} | {losses} | {p:.1e} |")


def three_specialists(bench, seeds, evaluations):
    third = {
        "seeds": f"  - {{name: logic, path: {MODELS / 'tiny-llama-c'}, licence: Apache-2.0}}\n",
        "tasks": "  - name: logic\n    kind: exact_match\n"
                 f"    search: {{file: {MODELS / 'tasks/logic.search.jsonl'}}}\n"
                 f"    holdout: {{file: {MODELS / 'tasks/logic.test.jsonl'}}}\n",
    }
    print("\n| three specialists, three tasks | holdout, % |\n| --- | --- |")
    for name, file in (("paper's settings", PAPER), ("recommended settings", RECOMMENDED)):
        text = file.read_text().replace("llm/", f"{MODELS}/").replace("\ntasks:\n", f"{third['seeds']}\ntasks:\n")
        text = text.replace("\nsearch:\n", f"{third['tasks']}\nsearch:\n")
        campaign = bench.folder / f"three-{name[:5]}.yaml"
        campaign.write_text(text)
        scores = []
        for seed in range(seeds):
            settings = [f"random_seed={seed}", f"budget.evaluations={evaluations}", "model.weights_dtype=float32"]
            winner = bench.campaign(campaign, f"three-{name[:5]}{seed}", settings)
            scores.append(mean(bench.outcomes(winner, campaign)["holdout"]))
        print(f"| {name}, {evaluations} evaluations, {seeds} random seeds | {spread(scores)} ({', '.join(f'{s:.1f}' for s in scores)}) |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binaries", type=pathlib.Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--evaluations", type=int, default=1000)
    parser.add_argument("--three-evaluations", type=int, default=500)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(arguments.binaries.resolve(), pathlib.Path(folder))
        two_specialists(bench, arguments.seeds, arguments.evaluations)
        three_specialists(bench, arguments.seeds, arguments.three_evaluations)


if __name__ == "__main__":
    main()
