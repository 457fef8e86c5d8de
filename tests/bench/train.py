"""What the trainer makes of prompts that begin alike, beside prompts of the same lengths that do not, in one interleaved run.

Usage: train.py APPRENTICE [--rounds N] [--steps S] [--shape practice|270m ...]

A call site's shape: a system prompt of about 600 tokens, a question of about 40, an answer of about 80; batches of 8, 16 and 32, and the
practice base's own training set. Every run is a job of its own (`apprentice train`); its first step, which loads and warms, is left
out. Prints the table, writes docs/benchmarks/train.md and target/bench/train.json.
"""

import argparse
import json
import os
import platform
import random
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PRACTICE = os.path.join(ROOT, "models", "practice")
# Layers of Gemma 3 270M; the vocabulary is the practice base's, so the head is smaller than it would be.
GEMMA_270M = {
    "hidden_size": 640, "intermediate_size": 2048, "num_hidden_layers": 18, "num_attention_heads": 4,
    "num_key_value_heads": 1, "head_dim": 256, "query_pre_attn_scalar": 256, "sliding_window": 512, "max_position_embeddings": 2048,
    "layer_types": ["full_attention" if (layer + 1) % 6 == 0 else "sliding_attention" for layer in range(18)],
}
WORDS = "the a shop sells rope lantern oil bread and blanket for gold coins to every traveller who asks north gate river mountain".split()


def random_bf16(count):
    """Small numbers of both signs, 0.008 to 0.03: what is measured does not depend on them."""
    signs = os.urandom(count).translate(bytes(0x3C if byte < 128 else 0xBC for byte in range(256)))
    out = bytearray(2 * count)
    out[0::2], out[1::2] = os.urandom(count), signs
    return bytes(out)


