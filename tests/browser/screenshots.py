#!/usr/bin/env python3
"""Pictures of every view of the page, of a practice run: python3 screenshots.py PROGRAM DRAWN FOLDER [--keep FOLDER]

Plays practice until its first call sites are handed over, then looks at every view at 1280 and 360 pixels, light and dark. Needs Node 20 with
the packages of tests/clients, and Chromium. `--keep` puts the wide picture of all call sites there as well, and a plot by DRAWN (the example of the
member `plot`) of how bound and share went.
"""

import argparse
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import found

HERE = Path(__file__).resolve().parent
SITES = ["shopkeeper", "quest-giver"]
LIMIT_S = 900
AFTER_S = 45


def address(log):
    """Where the admin listener is, as practice says it."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        said = re.search(r"^admin +(http://\S+)", log.read_text(), re.MULTILINE)
        if said:
            return said.group(1)
        time.sleep(0.2)
    sys.exit(f"screenshots: practice did not begin:\n{log.read_text()}")


def play(base, token):
    """Watches until the sites are handed over and a little longer; seconds, bound, what it must reach and share of each, again and again."""
    request = urllib.request.Request(f"{base}/admin/call-sites", headers={"authorization": f"Bearer {token}"})
    began, seen, until = time.monotonic(), {site: [] for site in SITES}, None
    while until is None or time.monotonic() < until:
        with urllib.request.urlopen(request, timeout=30) as answer:
            sites = {site["site"]: site for site in json.load(answer)}
        at = time.monotonic() - began
        for name in SITES:
            site = sites.get(name)
            if site:
                seen[name].append((at, site["lower_bound"] or 0.0, site["quality_min"], site["student_share"]))
        if until is None and all(sites.get(name, {}).get("state") == "student" for name in SITES):
            # Some traffic of its own, for the last hour and for pairs to compare.
            until = time.monotonic() + AFTER_S
        if at > LIMIT_S:
            sys.exit(f"screenshots: {SITES} were not handed over within {LIMIT_S} s")
        time.sleep(0.5)
    return seen


def draw(drawn, seen):
    lines = [{"name": f"needed", "points": [[0, seen[SITES[0]][0][2]], [seen[SITES[0]][-1][0], seen[SITES[0]][0][2]]]}]
    for name, rows in seen.items():
        lines.append({"name": f"{name}: proven", "points": [[at, bound] for at, bound, _, _ in rows]})
        lines.append({"name": f"{name}: share", "points": [[at, share] for at, _, _, share in rows]})
    rows = {"title": "practice: what is proven, and the student's share", "axes": ["seconds", "quality, share"], "least": 0, "lines": lines}
    return subprocess.run([drawn], input=json.dumps(rows), capture_output=True, check=True, text=True).stdout


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("program")
    arguments.add_argument("drawn")
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--keep", type=Path)
    asked = arguments.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    token = secrets.token_hex(16)
    try:
        environment = found.environment() | {"APPRENTICE_ADMIN_TOKEN": token}
    except LookupError as missing:
        sys.exit(f"screenshots: {missing}")
    with tempfile.TemporaryDirectory() as data:
        log = Path(data) / "practice.log"
        with log.open("w") as out:
            practice = subprocess.Popen([asked.program, "practice", "--data", f"{data}/data"], stdout=out, stderr=out, env=environment)
        try:
            base = address(log)
            seen = play(base, token)
            script = [str(HERE / "screenshots.cjs"), base, token, str(asked.folder.resolve()), SITES[0]]
            subprocess.run(["node", *script], env=environment, check=True)
        finally:
            practice.terminate()
            practice.wait(timeout=60)
    if asked.keep:
        asked.keep.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(asked.folder / "sites-1280.png", asked.keep / "sites.png")
        (asked.keep / "practice.svg").write_text(draw(asked.drawn, seen))


main()
