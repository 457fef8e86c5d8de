"""What it costs to adapt fewer layers or to pack the base, measured on real Gemma 3 270M weights.

Usage: train_real.py APPRENTICE [--part text layers quantize recipes practice] [--format q8_0 q4_0 nf4] [--steps N] [--rounds N]

Needs the models of deploy/setup-real-models.sh, which are fetched; says SKIPPED where they cannot be had. Its parts:
text      the base as it is, packed in every format: perplexity of plain English (paragraphs of this project's documents);
layers    lessons of the practice shopkeeper (680 pairs) that adapt the upper 3, 6, 9 or all 18 layers;
quantize  the same lesson, of all layers, on the base as it is and packed in every format;
recipes   a site's first lesson, 180 pairs and 20 held out, by some settings;
practice  two sites on the practice base instead, by practice's own settings, with one thread on one processor.
A lesson's processor time is all of its process's, its start included. Prints the tables and writes docs/benchmarks/train_real.md.
"""

import argparse
import json
import math
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import train  # noqa: E402

CANNOT = 75  # of deploy/setup-real-models.sh
KEPT = os.path.join(train.ROOT, "target", "bench", "train_real.json")
LAYERS = [3, 6, 9, 18]
FORMATS = [None, "q8_0", "q4_0", "nf4"]
# As policies/practice.toml has them.
PRACTICE = {
    "learning_rate": 5e-3, "schedule": "constant", "warmup_steps": 20, "epochs": 40.0, "max_steps": 400, "max_tokens": 288, "evaluate_every_steps": 25,
    "stop_loss": 0.02, "patience": 4, "micro_batch_tokens": 0, "threads": 1,
}
# The shipped one as policies/default.toml has it.
RECIPES = {
    "2e-4, 3 epochs": {"learning_rate": 2e-4, "schedule": "constant", "warmup_steps": 0, "epochs": 3.0, "evaluate_every_steps": 50, "patience": 3},
    "as shipped: 5e-4 cosine, 8 epochs, stops at a loss of 0.001": {"epochs": 8.0, "evaluate_every_steps": 20, "patience": 3, "stop_loss": 0.001},
}
# Found to learn this site on this base; the rows of a part change no more than what they name.
RECIPE = {"learning_rate": 5e-4, "schedule": "cosine", "warmup_steps": 10, "batch_size": 16, "threads": 2, "max_tokens": 512}


def models():
    done = subprocess.run(["sh", os.path.join(train.ROOT, "deploy", "setup-real-models.sh")], stdout=subprocess.PIPE, text=True)
    if done.returncode == CANNOT:
        print("SKIPPED: the real models cannot be had on this machine")
        sys.exit(0)
    if done.returncode != 0:
        sys.exit("the real models could not be set up")
    return os.path.join(done.stdout.strip(), "gemma")


def paragraphs(path):
    """Paragraphs of prose as answers to an empty task; the first one is what a job needs to begin. How many there are."""
    found = []
    for name in sorted(os.listdir(os.path.join(train.ROOT, "docs"))) + ["../README.md", "../CONTRIBUTING.md"]:
        if not name.endswith(".md"):
            continue
        with open(os.path.join(train.ROOT, "docs", name), encoding="utf-8") as file:
            for text in re.split(r"\n\s*\n", file.read()):
                text = " ".join(text.split())
                if 200 <= len(text) <= 1500 and text[0] not in "#-|<!":
                    found.append(text)
    lines = [json.dumps({"messages": [{"role": "user", "content": "Go on."}, {"role": "assistant", "content": text}]}) for text in found]
    for suffix, some in (("", lines[:1]), (".held", lines)):
        with open(path + suffix, "w", encoding="utf-8") as out:
            out.write("\n".join(some) + "\n")
    return len(lines)


