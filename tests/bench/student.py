"""The student at Gemma 3 1B's shape with random weights: reading, writing alone and together, a game's request, one in JSON.

Usage: student.py RANDOM_BASE SPEED [--format i8row] [--threads 1] [--rounds N] [--case read write game json]

RANDOM_BASE and SPEED are the examples of the member `student`. The tokenizer is the real Gemma 3 one of deploy/setup-real-models.sh; says
SKIPPED where it cannot be had. Speed does not depend on what weights are; how many tokens a form forces and how far prompts agree do not,
either. Every round opens the student anew. Prints the table and writes docs/benchmarks/student.md.
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

CASES = ["read", "write", "game", "json"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("random_base")
    parser.add_argument("speed")
    parser.add_argument("--format", default="i8row")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--case", nargs="+", default=CASES, choices=CASES)
    options = parser.parse_args()
    tokenizer = os.path.join(train_real.models(), "tokenizer.json")
    root = tempfile.mkdtemp(prefix="bench-student-")
    try:
        base = os.path.join(root, "base")
        subprocess.run([options.random_base, "1b", base, tokenizer], check=True)
        command = [options.speed, base, os.path.join(root, "graph"), options.format, str(options.threads), str(options.rounds), *options.case]
        lines = []
        for line in subprocess.Popen(command, stdout=subprocess.PIPE, text=True).stdout:
            print(line, end="", flush=True)
            lines.append(json.loads(line))
    finally:
        shutil.rmtree(root, ignore_errors=True)
    report(options, lines)


def of(lines, case, **wanted):
    return [line for line in lines if line["case"] == case and all(line[key] == value for key, value in wanted.items())]


def ms(lines, tokens):
    """Processor milliseconds a token."""
    return [1000 * line["cpu_s"] / line[tokens] for line in lines]


def report(options, lines):
    out = [
        "# The student's speed", "",
        f"`make bench-student`, made by `tests/bench/student.py`: Gemma 3 1B's shape, random weights, `{options.format}`, {options.threads} thread(s), LoRA of rank 16 on all linears. "
        "Medians and ranges; processor time.", "",
        f"Machine: {train.processors()}, load average {os.getloadavg()[0]:.1f} at the end; {time.strftime('%Y-%m-%d')}. Rounds: {options.rounds}.", "",
        "| what | rounds | processor ms a token | against one answer alone, tokens/s |", "|---|---|---|---|",
    ]
    for tokens in sorted({line["tokens"] for line in of(lines, "read")}):
        found = of(lines, "read", tokens=tokens)
        out.append(f"| a prompt of {tokens} tokens | {len(found)} | {train.figure(ms(found, 'tokens'), 2)} | |")
    alone = statistics.median(ms(of(lines, "write", at_once=1), "tokens")) if of(lines, "write") else 1.0
    for at_once, adapters in sorted({(line["at_once"], line["adapters"]) for line in of(lines, "write")}):
        found = of(lines, "write", at_once=at_once, adapters=adapters)
        each = ms(found, "tokens")
        what = f"{at_once} answer(s) at once, {adapters} adapter(s)"
        out.append(f"| {what} | {len(found)} | {train.figure(each, 1)} | {alone / statistics.median(each):.2f} |")
    out += ["", "| a request | rounds | processor s |", "|---|---|---|"]
    for said in ("cold", "seen once", "known"):
        found = of(lines, "game", system=said)
        if found:
            what = f"{found[0]['read']} tokens of prompt, {found[0]['written']} of reply, system prompt {said}"
            out.append(f"| {what} | {len(found)} | {train.figure([line['cpu_s'] for line in found], 2)} |")
    for form in ("text", "json_schema"):
        found = of(lines, "json", form=form)
        if found:
            what = f"{found[0]['read']} tokens of prompt, {found[0]['written']} of reply, {form}"
            out.append(f"| {what} | {len(found)} | {train.figure([line['cpu_s'] for line in found], 2)} |")
    opened = of(lines, "open")
    out += ["", f"Opened in {train.figure([line['cpu_s'] for line in opened], 1)} processor seconds; memory after the first: {opened[0]['memory']}.", ""]
    text = "\n".join(out)
    print(text)
    with open(os.path.join(train.ROOT, "docs", "benchmarks", "student.md"), "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    main()
