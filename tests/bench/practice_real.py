"""Practice on real Gemma 3 270M weights, from the first request to the hand-over of two sites, written down.

Usage: practice_real.py APPRENTICE [--seed N] [--data DIR] [--read]

Runs `apprentice practice` as `make practice-real` does and writes docs/benchmarks/practice-real.md: what the players saw, and of every lesson
what its report says (time, processor time, energy where the kernel counts it, held-out figures). --read only reads what an earlier run with
--data left. Says SKIPPED where the weights cannot be had.
"""

import argparse
import glob
import json
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import train  # noqa: E402
import train_real  # noqa: E402

FIGURES = "figures.json"


def run(options, data):
    command = [
        options.apprentice, "practice", "--base", train_real.models(), "--policy", os.path.join(train.ROOT, "policies", "practice-real.toml"),
        "--only", "shopkeeper,quest-giver", "--requests-per-s", "8", "--until", "handed-over", "--limit-s", "5400", "--seed", str(options.seed),
        "--data", data, "--json",
    ]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    with open(os.path.join(data, FIGURES), "w", encoding="utf-8") as out:
        out.write(done.stdout)
    return done.returncode


def lessons(data):
    for path in sorted(glob.glob(os.path.join(data, "lessons", "*", "*", "adapter.report.json"))):
        with open(path, encoding="utf-8") as file:
            yield path.split(os.sep)[-3], path.split(os.sep)[-2], json.load(file)


def percent(share):
    return "none" if share is None else f"{100 * share:.1f} %"


def report(options, data):
    with open(os.path.join(data, FIGURES), encoding="utf-8") as file:
        figures = json.loads(file.read().strip().splitlines()[-1])
    lines = [
        "# Practice on real Gemma 3 270M", "",
        "`make bench-practice-real`, made by `tests/bench/practice_real.py`: `make practice-real`, one run. The base is Gemma 3 270M, dequantised from Q4_K_M to bf16; teacher and "
        "players are practice's own.", "",
        f"Machine: {train.processors()}, load average {os.getloadavg()[0]:.1f} at the end; {time.strftime('%Y-%m-%d')}. Seed {options.seed}. "
        f"The whole run: {figures['seconds']:.0f} s.", "",
        "| site | state | requests | handed over at, s | since then local | of it right | audits |", "|---|---|---|---|---|---|---|",
    ]
    for site in figures["sites"]:
        at = site.get("seconds_to_handover")
        lines.append(
            f"| {site['site']} | {site['state']} | {site['requests']} | {'-' if at is None else f'{at:.0f}'} | {percent(site.get('local_share'))} | "
            f"{percent(site.get('local_accuracy'))} | {site['audits_all']} |"
        )
    lines += [
        "", "| lesson | examples | steps | seconds | processor s | energy | tokens/s | held-out loss, exact | ended |", "|---|---|---|---|---|---|---|---|---|",
    ]
    for site, number, lesson in lessons(data):
        energy, kept = lesson.get("energy_j"), lesson.get("kept") or {}
        lines.append(
            f"| {site} {number} | {lesson['train']['examples']} | {lesson['steps']} of {lesson['steps_max']} | {lesson['seconds']:.0f} | {lesson['processor_s']:.0f} | "
            f"{'not counted here' if energy is None else f'{energy / 1000:.1f} kJ'} | {lesson['tokens_per_s']:.0f} | "
            f"{kept.get('loss', float('nan')):.4f}, {kept.get('exact', 0):.2f} | {lesson.get('ended', 'not yet')} |"
        )
    text = "\n".join(lines) + "\n"
    print(text)
    with open(os.path.join(train.ROOT, "docs", "benchmarks", "practice-real.md"), "w", encoding="utf-8") as out:
        out.write(text)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("apprentice")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data")
    parser.add_argument("--read", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-practice-real-") as own:
        data = options.data or own
        os.makedirs(data, exist_ok=True)
        code = 0 if options.read else run(options, data)
        report(options, data)
    sys.exit(code)


if __name__ == "__main__":
    main()
