"""Runs `apprentice practice` over many seeds and reports what its last line says.

Usage: practice.py BINARY [--seeds N] [--first N] [--drift] [--at-once N]
Prints a table, writes docs/benchmarks/practice[-drift].md and target/bench/practice[-drift].json.
Exits 1 when a goal is missed.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

LEARNABLE = ("shopkeeper", "quest-giver")


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        names = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
    return f"{len(names)} x {names[0] if names else platform.machine()}"


def run(binary, seed, drift):
    command = [binary, "practice", "--until", "handed-over", "--json", "--seed", str(seed), "--limit-s", "900"]
    done = subprocess.run(command + (["--drift"] if drift else []), capture_output=True, text=True)
    lines = done.stdout.strip().splitlines()
    if not lines:
        sys.exit(f"seed {seed}: no figures: {done.stderr[-2000:]}")
    return done.returncode, json.loads(lines[-1])


def row(name, values, unit, goal, ok):
    values = sorted(values)
    return {
        "name": name, "value": statistics.median(values), "unit": unit, "range": [values[0], values[-1]],
        "goal": goal, "ok": all(ok(value) for value in values),
    }


def rows(runs, drift):
    sites = [site for _, report in runs for site in report["sites"]]
    learnt = [site for site in sites if site["site"] in LEARNABLE]
    fortune = [site for site in sites if site["site"] == "fortune-teller"]
    number = lambda site, key: float("nan") if site[key] is None else site[key]
    table = [
        row("exit code of a run", [code for code, _ in runs], "", 0, lambda code: code == 0),
        row("seconds to hand-over", [number(site, "seconds_to_handover") for site in learnt], "s", 360, lambda s: s <= 360),
        row("share served locally afterwards", [number(site, "local_share") for site in learnt], "", 0.95, lambda s: s >= 0.95),
        row("accuracy of local answers, unseen facts", [number(site, "local_accuracy") for site in learnt], "", 0.95, lambda a: a >= 0.95),
        row("teacher calls saved per site", [site["teacher_calls_saved"] for site in learnt], "calls", 1, lambda c: c >= 1),
        row("failed requests per site", [site["failed"] for site in sites], "requests", 0, lambda f: f == 0),
        row("fortune-teller: share served locally", [site["local_share"] or 0 for site in fortune], "", 0, lambda s: s == 0),
        row("fortune-teller: audits", [site["audits"] for site in fortune], "audits", 0, lambda a: a >= 0),
    ]
    if drift:
        table.append(row("requests from drift to rollback", [site.get("requests_to_rollback") or 10**9 for site in learnt], "requests", 300, lambda r: r <= 300))
        table.append(row("seconds from drift to the next hand-over", [site.get("seconds_to_return") or 10**9 for site in learnt], "s", 600, lambda s: s <= 600))
    return table


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--drift", action="store_true")
    parser.add_argument("--at-once", type=int, default=1, help="runs beside each other on the same processors")
    arguments = parser.parse_args()

    def one(seed):
        code, report = run(arguments.binary, seed, arguments.drift)
        print(f"seed {seed}: exit {code}, {report['seconds']:.0f} s", file=sys.stderr, flush=True)
        return code, report

    with ThreadPoolExecutor(arguments.at_once) as pool:
        runs = list(pool.map(one, range(arguments.first, arguments.first + arguments.seeds)))
    table = rows(runs, arguments.drift)
    name = "practice-drift" if arguments.drift else "practice"
    command = f"make bench-{name} SEEDS={arguments.seeds} AT_ONCE={arguments.at_once}"
    lines = [
        f"# {name}", "", f"Machine: {machine()}. Command: `{command}`. Rounds: {len(runs)} seeds from {arguments.first},",
        f"{arguments.at_once} at a time, load {os.getloadavg()[2]:.1f} at the end, {time.strftime('%Y-%m-%d')}. Median and range over all runs and, where it applies, both learnable sites.", "",
        "| figure | median | range | unit | goal | reached |", "|---|---|---|---|---|---|",
    ]
    for r in table:
        lines.append(f"| {r['name']} | {r['value']:.4g} | {r['range'][0]:.4g} .. {r['range'][1]:.4g} | {r['unit']} | {r['goal']} | {'yes' if r['ok'] else 'NO'} |")
    text = "\n".join(lines) + "\n"
    print(text)
    os.makedirs("target/bench", exist_ok=True)
    os.makedirs("docs/benchmarks", exist_ok=True)
    with open(f"docs/benchmarks/{name}.md", "w", encoding="utf-8") as out:
        out.write(text)
    with open(f"target/bench/{name}.json", "w", encoding="utf-8") as out:
        json.dump({"machine": machine(), "rounds": len(runs), "rows": table}, out)
    return 0 if all(r["ok"] for r in table) else 1


if __name__ == "__main__":
    sys.exit(main())
