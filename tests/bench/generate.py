"""Measures the makers of training data: their inner loops, a run of each on the practice teacher, and, with --real, one of each on a
real small model.

Usage: generate.py BINARY [--rounds N] [--real | --real-only [MAKER ...]]
  --real  SmolLM2-135M-Instruct by llama.cpp as the teacher (`deploy/setup-real-models.sh`): poor on purpose; says SKIPPED where it
          cannot be had. Its part of the document is kept from the last time where this is not given.
  --real-only  nothing else, and of it these makers alone; the rest of the document is kept.
Prints a table, writes docs/benchmarks/generate.md and target/bench/generate.json. Exits 1 when a goal is missed.
"""

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import time

DIR = os.path.abspath("target/bench/generate")
DOCUMENT = "docs/benchmarks/generate.md"
REAL_BEGINS = "\n## A real small model as the teacher\n"
# By the member that they are of.
EXAMPLES = {
    "novelty": "generate",
    "near_duplicates": "curriculum",
    "evaluations_a_second": "sandbox",
    "maps_a_second": "levels",
    "defects": "levels",
}

# Part of a row's name: what it must be, at least or at most.
GOALS = [
    ("candidates on one core", 2000, None),
    ("agree with brute force", 1.0, None),
    ("near duplicates: seconds", None, 60),
    ("near duplicates: peak resident memory", None, 2.0),
    ("sandbox_evaluations", 500, None),
    ("is_valid", 200_000, None),
    ("autoif: seconds", None, 120),
]

MAKERS = {
    "self-instruct": ["--count", "200"],
    "bootstrap": ["--count", "600", "--turns-max", "1"],
    "self-grow": ["--from", f"{DIR}/practice/bootstrap", "--sizes", "700", "--turns-max", "1", "--shown", "2", "--learn"],
    "self-play": ["--count", "400", "--requests", "templates,student,teacher", "--max-tokens", "64", "--adapter", f"{DIR}/practice/self-grow/lesson/adapter"],
    "autoif": ["--calls", "4"],
    "levels": ["--count", "120", "--width", "9", "--height", "9"],
}


def machine():
    names = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    memory = int(re.search(r"MemTotal:\s+(\d+)", open("/proc/meminfo").read())[1]) // 1_000_000
    return f"{len(names)} x {names[0] if names else platform.machine()}, {memory} GB"


def example(name):
    """The rows that one example prints."""
    command = ["cargo", "run", "--offline", "--quiet", "--locked", "-p", EXAMPLES[name], "--example", name]
    out = subprocess.run(command, capture_output=True, text=True)
    if out.returncode != 0:
        sys.exit(f"{' '.join(command)}: {out.stderr[-2000:]}")
    return [json.loads(line) for line in out.stdout.splitlines() if line.startswith("{")]


def make(binary, maker, where, arguments):
    """One run of a maker: its report, its seconds."""
    run = f"{DIR}/{where}/{maker}"
    shutil.rmtree(run, ignore_errors=True)
    began = time.monotonic()
    command = [binary, "generate", maker, "--json", "--run", run, *arguments]
    out = subprocess.run(command, capture_output=True, text=True)
    seconds = time.monotonic() - began
    lines = [line for line in out.stdout.splitlines() if line.startswith("{")]
    if not lines:
        sys.exit(f"{' '.join(command)}: exit {out.returncode}: {out.stderr[-2000:]}")
    return json.loads(lines[-1]), seconds, out.returncode


def goal_of(name):
    return next(((least, most) for part, least, most in GOALS if part in name), (None, None))


def row(name, values, unit):
    least, most = goal_of(name)
    worst = min(values) if least is not None else max(values)
    ok = (least is None or worst >= least) and (most is None or worst <= most)
    goal = f">= {least:g}" if least is not None else f"<= {most:g}" if most is not None else ""
    return {"name": name, "value": statistics.median(values), "range": [min(values), max(values)], "unit": unit, "goal": goal, "ok": ok}


def number(value):
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3f}".rstrip("0").rstrip(".")