def write_base(folder, shape):
    """A model folder with random weights of this shape and the practice base's tokenizer."""
    os.makedirs(folder)
    with open(os.path.join(PRACTICE, "config.json"), encoding="utf-8") as file:
        config = {**json.load(file), **shape}
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as file:
        json.dump(config, file)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(os.path.join(PRACTICE, name), folder)
    hidden, inner, head = config["hidden_size"], config["intermediate_size"], config["head_dim"]
    queries, keys = config["num_attention_heads"] * head, config["num_key_value_heads"] * head
    tensors = [("model.embed_tokens.weight", [config["vocab_size"], hidden]), ("model.norm.weight", [hidden])]
    for layer in range(config["num_hidden_layers"]):
        parts = [
            ("input_layernorm", [hidden]), ("self_attn.q_proj", [queries, hidden]), ("self_attn.k_proj", [keys, hidden]),
            ("self_attn.v_proj", [keys, hidden]), ("self_attn.o_proj", [hidden, queries]), ("self_attn.q_norm", [head]),
            ("self_attn.k_norm", [head]), ("post_attention_layernorm", [hidden]), ("pre_feedforward_layernorm", [hidden]),
            ("mlp.gate_proj", [inner, hidden]), ("mlp.up_proj", [inner, hidden]), ("mlp.down_proj", [hidden, inner]),
            ("post_feedforward_layernorm", [hidden]),
        ]
        tensors += [(f"model.layers.{layer}.{name}.weight", size) for name, size in parts]
    header, at = {}, 0
    for name, size in tensors:
        length = 2 * size[0] * (size[1] if len(size) > 1 else 1)
        header[name] = {"dtype": "BF16", "shape": size, "data_offsets": [at, at + length]}
        at += length
    text = json.dumps(header).encode()
    with open(os.path.join(folder, "model.safetensors"), "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for name, _ in tensors:
            begin, end = header[name]["data_offsets"]
            out.write(random_bf16((end - begin) // 2))


def write_chats(path, count, shared, seed):
    """Chats whose system prompts are the same, or begin apart with the first word."""
    words = random.Random(seed)
    text = lambda count: " ".join(words.choice(WORDS) for _ in range(count))
    system = text(SYSTEM_WORDS)
    with open(path, "w", encoding="utf-8") as out:
        for _ in range(count):
            # Drawn either way, so that both have the same questions and answers.
            own = text(SYSTEM_WORDS)
            messages = [
                {"role": "system", "content": system if shared else own},
                {"role": "user", "content": text(QUESTION_WORDS)},
                {"role": "assistant", "content": text(ANSWER_WORDS)},
            ]
            out.write(json.dumps({"messages": messages}) + "\n")


SYSTEM_WORDS, QUESTION_WORDS, ANSWER_WORDS = 400, 27, 53


# As the cycle starts a lesson's processes.
ENVIRONMENT = {"RAYON_NUM_THREADS": "1", "CANDLE_BARRIER_POOL_SPIN_LIMIT": "1", "MIMALLOC_PURGE_DELAY": "-1"}


ARGUMENTS = {
    "rank": 16, "alpha": 32.0, "max_tokens": 1024, "epochs": 1000.0, "evaluate_every_steps": 0, "checkpoint_every_s": 100000.0,
    # Other benches say what differs.
    "schedule": "constant", "warmup_steps": 0, "stop_loss": 1e-9,
}


def start(apprentice, folder, base, data, **arguments):
    """Starts a job of its own in a new folder; its lines come on the process's standard output."""
    os.makedirs(folder)
    job = os.path.join(folder, "job.toml")
    paths = {"base": base, "train": data, "held_out": f"{data}.held", "out": f"{folder}/out", "checkpoint": f"{folder}/checkpoint"}
    with open(job, "w", encoding="utf-8") as out:
        out.write('method = "sft"\n')
        out.writelines(f"{key} = {json.dumps(value)}\n" for key, value in paths.items())
        out.write("[arguments]\n")
        out.writelines(f"{key} = {json.dumps(value)}\n" for key, value in {**ARGUMENTS, **arguments}.items())
    return subprocess.Popen([apprentice, "train", job], stdout=subprocess.PIPE, text=True, env={**os.environ, **ENVIRONMENT})


def events(process):
    """What a job says, to its end; a job that fails ends the bench."""
    for line in process.stdout:
        event = json.loads(line)
        if "error" in event:
            sys.exit(line)
        yield event
    if process.wait() != 0:
        sys.exit("the run failed")


def peak_mb(process):
    with open(f"/proc/{process.pid}/status", encoding="utf-8") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1000


def run(apprentice, folder, base, data, batch, steps, budget, threads):
    """Logical tokens a second over all steps but the first, and the run's peak memory in MB."""
    process = start(apprentice, folder, base, data, batch_size=batch, micro_batch_tokens=budget, threads=threads, max_steps=steps + 1)
    marks, started, peak = [], None, 0
    for event in events(process):
        if event["event"] == "start":
            started = event
        if event["event"] == "step":
            marks.append((event["seconds"], event["tokens_per_s"] * event["seconds"]))
            peak = max(peak, peak_mb(process))
    seconds, tokens = (marks[-1][i] - marks[0][i] for i in (0, 1))
    return {"rate": tokens / seconds, "peak_mb": peak, "start": started, "tokens": tokens / (len(marks) - 1)}


def processors():
    """How many there are, and what they call themselves."""
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        names = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
    return f"{len(names)} x {names[0] if names else platform.machine()}"


def figure(values, digits=2):
    return f"{statistics.median(values):.{digits}f} [{min(values):.{digits}f}-{max(values):.{digits}f}]"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("apprentice")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--shape", nargs="+", default=["practice", "270m"])
    parser.add_argument("--batch", nargs="+", type=int, default=[8, 16, 32])
    parser.add_argument("--budget", nargs="+", type=int, default=[1024, 4096])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--append", action="store_true", help="keep the rows of earlier calls")
    options = parser.parse_args()
    root, rows = tempfile.mkdtemp(prefix="bench-train-"), []
    if options.append:
        with open(os.path.join(ROOT, "target", "bench", "train.json"), encoding="utf-8") as file:
            rows = json.load(file)
    try:
        for shape in options.shape:
            base = os.path.join(root, shape)
            write_base(base, GEMMA_270M if shape == "270m" else {"max_position_embeddings": 2048})
            for batch in options.batch:
                data = {shared: os.path.join(root, f"{shape}-{batch}-{shared}.jsonl") for shared in (True, False)}
                for shared, path in data.items():
                    write_chats(path, 4 * batch, shared, batch)
                    write_chats(path + ".held", 1, shared, batch + 1)
                for budget in options.budget:
                    found = {True: [], False: []}
                    for number in range(options.rounds):
                        for shared in (True, False) if number % 2 == 0 else (False, True):
                            folder = os.path.join(root, f"{shape}-{batch}-{budget}-{shared}-{number}")
                            one = run(options.apprentice, folder, base, data[shared], batch, options.steps, budget, options.threads)
                            found[shared].append(one)
                    ratio = [ours["rate"] / plain["rate"] for ours, plain in zip(found[True], found[False])]
                    row = {
                        "shape": shape, "batch": batch, "budget": budget, "rounds": options.rounds, "steps": options.steps, "tokens_a_step": found[True][0]["tokens"],
                        "shared": [one["rate"] for one in found[True]], "apart": [one["rate"] for one in found[False]], "ratio": ratio,
                        "peak_mb": [max(one["peak_mb"] for one in found[shared]) for shared in (True, False)],
                    }
                    rows.append(row)
                    print(json.dumps(row), flush=True)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    report(options, rows)


def report(options, rows):
    lines = [
        "# Training: prompts that begin alike", "",
        "`make bench-train`, made by `tests/bench/train.py`: LoRA of rank 16 on all linears, a system prompt of about 600 tokens, a question of "
        f"about 40, an answer of about 80; {options.threads} threads, interleaved rounds of some steps after the first. "
        "*Shared*: all examples have the same system prompt. *Apart*: system prompts of the same length that have nothing in common. Tokens are those of "
        "the examples, whether computed once or often. `270m`: random weights in the layers of Gemma 3 270M, with the practice base's vocabulary.", "",
        f"Machine: {processors()}, load average {os.getloadavg()[0]:.1f} at the end; "
        f"{time.strftime('%Y-%m-%d')}.", "",
        "| shape | rounds x steps | batch | at once (micro_batch_tokens) | shared, tokens/s | apart, tokens/s | shared / apart | peak MB, shared / apart |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        lines.append(
            f"| {row['shape']} | {row['rounds']} x {row['steps']} | {row['batch']} | {row['budget']} | {figure(row['shared'], 0)} | {figure(row['apart'], 0)} | "
            f"{figure(row['ratio'])} | {row['peak_mb'][0]:.0f} / {row['peak_mb'][1]:.0f} |"
        )
    text = "\n".join(lines) + "\n"
    print(text)
    os.makedirs(os.path.join(ROOT, "target", "bench"), exist_ok=True)
    with open(os.path.join(ROOT, "target", "bench", "train.json"), "w", encoding="utf-8") as out:
        json.dump(rows, out, indent=1)
    with open(os.path.join(ROOT, "docs", "benchmarks", "train.md"), "w", encoding="utf-8") as out:
        out.write(text)


if __name__ == "__main__":
    main()
