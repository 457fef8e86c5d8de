"""The trainer beside PyTorch with transformers and PEFT, at Gemma 3 1B's shape with random weights.

Usage: train_pytorch.py APPRENTICE SITE-PACKAGES [--rounds N] [--steps S] [--threads T]

Every round runs each engine as a process of its own, one after another: this trainer, and PyTorch in f32 and in bf16, each with the logits of
all tokens (as the stock trainer computes them, `labels=`) and with those of the completion alone. The same chats, tokenised by this
trainer's own tokenizer; LoRA of rank 16 on all linears, AdamW. A step's wall and processor time, the first step left out. Batches of one, two
and four examples of about 256 tokens, one of 512, and eight whose prompts begin with the same 600 tokens; PyTorch has one of these eight at a
time (eight and their logits are more than 23 GB), as with gradient accumulation. Prints the table and writes docs/benchmarks/train_pytorch.md.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import train  # noqa: E402

GEMMA_1B = {
    "vocab_size": 262144, "hidden_size": 1152, "intermediate_size": 6912, "num_hidden_layers": 26, "num_attention_heads": 4,
    "num_key_value_heads": 1, "head_dim": 256, "query_pre_attn_scalar": 256, "sliding_window": 512, "max_position_embeddings": 32768,
    "layer_types": ["full_attention" if (layer + 1) % 6 == 0 else "sliding_attention" for layer in range(26)],
}
# What it is; words of the system prompt, the question, the answer; whether prompts share the first; examples of a step, and those that PyTorch
# has at once.
SHAPES = {
    "short": ("one example of 256 tokens", (115, 17, 35), False, 1, 1),
    "long": ("one example of 512 tokens", (265, 27, 53), False, 1, 1),
    "two": ("two examples of 256 tokens", (115, 17, 35), False, 2, 2),
    "four": ("four examples of 256 tokens", (115, 17, 35), False, 4, 4),
    "shared": ("eight that share 600 of 720 tokens", (400, 27, 53), True, 8, 1),
}
# Packed bases are this trainer's alone: what they cost and save beside its own f32.
PACKED = {
    "q8_0": {"quantize": "q8_0"}, "q4_0": {"quantize": "q4_0"}, "nf4": {"quantize": "nf4"},
    "nf4 in 1,800 MB": {"quantize": "nf4", "memory_max_mb": 1800},
}
KEPT = os.path.join(train.ROOT, "target", "bench", "train_pytorch.json")
MODES = ["f32", "f32 completion", "bf16", "bf16 completion"]


def pytorch(options):
    """The child: steps over token lists read from a file, one JSON line a step."""
    sys.path.insert(0, options.site)
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import Gemma3ForCausalLM

    torch.set_num_threads(options.threads)
    with open(options.data, encoding="utf-8") as file:
        examples = json.load(file)
    dtype, only = options.mode.split()[0], options.mode.endswith("completion")
    net = Gemma3ForCausalLM.from_pretrained(options.base, dtype={"f32": torch.float32, "bf16": torch.bfloat16}[dtype])
    targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    net = get_peft_model(net, LoraConfig(r=16, lora_alpha=32, target_modules=targets, task_type="CAUSAL_LM"))
    net.train()
    inner = net.get_base_model()
    optimizer = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], lr=2e-4)
    for number in range(options.steps + 1):
        batch = [examples[(number * options.at_once + place) % len(examples)] for place in range(options.at_once)]
        longest = max(len(ids) for ids, _ in batch)
        began, before = time.time(), resource.getrusage(resource.RUSAGE_SELF)
        tokens = torch.tensor([ids + [0] * (longest - len(ids)) for ids, _ in batch])
        mask = torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for ids, _ in batch])
        labels = torch.tensor([[-100] * start + ids[start:] + [-100] * (longest - len(ids)) for ids, start in batch])
        if only:
            hidden = inner.model(input_ids=tokens, attention_mask=mask).last_hidden_state[:, :-1][labels[:, 1:] != -100]
            loss = torch.nn.functional.cross_entropy(inner.lm_head(hidden).float(), labels[:, 1:][labels[:, 1:] != -100])
        else:
            loss = net(input_ids=tokens, attention_mask=mask, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        after = resource.getrusage(resource.RUSAGE_SELF)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(json.dumps({"seconds": time.time() - began, "cpu": cpu, "tokens": sum(len(ids) for ids, _ in batch), "loss": float(loss), "peak_mb": after.ru_maxrss / 1000}), flush=True)


def run_pytorch(options, base, data, mode, at_once):
    command = [sys.executable, __file__, options.apprentice, options.site, "--base", base, "--data", data, "--mode", mode, "--steps", str(options.steps), "--threads", str(options.threads), "--at-once", str(at_once)]
    lines = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    steps = [json.loads(line) for line in lines if line.startswith("{")]
    return {"steps": steps[1:], "peak_mb": steps[-1]["peak_mb"]}


def run_ours(options, folder, base, data, batch, **more):
    began, marks, peak, started = time.time(), [], 0, None
    process = train.start(options.apprentice, folder, base, data, batch_size=batch, threads=options.threads, max_steps=options.steps + 1, **more)
    for event in train.events(process):
        if event["event"] == "start":
            started = {**event, "seconds": time.time() - began}
        if event["event"] == "step":
            with open(f"/proc/{process.pid}/stat", encoding="utf-8") as stat:
                fields = stat.read().rsplit(") ", 1)[1].split()
            cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            marks.append((time.time(), cpu, event["tokens_per_s"] * event["seconds"]))
            peak = max(peak, train.peak_mb(process))
    steps = [{"seconds": b[0] - a[0], "cpu": b[1] - a[1], "tokens": b[2] - a[2]} for a, b in zip(marks, marks[1:])]
    return {"steps": steps, "peak_mb": peak, "start": started}


def token_lists(options, folder, base, data):
    """The chats as the trainer tokenises them."""
    sys.path.insert(0, options.site)
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(os.path.join(base, "tokenizer.json"))
    encode = lambda text: tokenizer.encode(text, add_special_tokens=False).ids
    lists = []
    with open(data, encoding="utf-8") as file:
        for line in file:
            system, user, answer = (message["content"] for message in json.loads(line)["messages"])
            prompt = encode("<bos><start_of_turn>user\n" + system + "\n\n" + user + "<end_of_turn>\n<start_of_turn>model\n")
            lists.append([prompt + encode(answer + "<end_of_turn>"), len(prompt)])
    path = os.path.join(folder, os.path.basename(data) + ".ids")
    with open(path, "w", encoding="utf-8") as out:
        json.dump(lists, out)
    return path


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("apprentice")
    parser.add_argument("site")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--shape", nargs="+", default=list(SHAPES), choices=list(SHAPES))
    parser.add_argument("--packed", action="store_true", help="also this trainer on a packed base")
    parser.add_argument("--at-once", type=int, default=1)
    parser.add_argument("--append", action="store_true", help="keep the rows of earlier calls")
    parser.add_argument("--mode")
    parser.add_argument("--base")
    parser.add_argument("--data")
    options = parser.parse_args()
    if options.mode:
        return pytorch(options)
    root, rows = tempfile.mkdtemp(prefix="bench-pytorch-"), []
    if options.append:
        with open(KEPT, encoding="utf-8") as file:
            rows = [row for row in json.load(file) if row["shape"] not in [SHAPES[name][0] for name in options.shape]]
    try:
        base = os.path.join(root, "base")
        train.write_base(base, GEMMA_1B)
        for shape, words, shared, batch, at_once in (SHAPES[name] for name in options.shape):
            train.SYSTEM_WORDS, train.QUESTION_WORDS, train.ANSWER_WORDS = words
            data = os.path.join(root, f"{words[0]}-{batch}.jsonl")
            train.write_chats(data, 4 * batch, shared, batch)
            train.write_chats(data + ".held", 1, shared, batch + 1)
            ids = token_lists(options, root, base, data)
            packed = PACKED if options.packed else {}
            found = {engine: [] for engine in ["ours", *packed, *MODES]}
            for number in range(options.rounds):
                found["ours"].append(run_ours(options, os.path.join(root, f"{words[0]}-{batch}-{number}"), base, data, batch))
                for kind, arguments in packed.items():
                    folder = os.path.join(root, f"{words[0]}-{batch}-{number}-{kind.replace(' ', '-')}")
                    found[kind].append(run_ours(options, folder, base, data, batch, **arguments))
                for mode in MODES:
                    try:
                        found[mode].append(run_pytorch(options, base, ids, mode, at_once))
                    except subprocess.CalledProcessError as error:
                        print(f"{shape}, PyTorch {mode}: {error}", file=sys.stderr)
            for engine, runs in found.items():
                if runs:
                    rows.append(row(shape, engine, runs))
                    print(json.dumps(rows[-1]), flush=True)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    report(options, rows)


def row(shape, engine, runs):
    steps = [step for one in runs for step in one["steps"]]
    return {
        "shape": shape, "engine": engine, "rounds": len(runs), "steps": len(steps), "rates": [step["tokens"] / step["seconds"] for step in steps],
        "cpu_ms": [1000 * step["cpu"] / step["tokens"] for step in steps], "peak_mb": max(one["peak_mb"] for one in runs), "start": runs[-1].get("start"),
    }


def roofline(options, rows):
    """What the processor can do, and how much of it the linears of the shortest shape get."""
    program = os.path.join(os.path.dirname(options.apprentice), "examples", "roofline")
    figures = json.loads(subprocess.run([program, str(options.threads)], stdout=subprocess.PIPE, text=True, check=True).stdout)
    said = [f"{name.replace('_', ' ')} {figures[name]} GF/s" for name in ("product_f32", "bare_f32", "bare_bf16") if name in figures]
    ours = next(row for row in rows if row["engine"] == "ours")
    hidden, inner, layers = GEMMA_1B["hidden_size"], GEMMA_1B["intermediate_size"], GEMMA_1B["num_hidden_layers"]
    linears = layers * hidden * (4 * 256 + 2 * 256 + 4 * 256 + 3 * inner)
    # Forward, and the derivative by what goes in.
    achieved = statistics.median(ours["rates"]) * 4 * linears / 1e9
    return (
        f"What the processor can do with {options.threads} threads (`src/frozen/examples/roofline.rs`): {', '.join(said)}. The frozen linears alone take "
        f"{4 * linears / 1e9:.2f} GF a token; at the first row's speed that is {achieved:.0f} GF/s, {achieved / figures['product_f32']:.2f} of the product's."
    )


def report(options, rows):
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        text = info.read()
    kind = next((name for flag, name in [("amx_bf16", "AMX"), ("avx512f", "AVX-512"), ("avx2", "AVX2")] if flag in text), "none of these")
    lines = [
        "# Training beside PyTorch", "",
        "`make bench-train-pytorch`, made by `tests/bench/train_pytorch.py`, which says how. PyTorch 2.15.0, transformers 5.23.0, PEFT 0.21.2. Medians and ranges of the "
        f"warm steps of interleaved rounds; {options.threads} threads. Tokens are those of the examples, whether computed once or often. "
        "*completion*: logits of the completion alone, which a stock trainer does not do.", "",
        f"Machine: {train.processors()} ({kind}), load average {os.getloadavg()[0]:.1f} at the end; {time.strftime('%Y-%m-%d')}.", "",
        roofline(options, rows), "",
        "| batch | engine | rounds, steps | tokens/s | processor ms a token | ours / this, tokens/s | peak MB | start s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in rows:
        ours = next(other for other in rows if other["shape"] == one["shape"] and other["engine"] == "ours")
        ratio = statistics.median(ours["rates"]) / statistics.median(one["rates"])
        engine = one["engine"]
        name = "this trainer" if engine == "ours" else f"this trainer, {engine}" if engine in PACKED else f"PyTorch {engine}"
        start = f"{one['start']['seconds']:.0f}" if one["start"] else ""
        lines.append(f"| {one['shape']} | {name} | {one['rounds']}, {one['steps']} | {train.figure(one['rates'], 1)} | {train.figure(one['cpu_ms'], 1)} | {ratio:.2f} | {one['peak_mb']:.0f} | {start} |")
    text = "\n".join(lines) + "\n"
    print(text)
    os.makedirs(os.path.dirname(KEPT), exist_ok=True)
    with open(KEPT, "w", encoding="utf-8") as out:
        json.dump(rows, out, indent=1)
    with open(os.path.join(train.ROOT, "docs", "benchmarks", "train_pytorch.md"), "w", encoding="utf-8") as out:
        out.write(text)


if __name__ == "__main__":
    main()
