"""Runs `apprentice practice` over many seeds and reports what its last line says.

Usage: practice.py BINARY [--seeds N] [--first N] [--drift | --judge | --stays] [--at-once N]
  --drift  the teacher changes its style after the hand-over
  --judge  free text is judged by the practice teacher instead of held to its own variance
  --stays  the fortune teller alone, which nobody can learn, until 300 audits: it stays with its teacher
Prints a table, writes docs/benchmarks/practice[-drift|-judge|-stays].md and target/bench/ the same as JSON, and what a person
would have seen of each run as target/bench/practice[...]-SEED.log.
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

# Site: the share of its requests that must end up served locally, and what its answers are measured by.
LEARNABLE = {
    "shopkeeper": (0.95, "exact"),
    "quest-giver": (0.95, "exact"),
    # 85 % of what is asked in the tavern can be learnt.
    "tavern": (0.75, "exact"),
    # Words the same facts in another way every time.
    "bard": (0.95, "self_relative"),
}
NEVER = "fortune-teller"
SECONDS_MAX = 360
ACCURACY_MIN = 0.95
AUDITS = 300


def name_of(mode):
    return f"practice-{mode}" if mode else "practice"


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        names = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
    return f"{len(names)} x {names[0] if names else platform.machine()}"


def run(binary, seed, mode):
    until = ["--only", NEVER, "--until", f"audits:{AUDITS}"] if mode == "stays" else ["--until", "handed-over"]
    flag = [f"--{mode}"] if mode in ("drift", "judge") else []
    command = [binary, "practice", *until, *flag, "--json", "--seed", str(seed), "--limit-s", "900"]
    log = f"target/bench/{name_of(mode)}-{seed}.log"
    with open(log, "w", encoding="utf-8") as progress:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=progress, text=True)
    lines = done.stdout.strip().splitlines()
    if not lines:
        sys.exit(f"seed {seed}: no figures; see {log}")
    return done.returncode, json.loads(lines[-1])


def row(name, values, unit, goal, ok):
    """A figure over all runs; `ok` says of one value whether it reaches the goal. What never happened is a NaN."""
    values = [float("nan") if value is None else value for value in values]
    reached = len(values) > 0 and all(ok(value) for value in values)
    values = sorted(values)
    return {
        "name": name, "value": statistics.median(values), "unit": unit, "range": [values[0], values[-1]],
        "goal": goal, "ok": reached,
    }


NOTE = """Calls saved of the bard have no goal (never shown below 0): each of its audits asks the teacher a second time, and a run
ends 300 requests after the last hand-over, when that is hardly paid back. Goals of 0.95 right are more than practice's policy
promises: it is proven that more than 0.90 of what is served is right, and fewer than 10 % of all requests get a bad local answer."""
NO_GOAL = ("", lambda _: True)


def at_least(least):
    return f">= {least}", lambda value: value >= least


def at_most(most):
    return f"<= {most}", lambda value: value <= most


def learnt_rows(name, sites, mode):
    share_min, measure = LEARNABLE[name]
    if mode == "judge" and measure == "self_relative":
        measure = "judged"
    values = lambda key: [site.get(key) for site in sites]
    table = [
        row(f"{name}: measured otherwise than `{measure}`", [site["measure"] != measure for site in sites], "runs", *at_most(0)),
        row(f"{name}: seconds to hand-over", values("seconds_to_handover"), "s", *at_most(SECONDS_MAX)),
        row(f"{name}: share served locally afterwards", values("local_share"), "", *at_least(share_min)),
        row(f"{name}: local answers to unseen facts that are right", values("local_accuracy"), "", *at_least(ACCURACY_MIN)),
        # See NOTE.
        row(f"{name}: teacher calls saved", values("teacher_calls_saved"), "calls", *(NO_GOAL if name == "bard" else at_least(1))),
    ]
    if mode == "drift":
        table.append(row(f"{name}: requests from drift to rollback", values("requests_to_rollback"), "requests", *at_most(300)))
        table.append(row(f"{name}: seconds from drift to the next hand-over", values("seconds_to_return"), "s", *at_most(600)))
    return table


def never_rows(sites, audits_min):
    left = [len(set(site["states"]) - {"teacher", "shadow"}) for site in sites]
    return [
        row(f"{NEVER}: states other than Teacher and Shadow", left, "states", *at_most(0)),
        row(f"{NEVER}: requests served locally", [site["local"] for site in sites], "requests", *at_most(0)),
        row(f"{NEVER}: audits over all its versions", [site["audits_all"] for site in sites], "audits", *at_least(audits_min)),
        row(f"{NEVER}: lower bound of the last version", [site["lower_bound"] for site in sites], "", "< 0.9", lambda bound: bound < 0.9),
    ]


def rows(runs, mode):
    sites = [site for _, report in runs for site in report["sites"]]
    of = lambda name: [site for site in sites if site["site"] == name]
    table = [
        row("exit code of a run", [code for code, _ in runs], "", *at_most(0)),
        row("seconds of a run", [report["seconds"] for _, report in runs], "s", *NO_GOAL),
        row("failed requests of a site", [site["failed"] for site in sites], "requests", *at_most(0)),
    ]
    if mode != "stays":
        table += [r for name in LEARNABLE for r in learnt_rows(name, of(name), mode)]
    return table + never_rows(of(NEVER), AUDITS if mode == "stays" else 0)


def verdict(r):
    if not r["goal"]:
        return ""
    return "yes" if r["ok"] else "NO"


def document(name, table, arguments):
    command = f"make bench-{name} SEEDS={arguments.seeds} AT_ONCE={arguments.at_once}"
    lines = [
        f"# {name}", "", f"Machine: {machine()}. Command: `{command}`. Rounds: {arguments.seeds} seeds from {arguments.first},",
        f"{arguments.at_once} at a time, load {os.getloadavg()[2]:.1f} at the end, {time.strftime('%Y-%m-%d')}. Median and range over all runs; every run must reach a goal.", "",
        "| figure | median | range | unit | goal | reached |", "|---|---|---|---|---|---|",
    ]
    for r in table:
        lines.append(f"| {r['name']} | {r['value']:.4g} | {r['range'][0]:.4g} .. {r['range'][1]:.4g} | {r['unit']} | {r['goal']} | {verdict(r)} |")
    if any(r["name"] == "bard: teacher calls saved" for r in table):
        lines += ["", NOTE]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=1)
    for mode in ("drift", "judge", "stays"):
        parser.add_argument(f"--{mode}", dest="mode", action="store_const", const=mode)
    parser.add_argument("--at-once", type=int, default=1, help="runs beside each other on the same processors")
    arguments = parser.parse_args()

    os.makedirs("target/bench", exist_ok=True)

    def one(seed):
        code, report = run(arguments.binary, seed, arguments.mode)
        print(f"seed {seed}: exit {code}, {report['seconds']:.0f} s", file=sys.stderr, flush=True)
        return code, report

    with ThreadPoolExecutor(arguments.at_once) as pool:
        runs = list(pool.map(one, range(arguments.first, arguments.first + arguments.seeds)))
    table = rows(runs, arguments.mode)
    name = name_of(arguments.mode)
    text = document(name, table, arguments)
    print(text)
    os.makedirs("docs/benchmarks", exist_ok=True)
    with open(f"docs/benchmarks/{name}.md", "w", encoding="utf-8") as out:
        out.write(text)
    with open(f"target/bench/{name}.json", "w", encoding="utf-8") as out:
        json.dump({"machine": machine(), "rounds": len(runs), "rows": table, "runs": [report for _, report in runs]}, out)
    return 0 if all(r["ok"] for r in table) else 1


if __name__ == "__main__":
    sys.exit(main())
