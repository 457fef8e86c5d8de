#!/usr/bin/env python3
"""A picture for every document of measurements: python3 plots.py DRAWN [NAME...]; writes docs/benchmarks/NAME.svg and shows it in NAME.md.

The rows are the documents' own tables, so a picture never says anything else than its document. DRAWN is the example of the member `plot`.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs/benchmarks"
# Bars of a picture; of longer tables the first.
BARS_MAX = 22

# Document: the column of the values, those that name a row, what a row's name must have, title, axis, mark.
RATIOS = {
    "busy": ("p99 / idle", ["beside"], "", "p99 of a proxy's requests beside a lesson", "times the idle proxy's", (1, "idle")),
    "gateway": ("reached", ["goal"], "x nginx", "processor time of a request", "times one nginx worker's", (1, "nginx")),
    "int4": ("of f32's", ["weights"], "", "perplexity of real Gemma 3 270M", "times f32's", (1, "f32")),
    "quality": ("of f32's", ["format"], "", "perplexity of real Gemma 3 270M", "times f32's", (1, "f32")),
    "student": ("ratio", [0], "", "processor time, llama.cpp Q4_0 = 1", "times llama.cpp's", (1, "llama.cpp")),
    "student-vnni": ("ratio", [0], "", "processor time with VNNI, llama.cpp Q4_0 = 1", "times llama.cpp's", (1, "llama.cpp")),
    "student-i4": ("ratio", [0], "", "processor time in 4 bits, llama.cpp Q4_0 = 1", "times llama.cpp's", (1, "llama.cpp")),
    "student-i4-vnni": ("ratio", [0], "", "processor time in 4 bits with VNNI, llama.cpp Q4_0 = 1", "times llama.cpp's", (1, "llama.cpp")),
    "train": ("shared / apart", ["shape", "batch", "at once (micro_batch_tokens)"], "", "what prompts that begin alike save the trainer", "tokens/s, times apart", (1, "apart")),
    "train_pytorch": ("ours / this, tokens/s", ["batch", "engine"], "PyTorch", "training at Gemma 3 1B's shape", "our tokens/s, times theirs", (1, "theirs")),
    "train_real": ("of the unpacked", ["format"], "", "perplexity of a packed base", "times the unpacked one's", (1, "unpacked")),
    "mutants": ("share noticed", ["package"], "", "changes that some test notices", "% of those that compile", None),
    "practice-real": ("handed over at, s", ["site"], "", "real Gemma 3 270M: until it is handed over", "seconds", None),
}
# The others hold figures to goals: how far each is on the good side of its own.
VALUES = ["median", "value", "figure"]
GOALS = ["goal", "wanted at most"]


def tables(text):
    """Every table: its header and its rows, cells without their marks."""
    found, rows = [], []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            rows.append([cell.replace("**", "").replace("`", "").strip() for cell in line.strip().strip("|").split("|")])
        elif rows:
            found.append((rows[0], [row for row in rows[2:] if len(row) == len(rows[0])]))
            rows = []
    return found


def number(text):
    found = re.match(r"(?:x |[<>]= ?)?(-?[0-9][0-9,]*\.?[0-9]*(?:e-?[0-9]+)?)", text)
    return float(found.group(1).replace(",", "")) if found else None


def ratios(name, text):
    column, named, needed, title, axis, mark = RATIOS[name]
    bars = []
    for header, rows in tables(text):
        if column not in header:
            continue
        places = [place if isinstance(place, int) else header.index(place) for place in named]
        for row in rows:
            label, value = ", ".join(row[place] for place in places), number(row[header.index(column)])
            if value is not None and needed in label:
                bars.append([label, value, len(bars) % 2 if len(named) > 1 else 0])
    return {"title": title, "axis": axis, "mark": mark, "bars": bars}


def goals(name, text):
    bars = []
    for header, rows in tables(text):
        value_at = next((header.index(column) for column in VALUES if column in header), None)
        goal_at = next((header.index(column) for column in GOALS if column in header), None)
        if value_at is None or goal_at is None:
            continue
        for row in rows:
            value, goal = number(row[value_at]), number(row[goal_at])
            if not value or not goal or value <= 0:
                continue
            # What is to be small is on the good side below its goal.
            bars.append([row[0], value / goal if ">" in row[goal_at] else goal / value, 0])
    # What leaves its goal far behind would squeeze all others.
    bars = [[label, min(value, 5.0), colour] for label, value, colour in bars]
    return {"title": f"{name}: how far on the good side of its goal", "axis": "times, 5 at most", "mark": (1, "goal"), "bars": bars}


def shorten(bars):
    return [[label if len(label) <= 80 else label[:79] + "\u2026", value, colour] for label, value, colour in bars[:BARS_MAX]]


def show(document, text, title):
    picture = f"![{title}]({document.stem}.svg)"
    if picture in text:
        return text
    head, rest = text.split("\n", 1)
    return f"{head}\n\n{picture}\n{rest}"


def main():
    drawn, *wanted = sys.argv[1:]
    for document in sorted(DOCS.glob("*.md")):
        name, text = document.stem, document.read_text()
        if name == "README" or (wanted and name not in wanted):
            continue
        rows = ratios(name, text) if name in RATIOS else goals(name, text)
        rows["bars"] = shorten(rows["bars"])
        if not rows["bars"]:
            print(f"{name}: no rows to draw")
            continue
        svg = subprocess.run([drawn], input=json.dumps(rows), capture_output=True, check=True, text=True).stdout
        document.with_suffix(".svg").write_text(svg)
        document.write_text(show(document, text, rows["title"]))
        print(f"{name}: {len(rows['bars'])} bars")


main()