def funnel(report):
    lines = ["| step | in | out | share | published | dropped |", "|---|---|---|---|---|---|"]
    for step in report["funnel"]["steps"]:
        dropped = ", ".join(f"{reason} {count}" for reason, count in step["dropped"].items())
        share = step["left"] / step["came"] if step["came"] else 0
        published = f"{step['published']:.3f}" if step.get("published") is not None else ""
        lines.append(f"| {step['name']} | {step['came']:,} | {step['left']:,} | {share:.3f} | {published} | {dropped} |")
    return lines


def cell(text):
    return re.sub(r"\s+", " ", text)[:240].replace("|", "\\|").replace("<", "&lt;").replace("`", "'")


def samples(report):
    lines = ["| kept | |", "|---|---|"]
    lines += [f"| {sample['stage']} | {cell(sample['text'])} |" for sample in report["kept_samples"]]
    lines += ["", "| dropped because of | |", "|---|---|"]
    lines += [f"| {cell(sample['reason'] or '')} | {cell(sample['text'])} |" for sample in report["dropped_samples"]]
    return lines


def measure(binary, rounds):
    rows, values = [], {}
    for _ in range(rounds):
        for asked, member in EXAMPLES.items():
            for found in example(asked):
                name = found["name"]
                if asked.endswith("_a_second"):
                    name = f"{member}: {name}"
                values.setdefault((name, found["unit"]), []).append(found["value"])
    rows += [row(name, found, unit) for (name, unit), found in values.items()]
    sections = []
    for maker, arguments in MAKERS.items():
        report, seconds, code = make(binary, maker, "practice", ["--practice", *arguments])
        if code != 0:
            sys.exit(f"{maker} on the practice teacher: exit {code}: {report.get('ended')}")
        rows.append(row(f"{maker}: seconds, practice teacher", [seconds], "s"))
        figures = "; ".join(f"{name} {number(value)}" for name, value in report["figures"])
        kept, dropped = report["kept"], report["dropped"]
        text = f"`apprentice generate {maker} --practice {' '.join(arguments)}`, {seconds:.1f} s: {kept:,} kept, {dropped:,} dropped.".replace(DIR + "/", "")
        sections += [f"\n### {maker}\n", text, "", *funnel(report), "", figures]
    return rows, sections


def real(binary, only, before):
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "real_teacher"))
    import makers

    return makers.document(binary, f"{DIR}/real", make, funnel, samples, only, before)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--real", action="store_true")
    parser.add_argument("--real-only", nargs="*")
    arguments = parser.parse_args()
    os.makedirs(DIR, exist_ok=True)
    before = open(DOCUMENT).read() if os.path.exists(DOCUMENT) else ""
    head, _, tail = before.partition(REAL_BEGINS)
    if arguments.real_only is not None:
        tail = real(arguments.binary, arguments.real_only, tail)
        with open(DOCUMENT, "w") as file:
            file.write(head + REAL_BEGINS + tail)
        return
    rows, sections = measure(arguments.binary, arguments.rounds)
    table = ["| what | median | least to most | unit | goal | |", "|---|---|---|---|---|---|"]
    for found in rows:
        low, high = map(number, found["range"])
        reached = "" if not found["goal"] else "reached" if found["ok"] else "MISSED"
        table.append(f"| {found['name']} | {number(found['value'])} | {low} to {high} | {found['unit']} | {found['goal']} | {reached} |")
    print("\n".join(table))
    if arguments.real:
        tail = real(arguments.binary, [], tail)
    text = [
        "# Makers of training data",
        "",
        f"`make bench-generate`; {machine()}; the development profile; {arguments.rounds} rounds of the inner loops, one run of each maker.",
        "",
        *table,
        "",
        "## One run of each maker on the practice teacher",
        *sections,
        "",
    ]
    with open(DOCUMENT, "w") as file:
        file.write("\n".join(text) + (REAL_BEGINS + tail if tail else ""))
    with open("target/bench/generate.json", "w") as file:
        json.dump({"machine": machine(), "rounds": arguments.rounds, "rows": rows}, file, indent=1)
    sys.exit(0 if all(found["ok"] for found in rows) else 1)


if __name__ == "__main__":
    main()
