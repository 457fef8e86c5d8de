"""The makers of training data with a real small model as the teacher: SmolLM2-135M-Instruct by llama.cpp. Its output is poor, and that is the
point: every filter meets text that nobody scripted. Part of generate.py.
"""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
CANNOT = 75  # of deploy/setup-real-models.sh
CONFIG = """
[teacher]
base_url = "{teacher}/v1"
key_env = "APPRENTICE_BENCH_KEY"
distillable = "yes"
input_price = 0.0
output_price = 0.0
[data]
dir = "{data}"
[student]
base = "{base}"
context = 1024
[generate]
model = "SmolLM2-135M-Instruct"
concurrency = 2
reasoning_tokens = 0
sampling = true
"""

# Small numbers: the model writes a few dozen tokens a second.
MAKERS = {
    "self-instruct": ["--count", "40"],
    "bootstrap": ["--count", "15", "--turns-max", "1"],
    "self-play": ["--count", "40", "--requests", "templates,teacher", "--max-tokens", "60"],
    "autoif": ["--calls", "1", "--instructions", "rules.txt", "--settings", "autoif.toml"],
    "levels": ["--count", "12", "--width", "6", "--height", "6", "--no-schema"],
}

# Eight rules, and limits that a model of this size may pass: with the shipped ones hardly a function is left for the later steps.
RULES = """
Answer in one sentence.
Do not use a comma.
Begin with the word "Traveller".
Use the word "gold" at least twice.
End with a question mark.
Write fewer than 30 words.
Write the whole answer in capital letters.
Mention the harbour.
"""
AUTOIF = """
instructions_a_call = 10
functions = 3
functions_min = 1
cases_min = 1
queries_each = 3
max_tokens = 100
score_min = 5.0
"""


def models():
    found = subprocess.run(["sh", "deploy/setup-real-models.sh"], stdout=subprocess.PIPE, text=True)
    if found.returncode == CANNOT:
        return None
    if found.returncode != 0:
        sys.exit("deploy/setup-real-models.sh failed")
    return found.stdout.strip()


def serve(folder):
    command = ["node", f"{HERE}/teacher.mjs", f"{folder}/teacher.gguf", f"{folder}/node_modules"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    if "listening on" not in line:
        sys.exit(f"the teacher did not start: {line}")
    return process, line.split("listening on")[1].strip()


SECTION = "### {}, real model"


def before_of(before, maker):
    """The maker's section of the document as it was."""
    _, found, rest = before.partition(SECTION.format(maker))
    return [found + rest.split("\n### ")[0].rstrip(), ""] if found else []


def document(binary, where, make, funnel, samples, only, before):
    """The part of the document: of the makers in `only`, or of all; what `before` says of the others is kept."""
    folder = models()
    if folder is None:
        print("SKIPPED: the real models cannot be had here")
        return "\nSKIPPED on this machine: the real models could not be had.\n"
    process, address = serve(folder)
    os.environ["APPRENTICE_BENCH_KEY"] = "bench"
    os.makedirs(where, exist_ok=True)
    config = f"{where}/apprentice.toml"
    for name, content in {"rules.txt": RULES, "autoif.toml": AUTOIF}.items():
        with open(f"{where}/{name}", "w") as file:
            file.write(content)
    with open(config, "w") as file:
        file.write(CONFIG.format(teacher=address, data=where, base=f"{folder}/gemma"))
    text = ["", "SmolLM2-135M-Instruct (Q4_1) by llama.cpp, one thread. Twenty kept and twenty dropped items of each, where there are so many.", ""]
    try:
        for maker, arguments in MAKERS.items():
            if only and maker not in only:
                text += before_of(before, maker)
                continue
            files = [f"{where}/{one}" if one in ("rules.txt", "autoif.toml") else one for one in arguments]
            report, seconds, code = make(binary, maker, "real", ["--config", config, *files])
            ended = report.get("ended") or "to its end"
            print(f"{maker}: {seconds:.0f} s, {report['kept']} kept, {report['dropped']} dropped, {ended}")
            asked = f"{report['calls_paid']:,} calls, {report['calls_failed']} without an answer"
            text += [SECTION.format(maker), "", f"`{' '.join(arguments)}`: {seconds:.0f} s, {asked}; {report['kept']:,} kept, {report['dropped']:,} dropped; {ended}.", ""]
            text += [*funnel(report), "", *samples(report), ""]
    finally:
        process.kill()
    return "\n".join(text)