def lesson(options, folder, base, data, **arguments):
    """Runs one job; what it said at its evaluations and what it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = train.start(options.apprentice, folder, base, data, **{**RECIPE, **arguments})
    held_out, peak, started, lower = [], 0, None, None
    for event in train.events(process):
        if event["event"] == "start":
            started = event
        if event["event"] == "lower_layers":
            lower = event
        if event["event"] == "held_out":
            held_out.append({key: event[key] for key in ("step", "loss", "exact")})
        if event["event"] in ("step", "held_out"):
            peak = max(peak, train.peak_mb(process))
        if event["event"] == "done":
            seconds = event["seconds"]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"held_out": held_out, "peak_mb": peak, "cpu_s": cpu, "seconds": seconds, "parameters": started["parameters"], "lower": lower}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("apprentice")
    parser.add_argument("--part", nargs="+", default=["text", "layers", "quantize", "recipes", "practice"])
    parser.add_argument("--format", nargs="+", default=FORMATS[1:], choices=FORMATS[1:], help="of a packed base")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    base, root, rows = models(), tempfile.mkdtemp(prefix="bench-train-real-"), []
    if os.path.exists(KEPT):
        with open(KEPT, encoding="utf-8") as file:
            rows = [row for row in json.load(file) if row["part"] not in options.part]
    try:
        text, pairs, few = (os.path.join(root, name) for name in ("text.jsonl", "pairs", "few"))
        found = paragraphs(text)
        print(f"{found} paragraphs", flush=True)
        for out, train_count, held_out in ((pairs, "680", "60"), (few, "180", "20")):
            command = [options.apprentice, "practice-pairs", "--site", "shopkeeper", "--out", out, "--train", train_count, "--held-out", held_out]
            subprocess.run(command, check=True)
            os.rename(os.path.join(out, "held_out.jsonl"), os.path.join(out, "train.jsonl.held"))
        data = os.path.join(pairs, "train.jsonl")
        learning = {"max_steps": options.steps, "evaluate_every_steps": 20, "patience": 0}
        formats = [None, *options.format]
        jobs = [("text", "base", {"quantize": kind} if kind else {}, text, {"max_steps": 1, "learning_rate": 1e-30, "batch_size": 1}) for kind in formats]
        jobs += [("layers", count, {"layers": count} if count < 18 else {}, data, learning) for count in LAYERS]
        jobs += [("quantize", kind, {"quantize": kind} if kind else {}, data, learning) for kind in formats]
        jobs += [("recipes", name, recipe, os.path.join(few, "train.jsonl"), {}) for name, recipe in RECIPES.items()]
        for site in ("shopkeeper", "quest-giver"):
            out = os.path.join(root, site)
            command = [options.apprentice, "practice-pairs", "--site", site, "--out", out, "--train", "680", "--held-out", "60"]
            subprocess.run(command, check=True)
            os.rename(os.path.join(out, "held_out.jsonl"), os.path.join(out, "train.jsonl.held"))
            jobs.append(("practice", site, PRACTICE, os.path.join(out, "train.jsonl"), {}))
        processors = os.sched_getaffinity(0)
        for number in range(options.rounds):
            for at, (part, what, arguments, path, more) in enumerate(jobs):
                if part not in options.part:
                    continue
                model = train.PRACTICE if part == "practice" else base
                os.sched_setaffinity(0, {max(processors)} if part == "practice" else processors)
                found = lesson(options, os.path.join(root, f"{number}-{at}"), model, path, **more, seed=number + 1, **arguments)
                os.sched_setaffinity(0, processors)
                rows.append({"part": part, "what": arguments.get("quantize", "as it is") if part in ("text", "quantize") else what, "seed": number + 1, **found})
                print(json.dumps(rows[-1]), flush=True)
                keep(rows)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    report(options, rows)


def keep(rows):
    os.makedirs(os.path.dirname(KEPT), exist_ok=True)
    with open(KEPT, "w", encoding="utf-8") as out:
        json.dump(rows, out, indent=1)


def middle(rows, key):
    return statistics.median(row[key] for row in rows)


def table(rows, first, names):
    steps = [point["step"] for point in rows[0]["held_out"]]
    lines = [
        f"| {first} | trained numbers | processor s | peak MB | " + " | ".join(f"step {step}: loss, exact" for step in steps) + " |",
        "|---" * (4 + len(steps)) + "|",
    ]
    for name in names:
        of = [row for row in rows if row["what"] == name]
        if not of:
            continue
        points = [
            f"{statistics.median(row['held_out'][at]['loss'] for row in of):.4f}, {statistics.median(row['held_out'][at]['exact'] for row in of):.2f}"
            for at in range(len(steps))
        ]
        lines.append(
            f"| {name} | {of[0]['parameters'] / 1e6:.2f} M | {middle(of, 'cpu_s'):.0f} | {middle(of, 'peak_mb'):.0f} | " + " | ".join(points) + " |"
        )
    return lines


def report(options, rows):
    of = {part: [row for row in rows if row["part"] == part] for part in ("text", "layers", "quantize", "recipes", "practice")}
    lines = [
        "# Training on real Gemma 3 270M", "",
        "`make bench-train-real`, made by `tests/bench/train_real.py`. The base is dequantised from Q4_K_M to bf16 (`deploy/setup-real-models.sh`).",
        f"Lessons are of the practice shopkeeper: 680 pairs, 60 held out, rank 16, learning rate 5e-4 with a cosine, {options.steps} steps of 16.", "",
        f"Machine: {train.processors()}, other work beside it; {time.strftime('%Y-%m-%d')}. Seeds: {options.rounds}.", "",
    ]
    if of["text"]:
        lines += ["## The base packed", "", "The paragraphs of this project's documents (`docs/*.md`, README, CONTRIBUTING), as answers; nothing is trained.", ""]
        lines += ["| format | loss, nats a token | perplexity | of the unpacked |", "|---|---|---|---|"]
        plain = next(row["held_out"][-1]["loss"] for row in of["text"] if row["what"] == "as it is")
        for row in of["text"]:
            loss = row["held_out"][-1]["loss"]
            lines.append(f"| {row['what']} | {loss:.4f} | {math.exp(loss):.2f} | {math.exp(loss - plain):.3f} |")
        lines.append("")
    if of["layers"]:
        lines += ["## Adapting the upper layers", "", *table(of["layers"], "layers", LAYERS), ""]
        kept = [row for row in of["layers"] if row["lower"]]
        if kept:
            lines += [
                "What the other layers make of the data is computed once and kept on the disk: "
                + ", ".join(f"{row['lower']['mb']} MB in {row['lower']['seconds']:.0f} s for {row['lower']['layers']} layers" for row in kept) + ".", "",
            ]
    if of["quantize"]:
        lines += ["## Lessons on the packed base", "", "Held-out figures are of the packed base with the adapter.", ""]
        lines += [*table(of["quantize"], "format", ["as it is", "q8_0", "q4_0", "nf4"]), ""]
    if of["recipes"]:
        lines += ["## A first lesson by other settings", "", "180 pairs, 20 held out, rank 16, batches of 16: what a site has when its first lesson begins.", ""]
        lines += ["| settings | steps | processor s | held-out loss, exact, by step |", "|---|---|---|---|"]
        for row in of["recipes"]:
            points = "; ".join(f"{point['step']}: {point['loss']:.4f}, {point['exact']:.2f}" for point in row["held_out"])
            lines.append(f"| {row['what']} | {row['held_out'][-1]['step']} | {row['cpu_s']:.0f} | {points} |")
        lines.append("")
    if of["practice"]:
        lines += ["## Two sites on the practice base", "", "680 pairs, 60 held out with facts that are not among them, practice's own settings; one thread on one processor.", ""]
        lines += ["| site | steps | seconds | held-out loss, exact |", "|---|---|---|---|"]
        for row in of["practice"]:
            last = row["held_out"][-1]
            lines.append(f"| {row['what']} | {last['step']} | {row['seconds']:.0f} | {last['loss']:.4f}, {last['exact']:.2f} |")
        lines.append("")
    text = "\n".join(lines)
    print(text)
    with open(os.path.join(train.ROOT, "docs", "benchmarks", "train_real.md"), "w", encoding="utf-8") as out:
        out.write(text)


if __name__ == "__main__":
    main()
