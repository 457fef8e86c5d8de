"""The trainer on a CUDA device, at Gemma 3 1B's shape with random weights.

Usage: train_cuda.py APPRENTICE [--rounds N] [--steps S] [--budget T ...]

APPRENTICE is built with `--features apprentice/cuda`. Batches of 32 examples of about 720 tokens, whose prompts begin with the same 600 tokens
or have nothing in common; every run is a job of its own, its first step left out. Tokens are those of the examples, whether computed once
or often; the memory is what `nvidia-smi` says of the process at its highest. Prints the table and writes docs/benchmarks/train_cuda.md.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import train  # noqa: E402
from train_pytorch import GEMMA_1B  # noqa: E402

BATCH = 32


def smi(*query):
    """Lines of `nvidia-smi`'s answer."""
    done = subprocess.run(["nvidia-smi", *query, "--format=csv,noheader,nounits"], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip().splitlines()


class Memory(threading.Thread):
    """Looks four times a second at how much of the device a process holds."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.peak_mb, self.over = pid, 0, threading.Event()

    def run(self):
        while not self.over.wait(0.25):
            for line in smi("--query-compute-apps=pid,used_memory"):
                pid, mib = line.split(",")
                if int(pid) == self.pid and mib.strip().isdigit():
                    self.peak_mb = max(self.peak_mb, int(mib) * 1.048576)


def run(options, folder, base, data, budget):
    """Tokens a second over all steps but the first, what was estimated and what was held, MB."""
    process = train.start(
        options.apprentice, folder, base, data, batch_size=BATCH, micro_batch_tokens=budget, max_steps=options.steps + 1, device='"cuda"'
    )
    memory, marks, start = Memory(process.pid), [], None
    memory.start()
    for event in train.events(process):
        if event["event"] == "start":
            start = event
        if event["event"] == "step":
            marks.append((event["seconds"], event["tokens_per_s"] * event["seconds"]))
    memory.over.set()
    memory.join()
    seconds, tokens = (marks[-1][i] - marks[0][i] for i in (0, 1))
    return {"rate": tokens / seconds, "peak_mb": memory.peak_mb, "estimate_mb": start["memory_mb"]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("apprentice")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--budget", nargs="+", type=int, default=[2048, 4096, 8192])
    options = parser.parse_args()
    if not shutil.which("nvidia-smi"):
        sys.exit("nvidia-smi is missing: this bench needs an NVIDIA GPU and its driver on this machine")
    name, driver = smi("--query-gpu=name,driver_version")[0].split(", ")
    root, rows = tempfile.mkdtemp(prefix="bench-cuda-"), []
    try:
        base = os.path.join(root, "base")
        train.write_base(base, GEMMA_1B)
        for shared in (True, False):
            data = os.path.join(root, f"{shared}.jsonl")
            train.write_chats(data, 4 * BATCH, shared, BATCH)
            train.write_chats(data + ".held", 1, shared, BATCH + 1)
            for budget in options.budget:
                found = [run(options, os.path.join(root, f"{shared}-{budget}-{n}"), base, data, budget) for n in range(options.rounds)]
                rates, peak = [one["rate"] for one in found], max(one["peak_mb"] for one in found)
                rows.append(
                    f"| {'shared' if shared else 'apart'} | {budget} | {options.rounds} x {options.steps} | {train.figure(rates, 0)} | {peak:.0f} | "
                    f"{found[0]['estimate_mb']} |"
                )
                print(rows[-1], flush=True)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    text = "\n".join([
        "# Training on a GPU", "",
        "`make bench-train-cuda`, made by `tests/bench/train_cuda.py`: Gemma 3 1B's shape with random weights in bf16, LoRA of rank 16 on all linears, "
        f"batches of {BATCH} examples of about 720 tokens. *Shared*: 600 of them are the same in all examples. The first step is left out.", "",
        f"{name}, driver {driver}; {time.strftime('%Y-%m-%d')}.", "",
        "| prompts | at once (micro_batch_tokens) | rounds x steps | tokens/s | peak MB (nvidia-smi) | estimated MB |", "|---|---|---|---|---|---|", *rows,
    ])
    with open(os.path.join(train.ROOT, "docs", "benchmarks", "train_cuda.md"), "w", encoding="utf-8") as out:
        out.write(text + "\n")


if __name__ == "__main__":
    main()
