"""Changes the deciding code in small ways, one at a time, and reports which changes no test notices.

Usage: mutants.py [--only PACKAGE [--file NAME]...]... [--shard K/N] [--timeout SECONDS]
Installs cargo-mutants when it is missing. Each package is tested with its own tests only. Packages that are not run
again keep their row of target/bench/mutants.json, so that they can be run one at a time.
Prints a table, writes docs/benchmarks/mutants.md and target/bench/mutants.json; tests/bench/mutants_harmless.toml says
why a change that survives does no harm. Exits 1 when a package is below the goal.
"""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
import tomllib

GOAL = 0.90
# Package -> the files that decide; none named: all of them.
PACKAGES = {
    "handover": [],
    "ledger": [],
    "verify": [],
    "callsite": [],
    "curriculum": [],
    "cycle": ["schedule"],
    "gateway": ["reason", "call", "chat", "attempt", "student_leg", "audit"],
}
KEPT = "target/bench/mutants.json"
HARMLESS = "tests/bench/mutants_harmless.toml"
# Exit codes of cargo-mutants after which there are results: all caught, some missed, some timed out.
FINISHED = (0, 2, 3)


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        names = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
    return f"{len(names)} x {names[0] if names else platform.machine()}"


def install():
    if shutil.which("cargo-mutants") is None:
        subprocess.run(["cargo", "install", "cargo-mutants", "--locked"], check=True)


def nameless(name):
    """The mutant's name without its line and column, which move with every edit."""
    return re.sub(r":\d+:\d+: ", ": ", name, count=1)


def run(package, files, shard, timeout):
    out = f"target/bench/mutants/{package}"
    os.makedirs(out, exist_ok=True)
    command = ["cargo", "mutants", "--jobs", "1", "--timeout", str(timeout), "--package", package, "--test-workspace=false"]
    for name in files or PACKAGES[package]:
        command += ["--file", f"src/{package}/{name}.rs"]
    if shard:
        command += ["--shard", shard, "--sharding", "round-robin"]
    # One folder for what is built, so that libraries are built once and not once a package.
    where = {**os.environ, "CARGO_TARGET_DIR": os.path.abspath("target/mutants")}
    code = subprocess.run(command + ["--output", out], env=where).returncode
    if code not in FINISHED:
        sys.exit(f"{package}: cargo mutants ended with {code}; see {out}/mutants.out")
    with open(f"{out}/mutants.out/outcomes.json", encoding="utf-8") as file:
        outcomes = json.load(file)["outcomes"]
    # The first outcome is the untouched tree's, which has no name.
    found = [(o["scenario"]["Mutant"]["name"], o["summary"]) for o in outcomes if isinstance(o["scenario"], dict)]
    count = lambda summary: sum(1 for _, got in found if got == summary)
    return {
        "machine": machine(), "date": time.strftime("%Y-%m-%d"), "sample": sample(files, shard),
        "mutants": len(found), "unviable": count("Unviable"), "caught": count("CaughtMutant"),
        "timeout": count("Timeout"), "missed": count("MissedMutant"),
        "survivors": [name for name, got in found if got == "MissedMutant"],
    }


def sample(files, shard):
    chosen = [f"--file {name}" for name in files] + ([f"--shard {shard}"] if shard else [])
    return f"`{' '.join(chosen)}`" if chosen else "all"


def share(result):
    """Of the changes that compile, those a test notices; a test that never ends is stopped, and so noticed."""
    viable = result["mutants"] - result["unviable"]
    return (result["caught"] + result["timeout"]) / viable if viable else 1.0


def kept():
    if not os.path.exists(KEPT):
        return {}
    with open(KEPT, encoding="utf-8") as file:
        return json.load(file)["packages"]


def label(package):
    return ", ".join(f"{package}/{name}.rs" for name in PACKAGES[package]) or package


def document(results):
    lines = [
        "# mutants", "",
        "Small changes to the deciding code, one at a time: does a test of the same package notice? `make mutants` makes",
        "this file; `make mutants ARGS=\"--only callsite\"` runs one package, `--shard 0/4` a sample: every fourth change.",
        f"One round per change. Goal: {GOAL:.0%} of the changes that compile. A test run that a change keeps from ending",
        "is stopped and counts as noticed.", "",
        "| package | sample | changes | do not compile | caught | timeout | missed | share noticed | goal reached | date |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for package, r in results.items():
        lines.append(
            f"| {label(package)} | {r['sample']} | {r['mutants']} | {r['unviable']} | {r['caught']} | {r['timeout']} | "
            f"{r['missed']} | {share(r):.1%} | {'yes' if share(r) >= GOAL else 'NO'} | {r['date']} |"
        )
    for name in sorted({r["machine"] for r in results.values()}):
        lines += ["", f"Machine: {name}, one change at a time."]
    if missing := [label(package) for package in PACKAGES if package not in results]:
        lines += ["", f"Not measured: {'; '.join(missing)}."]
    return lines


def survivors(results):
    with open(HARMLESS, "rb") as file:
        reasons = tomllib.load(file)
    lines = ["", "## Changes that no test notices", ""]
    for package, r in results.items():
        for name in r["survivors"]:
            lines.append(f"- `{nameless(name)}`: {reasons.get(nameless(name), '**no reason given**')}")
    return lines if len(lines) > 3 else lines + ["None."]


def write(results):
    text = "\n".join(document(results) + survivors(results)) + "\n"
    print(text)
    rows = [
        {
            "name": f"{package}: share of changes noticed", "value": share(r), "unit": "", "range": [share(r), share(r)],
            "goal": GOAL, "ok": share(r) >= GOAL,
        }
        for package, r in results.items()
    ]
    os.makedirs("docs/benchmarks", exist_ok=True)
    with open("docs/benchmarks/mutants.md", "w", encoding="utf-8") as out:
        out.write(text)
    with open(KEPT, "w", encoding="utf-8") as out:
        json.dump({"machine": machine(), "rounds": 1, "rows": rows, "packages": results}, out, indent=1)
    return all(row["ok"] for row in rows)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", action="append", choices=PACKAGES, help="this package alone; may be repeated")
    parser.add_argument("--file", action="append", default=[], help="this file of the package alone, without its ending; may be repeated")
    parser.add_argument("--shard", help="K/N: every N-th change from the K-th on, a sample")
    parser.add_argument("--timeout", type=int, default=60, help="seconds after which a test run is stopped")
    arguments = parser.parse_args()
    install()
    results = kept()
    reached = True
    for package in arguments.only or PACKAGES:
        results[package] = run(package, arguments.file, arguments.shard, arguments.timeout)
        reached = write({package: results[package] for package in PACKAGES if package in results})
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
