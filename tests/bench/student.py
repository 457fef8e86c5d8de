"""The student at Gemma 3 1B's shape with random weights, beside llama.cpp: reading, writing alone and together, a game's request, one in JSON.

Usage: student.py RANDOM_BASE SPEED [--format i8packed] [--name student] [--threads 1 2] [--rounds N] [--case read write alone game json] [--print]
                  [--llama-embedding q4_0|q8_0] [--llama-adapter]

RANDOM_BASE and SPEED are the examples of the member `student`. The tokenizer is the real Gemma 3 one of deploy/setup-real-models.sh; says
SKIPPED where it cannot be had. Speed does not depend on what weights are; how many tokens a form forces and how far prompts agree do not,
either. Every round runs each case twice, each a process of its own: SPEED, and llama.cpp of deploy/setup-llama.sh (llama.py) with the same
base in Q4_0, odd rounds in the other order; where llama.cpp cannot be had it says SKIPPED and measures the student alone. `--llama-embedding
q8_0` leaves the embedding as large as llama.cpp's own converter would, `--llama-adapter` gives it the LoRA too, which SPEED always has. Prints the
tables and writes docs/benchmarks/student.md; `--print` prints only.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import train  # noqa: E402
import train_real  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
MASK = "APPRENTICE_CPU_MASK"
CASES = ["read", "write", "alone", "game", "json"]
OURS, LLAMA = "ours", "llama.cpp"
# Bytes of a weight of the layers' matrices and of the head in the graph, the share of a scale included.
WEIGHT_BYTES = {"f32": (4.0, 4.0), "i8b32": (1.125, 1.125), "i8packed": (1.0625, 1.0625), "i4packed": (0.5625, 1.0625)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("random_base")
    parser.add_argument("speed")
    parser.add_argument("--format", default="i8packed", choices=list(WEIGHT_BYTES))
    parser.add_argument("--name", default="student", help="of the document in docs/benchmarks")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--case", nargs="+", default=CASES, choices=CASES)
    parser.add_argument("--llama-embedding", default="q4_0", choices=["q4_0", "q8_0"])
    parser.add_argument("--llama-adapter", action="store_true")
    parser.add_argument("--print", action="store_true")
    options = parser.parse_args()
    tokenizer = os.path.join(train_real.models(), "tokenizer.json")
    llama = llama_folder()
    root = tempfile.mkdtemp(prefix="bench-student-")
    try:
        base = os.path.join(root, "base")
        subprocess.run([options.random_base, "1b", base, tokenizer], check=True)
        engines = {OURS: lambda case, threads, _: [options.speed, base, os.path.join(root, "graph"), options.format, str(threads), "1", case]}
        if llama:
            engines[LLAMA] = prepared(llama, base, root, options)
        # Exported before anything is measured, so that no case's memory is what that takes.
        subprocess.run([options.speed, base, os.path.join(root, "graph"), options.format, "1", "0"], check=True)
        read_bytes = sum(count * each for count, each in zip(weights(base), WEIGHT_BYTES[options.format]))
        lines = measured(options, engines, reader(root))
    finally:
        shutil.rmtree(root, ignore_errors=True)
    report(options, lines, read_bytes)


def weights(base):
    """How many there are in the layers' matrices and in the head, each of which a token needs."""
    with open(os.path.join(base, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    hidden, head = config["hidden_size"], config["head_dim"]
    attention = 2 * hidden * head * (config["num_attention_heads"] + config["num_key_value_heads"])
    return config["num_hidden_layers"] * (attention + 3 * hidden * config["intermediate_size"]), config["vocab_size"] * hidden


def llama_folder():
    """Where llama.cpp is, or none."""
    done = subprocess.run(["sh", os.path.join(train.ROOT, "deploy", "setup-llama.sh")], stdout=subprocess.PIPE, text=True)
    if done.returncode == train_real.CANNOT:
        print("SKIPPED: llama.cpp cannot be had on this machine; the student is measured ALONE", flush=True)
        return None
    if done.returncode != 0:
        sys.exit("llama.cpp could not be set up")
    return done.stdout.strip()


def prepared(llama, base, root, options):
    """Writes the base as llama.cpp's model file; the command of a case."""
    script, model, adapter = os.path.join(HERE, "llama.py"), os.path.join(root, "model.gguf"), os.path.join(root, "adapter.gguf")
    command = [sys.executable, script, "make", base, model, "--embedding", options.llama_embedding, "--adapter", adapter]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": os.path.join(llama, "python")})
    given = ["--adapter", adapter] if options.llama_adapter else []
    command = [sys.executable, script, "run", libraries(llama, root), model]
    return lambda case, threads, round: [*command, str(threads), str(7 + round), case, *given]


def libraries(llama, root):
    """Where its libraries lie; without those for AVX-512 and VNNI where our own kernels are to do without, too."""
    folder = os.path.join(llama, "lib")
    if "avx512" not in os.environ.get(MASK, ""):
        return folder
    fewer = os.path.join(root, "lib")
    os.makedirs(fewer)
    for name in os.listdir(folder):
        if not name.startswith("libggml-cpu-") or "haswell" in name:
            os.symlink(os.path.join(folder, name), os.path.join(fewer, name))
    return fewer


def reader(root):
    """The program that measures how fast memory is read, or none where there is no C compiler."""
    program = os.path.join(root, "bandwidth")
    try:
        subprocess.run(["cc", "-O3", "-march=native", "-pthread", os.path.join(HERE, "bandwidth.c"), "-o", program], check=True)
    except (OSError, subprocess.CalledProcessError):
        print("SKIPPED: how fast memory is read; it needs a C compiler", flush=True)
        return None
    return program


def measured(options, engines, bandwidth):
    """Every case of every round by each engine, one after another; each line with its engine, round, threads and case."""
    lines = []
    for round in range(options.rounds):
        order = list(engines) if round % 2 == 0 else list(engines)[::-1]
        for threads in options.threads:
            if bandwidth:
                lines += told([bandwidth, str(threads), "1024", "5"], case="bandwidth", round=round, threads=threads)
            for case in options.case:
                for engine in order if case != "alone" else [OURS]:
                    lines += told(engines[engine](case, threads, round), engine=engine, round=round, threads=threads, of=case)
    return lines


def told(command, **known):
    """What a program says, a line of JSON each."""
    lines, running = [], subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    for line in running.stdout:
        lines.append({**json.loads(line), **known})
        print(json.dumps(lines[-1]), flush=True)
    if running.wait() != 0:
        sys.exit(f"{command[0]} ended with {running.returncode}")
    return lines


def of(lines, case, **wanted):
    return [line for line in lines if line["case"] == case and all(line.get(key) == value for key, value in wanted.items())]


def by_round(lines, value):
    """The mean of what each round has."""
    rounds = sorted({line["round"] for line in lines})
    return {round: statistics.mean(value(line) for line in lines if line["round"] == round) for round in rounds}


def beside(ours, llama, digits):
    """Three columns: ours, llama.cpp's, and ours as a multiple of llama.cpp's in the same round."""
    shown = [train.figure(each.values(), digits) if each else "-" for each in (ours, llama)]
    ratios = [ours[round] / llama[round] for round in ours if round in llama]
    return [*shown, train.figure(ratios) if ratios else "-"]


def row(what, ours, llama, of_ours, of_llama, digits):
    """A line of a table: processor time, wall time."""
    columns = []
    for key in ("cpu_s", "wall_s"):
        columns += beside(by_round(ours, lambda line: of_ours(line, key)), by_round(llama, lambda line: of_llama(line, key)), digits)
    return f"| {what} | {len({line['round'] for line in ours})} | {' | '.join(columns)} |"


def head(first, unit):
    names = f"{first} | rounds | ours, processor {unit} | llama.cpp | ratio | ours, wall {unit} | llama.cpp | ratio"
    return ["", f"| {names} |", "|---" * 8 + "|"]


def tokens_table(lines):
    each = lambda line, key: 1000 * line[key] / line["tokens"]
    out = head("a token of", "ms")
    kinds = [
        ("read", ["tokens"], lambda tokens: f"a prompt of {tokens}"),
        ("write", ["at_once", "adapters"], lambda at_once, adapters: f"{at_once} answer(s) at once, {adapters} adapter(s)"),
        ("alone", ["shortlist"], lambda listed: "an answer alone, greedy, chosen from " + ("a shortlist" if listed else "all of the vocabulary")),
    ]
    for case, keys, what in kinds:
        for values in sorted({tuple(line[key] for key in keys) for line in of(lines, case, engine=OURS)}):
            ours, llama = (of(lines, case, engine=engine, **dict(zip(keys, values))) for engine in (OURS, LLAMA))
            if case == "alone":
                llama = of(lines, "write", engine=LLAMA, at_once=1, adapters=1)
            out.append(row(what(*values), ours, llama, each, each, 1))
    alone, together = ([each(line, "cpu_s") for line in of(lines, "write", engine=OURS, at_once=count, adapters=1)] for count in (1, 8))
    if alone and together:
        ratio = statistics.median(alone) / statistics.median(together)
        out += ["", f"Eight answers at once have {ratio:.2f} times the tokens of one alone from the same processor time."]
    return out


def requests_table(lines):
    whole = lambda line, key: line[key]
    out = head("a request", "s")
    for said in ("cold", "seen once", "known"):
        ours, llama = (of(lines, "game", engine=engine, system=said) for engine in (OURS, LLAMA))
        if ours:
            what = f"{ours[0]['read']} tokens of prompt, {ours[0]['written']} of reply, system prompt {said}"
            out.append(row(what, ours, llama, whole, whole, 2))
    # Forms end where they end, so llama.cpp's is what a reply as long as ours would have taken it.
    for form, llama_form, said in (
        ("text", "text", "text"),
        ("json_schema", "json_schema", "json_schema"),
        ("json_schema", "json_schema, of itself", "json_schema, llama.cpp never has to refuse a token"),
    ):
        ours, llama = of(lines, "json", engine=OURS, form=form), of(lines, "json", engine=LLAMA, form=llama_form)
        if ours and (llama or form == llama_form):
            written = statistics.mean(line["written"] for line in ours)
            as_long = lambda line, key: line["reading"][key] + (line[key] - line["reading"][key]) / line["written"] * written
            what = f"{ours[0]['read']} tokens of prompt, {written:.0f} of reply, {said}"
            out.append(row(what, ours, llama, whole, as_long, 2))
    return out


def kilobytes(text):
    return {key: int(value) for key, value in re.findall(r"(\w+): (\d+) kB", text)}


def memory_table(lines):
    names = "memory, MB | all, ours | llama.cpp | ratio | not of a file, ours | llama.cpp | ratio | the most so far, ours | llama.cpp | ratio"
    out = ["", f"| {names} |", "|---" * 10 + "|"]
    for said, case, key in (("opened", "open", "memory"), ("at the end", "memory", "said")):
        for kind in CASES:
            columns = []
            for part in ("VmRSS", "RssAnon", "VmHWM"):
                value = lambda line: kilobytes(line[key])[part] / 1000
                columns += beside(*(by_round(of(lines, case, engine=engine, of=kind), value) for engine in (OURS, LLAMA)), 0)
            if columns[0] != "-":
                out.append(f"| {kind}, {said} | {' | '.join(columns)} |")
    return out


def roofline(lines, read_bytes):
    """How long reading the weights once takes, which is the least that one answer's token can."""
    rates = [line["bytes_per_s"] for line in of(lines, "bandwidth")]
    if not rates:
        return []
    rate = statistics.median(rates)
    each = [(OURS, read_bytes)] + [(LLAMA, line["bytes"]) for line in of(lines, "open", engine=LLAMA)[:1]]
    floors = [f"{engine} {size / 1e6:.0f} MB, {1000 * size / rate:.1f} ms" for engine, size in each]
    shown = train.figure([rate / 1e9 for rate in rates], 1)
    return ["", f"Memory is read at {shown} GB/s. The weights that a token needs, and what reading them once takes, which an answer alone cannot go below: {'; '.join(floors)}."]


def compared(options, lines):
    """What llama.cpp was."""
    opened = of(lines, "open", engine=LLAMA)
    if not opened:
        return "llama.cpp: SKIPPED, it could not be had."
    first = opened[0]
    embedding = f"its embedding, the head as well, in {options.llama_embedding.upper()}"
    adapter = "with the LoRA applied as it runs" if options.llama_adapter else "without a LoRA, as if merged"
    return (
        f"llama.cpp {first['version']}, {first['backend']}, {first['model']}, {embedding}, {adapter}; window {first['window']}. It said: {'; '.join(first['said'])}. "
        "A ratio is ours as a multiple of llama.cpp's in the same round: below 1 the student is faster or smaller. It has no more than one adapter at "
        "once. Random weights fit no grammar, so llama.cpp has to look through all tokens nearly every time; the last line is its other end."
    )


def masked():
    mask = os.environ.get(MASK, "")
    if not mask:
        return ""
    return (
        f" `{MASK}={mask}`: our own kernels and llama.cpp do without these instructions; ONNX Runtime's operators, attention and LoRA's first half, cannot be told to."
    )


def report(options, lines, read_bytes):
    out = [
        "# The student's speed", "",
        f"`make bench-student`, made by `tests/bench/student.py`: Gemma 3 1B's shape, random weights, `{options.format}`, LoRA of rank 16 on all linears, beside llama.cpp. "
        "Medians and ranges of rounds.", "",
        f"Machine: {train.processors()}, load average {os.getloadavg()[0]:.1f} at the end; {time.strftime('%Y-%m-%d')}. Rounds: {options.rounds}."
        + masked(), "",
        compared(options, lines),
    ]
    for threads in options.threads:
        some = [line for line in lines if line["threads"] == threads]
        out += ["", f"## {threads} thread(s)"]
        if of(some, "read") or of(some, "write"):
            out += tokens_table(some)
        if of(some, "game") or of(some, "json"):
            out += requests_table(some)
        whole = lambda line, key: line[key]
        out += head("to start", "s") + [row("opening", *(of(some, "open", engine=engine) for engine in (OURS, LLAMA)), whole, whole, 2)]
        out += memory_table(some) + roofline(some, read_bytes)
    text = "\n".join([*out, ""])
    print(text)
    if not options.print:
        with open(os.path.join(train.ROOT, "docs", "benchmarks", f"{options.name}.md"), "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    main()
