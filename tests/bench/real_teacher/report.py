"""What run.py saw, as docs/benchmarks/real-teacher.md, two plots beside it and target/bench/real-teacher.json."""

import json
import os
import platform
import re
import statistics

NAME = "real-teacher"


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        text = info.read()
    names = re.findall(r"^model name\s*: (.*)$", text, re.M)
    vnni = "with" if "vnni" in text else "no"
    return f"{len(names)} x {names[0] if names else platform.machine()} ({vnni} VNNI)"


def quantile(values, share):
    values = sorted(values)
    at = share * (len(values) - 1)
    low = int(at)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (at - low)


def spread(values):
    return {"mean": statistics.fmean(values), "5 %": quantile(values, 0.05), "median": quantile(values, 0.5), "95 %": quantile(values, 0.95)}


def svg(path, title, lines, x_label, y_label, x_range):
    """Lines over one plane: [(name, colour, dash, points)]. White ground, so that it can be read on any page."""
    width, height, left, bottom, top = 720, 380, 60, 50, 40
    least, most = x_range
    x = lambda value: left + (width - left - 20) * (value - least) / (most - least)
    y = lambda value: height - bottom - (height - bottom - top) * value
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>', f'<text x="{left}" y="18" font-size="14">{title}</text>',
    ]
    for tick in range(6):
        at, here = tick / 5, least + (most - least) * tick / 5
        parts.append(f'<path d="M{left} {y(at):.1f}H{width - 20}" stroke="#ddd"/><text x="{left - 8}" y="{y(at) + 4:.1f}" text-anchor="end">{at:.1f}</text>')
        parts.append(f'<text x="{x(here):.1f}" y="{height - bottom + 18}" text-anchor="middle">{round(here, 6):g}</text>')
    parts.append(f'<text x="{(width + left) / 2}" y="{height - 12}" text-anchor="middle">{x_label}</text>')
    parts.append(f'<text x="16" y="{height / 2}" text-anchor="middle" transform="rotate(-90 16 {height / 2})">{y_label}</text>')
    for number, (name, colour, dash, points) in enumerate(lines):
        path_of = "M" + "L".join(f"{x(here):.1f} {y(value):.1f}" for here, value in points)
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        parts.append(f'<path d="{path_of}" fill="none" stroke="{colour}" stroke-width="2"{dashed}/>')
        legend = left + 10 + 175 * number
        parts.append(f'<path d="M{legend} 31h22" stroke="{colour}" stroke-width="2"{dashed}/><text x="{legend + 27}" y="35">{name}</text>')
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(parts) + "\n</svg>\n")


def cell(text):
    return text.replace("|", "\\|").replace("\n", " ")


def number(value):
    return "" if value is None else f"{value:.4g}"


