"""What the number formats of a graph cost in quality and in speed, measured on real Gemma 3 270M weights beside single precision.

Usage: quality.py QUALITY [--tokens N] [--rounds N] [--round-tokens N]

QUALITY is the example `quality` of the member `student`. Needs the models of deploy/setup-real-models.sh, which are fetched; says
SKIPPED where they cannot be had. The text is plain English: paragraphs of this project's documents. One run over all tokens gives the
figures of quality, further rounds over fewer tokens those of speed; within a run a format and single precision take turns. Prints the
table and writes docs/benchmarks/quality.md and target/bench/quality.json.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import train  # noqa: E402
import train_real  # noqa: E402

FORMATS = ["i8packed", "i4packed", "i8b32"]
SPEEDS = ["token_ms", "prompt_s", "reading_s"]


def prose(path):
    """Writes the paragraphs that `train_real.py` reads as one text."""
    train_real.paragraphs(path)
    with open(path + ".held", encoding="utf-8") as lines:
        text = "\n\n".join(json.loads(line)["messages"][1]["content"] for line in lines)
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)


def measure(options, base, root, text, tokens):
    """A run of the example: by format what it found."""
    command = [options.quality, base, os.path.join(root, "graphs"), str(tokens), text, *FORMATS]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    for row in rows:
        print(json.dumps(row), flush=True)
    return {row["format"]: row for row in rows}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("quality")
    parser.add_argument("--tokens", type=int, default=6144)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--round-tokens", type=int, default=1024)
    options = parser.parse_args()
    base, root = train_real.models(), tempfile.mkdtemp(prefix="bench-quality-")
    try:
        text = os.path.join(root, "text")
        prose(text)
        found = measure(options, base, root, text, options.tokens)
        rounds = [measure(options, base, root, text, options.round_tokens) for _ in range(options.rounds)]
    finally:
        shutil.rmtree(root, ignore_errors=True)
    kept = os.path.join(train.ROOT, "target", "bench", "quality.json")
    os.makedirs(os.path.dirname(kept), exist_ok=True)
    with open(kept, "w", encoding="utf-8") as out:
        json.dump({"quality": found, "rounds": rounds}, out, indent=1)
    report(options, found, rounds)


def speed(rows, key):
    """The median, and of the ratios to single precision in the same run the median and how far they lie apart."""
    own = statistics.median(row["own"][key] for row in rows)
    ratios = sorted(row["own"][key] / row["f32"][key] for row in rows)
    return f"{own:.3g}, x {statistics.median(ratios):.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f})"


def report(options, found, rounds):
    lines = [
        "# Number formats on real Gemma 3 270M", "",
        "`make bench-quality`, made by `tests/bench/quality.py`. The base is dequantised from Q4_K_M to bf16 (`deploy/setup-real-models.sh`).",
        "Plain English: the paragraphs of this project's documents (`docs/*.md`, README, CONTRIBUTING), in windows of 256 tokens.", "",
        f"Machine: {train.processors()}, other work beside it; {time.strftime('%Y-%m-%d')}. Quality: {options.tokens} tokens. Speed: {options.rounds} rounds of "
        f"{options.round_tokens} tokens, one thread, processor time; in every round a format and f32 take turns window by window. Medians; in brackets the",
        "least and the largest of the rounds' ratios to f32.", "",
        "| format | perplexity | of f32's | same most probable token | error of a logit, rms | a token by itself, ms | a prompt of 256 tokens, s | 256 tokens with the logits of each, s | files, MB |",
        "|---" * 9 + "|",
    ]
    exact = [row for row in found.values() if row["exact"]]
    turns = [row["f32"] for of in rounds for row in of.values() if row["exact"]]
    middles = " | ".join(f"{statistics.median(turn[key] for turn in turns):.3g}" for key in SPEEDS)
    lines.append(f"| f32 | {exact[0]['perplexity_f32']:.2f} | 1 | 100 % | 0 | {middles} | {exact[0]['f32']['bytes'] / 1e6:.0f} |")
    for name, row in found.items():
        if not row["exact"]:
            lines.append(f"| {name} | does not sum exactly on this processor |" + " |" * 7)
            continue
        speeds = " | ".join(speed([of[name] for of in rounds], key) for key in SPEEDS)
        lines.append(
            f"| {name} | {row['perplexity']:.2f} | {row['perplexity_ratio']:.4f} | {100 * row['same_argmax']:.1f} % | {row['rms_error']:.2f} | {speeds} | "
            f"{row['own']['bytes'] / 1e6:.0f} |"
        )
    text = "\n".join([*lines, ""])
    print(text)
    with open(os.path.join(train.ROOT, "docs", "benchmarks", "quality.md"), "w", encoding="utf-8") as out:
        out.write(text)


if __name__ == "__main__":
    main()