def write(raw):
    site, log, counts, lesson = raw["site"], raw["log"], raw["counts"], raw["lesson"] or {}
    audits = [entry for entry in log if entry["record"] == "audit"]
    compared = [one for one in audits if one["outcome"] == "compared"]
    numbers = [one.get("numbers", {}) for one in compared]
    pairs = [(one["similarity"], one["again"]) for one in numbers if one.get("similarity") is not None and one.get("again") is not None]
    repeats = [entry["repeat"]["similarity"] for entry in log if entry["record"] == "repeat"]
    wrong = sum(bool(one.get("wrong")) for one in numbers)
    lost = {m[0]: float(m[1]) for m in re.findall(r'^apprentice_audits_lost_total\{[^}]*cause="([^"]+)"[^}]*\} (\S+)$', raw["metrics"], re.M)}
    requests = sum(counts.get(name, 0) for name in ("teacher", "student", "failed"))
    promoted = site["state"] in ("canary", "student")
    teacher_s = [seconds for route, seconds in raw["seconds"] if route == "teacher"]

    rows = []

    def row(name, value, unit="", spread=None, goal=None, ok=True):
        rows.append({"name": name, "value": value, "unit": unit, "range": spread or [value, value], "goal": goal, "ok": ok})

    row("requests", requests, "requests", goal=600, ok=requests >= 600)
    row("failed requests", counts.get("failed", 0), "requests", goal=0, ok=not counts.get("failed"))
    minutes = (raw["wall_s"] + raw.get("answers_s", 0.0)) / 60
    row("wall time, models fetched already", minutes, "min", goal=40, ok=minutes <= 40)
    row("seconds of a teacher's answer", statistics.median(teacher_s), "s", [min(teacher_s), max(teacher_s)])
    row("teacher's answers cut off by max_tokens", counts.get("teacher_length", 0), "answers")
    row("lessons whose version was tried", site["candidates"], "lessons", goal=1, ok=site["candidates"] >= 1)
    if lesson.get("held_out_loss") is not None:
        row("held-out loss after the lesson", lesson["held_out_loss"], "nats a token")
    if lesson.get("exam") is not None:
        row("exam: held-out answers that are not bad", lesson["exam"], "share")
    row("audits that compared", len(compared), "audits", goal=1, ok=bool(compared))
    row("audits without an answer of the student's", len(audits) - len(compared), "audits")
    row("audits that came to nothing", sum(lost.values()), "audits")
    if pairs:
        student, again = spread([pair[0] for pair in pairs]), spread([pair[1] for pair in pairs])
        row("similarity of the teacher's two answers, mean", again["mean"], "cosine", [again["5 %"], again["95 %"]])
        row("similarity of the student's answer to the teacher's, mean", student["mean"], "cosine", [student["5 %"], student["95 %"]])
        difference = [left - right for left, right in pairs]
        error = statistics.stdev(difference) / len(difference) ** 0.5 if len(difference) > 1 else 0.0
        mean = statistics.fmean(difference)
        row("student's less the teacher's own, mean and standard error", mean, "cosine", [mean - error, mean + error])
        row("audits in which a fact was wrong", wrong, f"of {len(compared)}")
        row("audits in which a verifier refused the answer", sum(not one["verified"] for one in compared), f"of {len(compared)}")
        row("audits in which the answer was bad", sum(one["bad"] for one in compared), f"of {len(compared)}")
    if site["raw_quality"] is not None:
        row("quality of all its answers, mean", site["raw_quality"], goal=site["quality_min"])
        if pairs:
            row("the same by similarity alone, wrong facts and refused answers left in", statistics.fmean(min(max(0.5 + one, 0.0), 1.0) for one in difference))
    if site["quality"] is not None:
        row("quality of the answers that would be served, bounds", site["quality"], "", [site["lower_bound"], site["upper_bound"]], goal=site["quality_min"])
    suggested = next((entry.get("likely") for entry in log if entry["record"] == "candidate"), None)
    if suggested is not None and compared:
        row("confidence threshold that the exam suggests", suggested)
        row("audits above it", sum(one["confidence"] >= suggested for one in compared), f"of {len(compared)}")
    row("share of requests covered by a proven threshold", site["coverage"], "share")
    row("served by the student", counts.get("student", 0), "requests")

    bench, docs = "target/bench", "docs/benchmarks"
    os.makedirs(bench, exist_ok=True)
    os.makedirs(docs, exist_ok=True)
    series = [one for one in raw["series"] if one[0]]
    if series:
        # The bounds are those of the answers that would be served, so they say nothing before a threshold is near.
        mean_of = lambda at: statistics.fmean(one.get("quality", 0.0) * one.get("verified", False) for one in audits[:at])
        lines = [
            ("mean, all answers", "#1f77b4", "", [(one[0], mean_of(one[0])) for one in series]),
            ("upper bound", "#999", "4 3", [(one[0], one[3]) for one in series if one[3] is not None]),
            ("lower bound", "#d62728", "", [(one[0], one[2]) for one in series]), ("needed", "#000", "2 3", [(one[0], one[4]) for one in series]),
        ]
        lines = [line for line in lines if line[3]]
        svg(f"{docs}/{NAME}-bound.svg", "Quality and its bounds over audits", lines, "audits", "quality", (0, -(-max(one[0] for one in series) // 50) * 50))
    if pairs:
        steps = [tick / 100 for tick in range(-25, 101)]
        share = lambda at: [(step, sum(pair[at] <= step for pair in pairs) / len(pairs)) for step in steps]
        lines = [("teacher, teacher again", "#1f77b4", "", share(1)), ("student, teacher", "#d62728", "", share(0))]
        svg(f"{docs}/{NAME}-similarity.svg", "Share of audits up to a similarity", lines, "cosine similarity", "share of audits", (-0.25, 1.0))

    phases = ", ".join(f"{name} from {seconds:.0f} s" for name, seconds in raw["phases"].items())
    text = [
        f"# {NAME}", "",
        f"Machine: {raw['machine']}, beside other work (load {raw['load']:.1f} at the end). Command: `make bench-{NAME}`. Rounds: 1, {raw['date']}.", "",
        "Teacher: SmolLM2-135M-Instruct (Q4_1, temperature 0.8, top_k 40, top_p 0.95, min_p 0.05) on llama.cpp. Student: a LoRA of rank 8 on Gemma 3 270M",
        "(the base model, dequantised from Q4_K_M to bfloat16). Similarity: all-MiniLM-L6-v2. Only the players are made up: an innkeeper's name, town, ware,",
        "price and mood in the system prompt, two turns as an example of its manner, and one of 15 lines as the player's, every request another. Answers end with their first sentence (`stop`) or 48 tokens.", "",
        f"Verdict: **{'promoted' if promoted else 'not promoted'}** (state `{site['state']}`); the run ended because {raw['end']}. {phases[0].upper() + phases[1:]}.", "",
        "| figure | value | range | unit | goal | reached |", "|---|---|---|---|---|---|",
    ]
    for one in rows:
        reached = "" if one["goal"] is None else "yes" if one["ok"] else "NO"
        if one["name"].startswith("quality"):
            least = one["range"][0]
            reached = "yes" if least > one["goal"] else "no"
        between = "" if one["range"][0] == one["range"][1] else f"{number(one['range'][0])} .. {number(one['range'][1])}"
        text.append(f"| {one['name']} | {number(one['value'])} | {between} | {one['unit']} | {number(one['goal'])} | {reached} |")
    lesson_said = f"Lesson: {lesson.get('examples')} examples, {lesson.get('steps_done')} steps of 8. " if lesson else ""
    text += ["", lesson_said + "Ranges of similarities are their 5 % and 95 % quantiles. The exit code says whether the loop worked; the verdict is no goal.", "", "## The teacher's own variance", ""]
    if repeats:
        own = spread(repeats)
        text.append(f"Before the lesson {len(repeats)} requests were put to the teacher twice: similarity " + ", ".join(f"{name} {value:.2f}" for name, value in own.items()) + ". From these the measure was chosen:")
        text += ["", f"> {site['measure']['why'] if site.get('measure') else 'none yet'}", ""]
    if pairs:
        text += ["In every audit the teacher was asked a second time:", "", "| similarity | mean | 5 % | median | 95 % |", "|---|---|---|---|---|"]
        for name, one in (("teacher to teacher again", again), ("student to teacher", student)):
            text.append(f"| {name} | " + " | ".join(f"{value:.3f}" for value in one.values()) + " |")
        text += ["", f"![share of audits up to a similarity]({NAME}-similarity.svg)", ""]
    if series:
        text += [
            "## The bound", "",
            "Quality is 1/2 + similarity of the student's answer - similarity of the teacher's second one, both with the teacher's first, cut to [0, 1], and 0 where a fact",
            f"is wrong or a verifier refuses the answer; {site['quality_min']:.2f} must be exceeded. The bounds are of the answers that the confidence threshold would let through; 0 while none is near being proven.",
            "", f"![quality and its bounds over audits]({NAME}-bound.svg)", "",
        ]
    text += ["## What the site would need", "", f"`apprentice sites show innkeeper`, `blocked_by`: {'; '.join(site['blocked_by']) or 'nothing'}. `next_lesson`: {site['next_lesson'] or '-'}.", ""]
    if lost:
        text += ["Audits that came to nothing, by cause: " + ", ".join(f"{cause} {count:.0f}" for cause, count in sorted(lost.items()) if count) + ".", ""]
    text += ["## Ten answers", ""]
    if raw.get("answers"):
        why = "" if site["state"] == "student" else (
            " A client never sees what a student in Shadow says; for this table the program was started again on the same data with thresholds that anything passes, after the figures above were written down."
        )
        text += [f"Prompts that were in no lesson and no audit above.{why}", "", "| persona | player | student | teacher | teacher again |", "|---|---|---|---|---|"]
        text += ["| " + " | ".join(map(cell, answer)) + " |" for answer in raw["answers"]]
    else:
        text.append("None: the student could not be asked (see `target/bench/real-teacher/answers.log`).")
    text = "\n".join(text) + "\n"
    print(text)
    with open(f"{docs}/{NAME}.md", "w", encoding="utf-8") as file:
        file.write(text)
    with open(f"{bench}/{NAME}.json", "w", encoding="utf-8") as file:
        json.dump({"machine": raw["machine"], "rounds": 1, "rows": rows}, file)
    return 0 if all(one["ok"] for one in rows) else 1
