"""What 4-bit weights would cost, calibrated or not, on real Gemma 3 270M weights beside the 8 bit that the student has.

Usage: int4.py [--tokens N] [--calibration-tokens N]

Says whether a 4-bit format, or one for some of the linears, could be within what `auto` allows: 1 % perplexity and 97 % of the same most probable
tokens. The model is written here in NumPy, by the reference implementation's formulas, and what a format would do is done to its numbers: no speed is
measured. Blocks of 32 along the inputs, everywhere. Needs numpy and tokenizers, and the models of deploy/setup-real-models.sh, which are fetched; says
SKIPPED where they cannot be had. The text is that of quality.py; its first windows are measured, later ones calibrate. Writes docs/benchmarks/int4.md.

GPTQ: Frantar et al., arXiv:2210.17323, with the scale of a block searched by the inputs' second moments before its columns are rounded.
"""

import argparse
import json
import os
import struct
import sys
import tempfile
import time

import numpy as np
from tokenizers import Tokenizer

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import quality  # noqa: E402
import train  # noqa: E402
import train_real  # noqa: E402

WINDOW, BLOCK, BOS = 256, 32, 2
# Each linear and the input that it shares with others.
LINEARS = {
    "q": ("self_attn.q_proj", "attention"), "k": ("self_attn.k_proj", "attention"), "v": ("self_attn.v_proj", "attention"),
    "o": ("self_attn.o_proj", "attended"), "gate": ("mlp.gate_proj", "mlp"), "up": ("mlp.up_proj", "mlp"), "down": ("mlp.down_proj", "gated"),
}
NORMS = [
    "input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm", "self_attn.q_norm", "self_attn.k_norm",
]


class Model:
    """Gemma 3's text model; a window at a time, no cache."""

    def __init__(self, folder):
        with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
            self.config = json.load(file)
        with open(os.path.join(folder, "model.safetensors"), "rb") as file:
            size = struct.unpack("<Q", file.read(8))[0]
            self.header, self.data = json.loads(file.read(size)), file.read()
        layers = range(self.config["num_hidden_layers"])
        self.linears = [{name: self.tensor(f"layers.{i}.{path}.weight") for name, (path, _) in LINEARS.items()} for i in layers]
        self.norms = [{name: 1 + self.tensor(f"layers.{i}.{name}.weight") for name in NORMS} for i in layers]
        self.norm, self.embedding = 1 + self.tensor("norm.weight"), self.tensor("embed_tokens.weight")
        del self.data

    def tensor(self, name):
        facts = self.header[name if name in self.header else f"model.{name}"]
        begin, end = facts["data_offsets"]
        assert facts["dtype"] == "BF16", facts
        bits = np.frombuffer(self.data[begin:end], np.uint16).astype(np.uint32) << 16
        return bits.view(np.float32).reshape(facts["shape"])

    def normed(self, x, weight):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + self.config["rms_norm_eps"]) * weight

    def logits(self, tokens, linears, embedding, rounded=lambda x: x, tap=lambda layer, name, x: None):
        """[tokens, vocabulary]; `rounded` is done to what a product reads, `tap` sees it before."""
        x = embedding[tokens] * np.float32(self.config["hidden_size"] ** 0.5)
        for layer, (weights, norms) in enumerate(zip(linears, self.norms)):

            def product(names, name, inputs):
                tap(layer, name, inputs)
                inputs = rounded(inputs)
                return [inputs @ weights[name].T for name in names]

            q, k, v = product("qkv", "attention", self.normed(x, norms["input_layernorm"]))
            attended = self.attended(layer, q, k, v, norms)
            x = x + self.normed(product("o", "attended", attended)[0], norms["post_attention_layernorm"])
            gate, up = product(["gate", "up"], "mlp", self.normed(x, norms["pre_feedforward_layernorm"]))
            gated = 0.5 * gate * (1 + np.tanh(0.7978845608 * (gate + 0.044715 * gate**3))) * up
            x = x + self.normed(product(["down"], "gated", gated)[0], norms["post_feedforward_layernorm"])
        return rounded(self.normed(x, self.norm)) @ embedding.T

    def attended(self, layer, q, k, v, norms):
        """Causal attention: a window of 256 lies within a sliding window of 512. One head of keys and values serves several of queries."""
        config, count = self.config, len(q)
        width, kind = config["head_dim"], config["layer_types"][layer]
        theta = config["rope_parameters"][kind]["rope_theta"]
        q, k, v = (x.reshape(count, -1, width) for x in (q, k, v))
        q, k = (rotated(self.normed(x, norms[f"self_attn.{name}_norm"]), theta) for name, x in (("q", q), ("k", k)))
        k, v = (np.repeat(x, q.shape[1] // x.shape[1], axis=1) for x in (k, v))
        scores = np.einsum("thd,shd->hts", q, k) / np.sqrt(config["query_pre_attn_scalar"]) + np.triu(np.full((count, count), -1e30), 1)
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        scores = (scores / scores.sum(-1, keepdims=True)).astype(np.float32)
        return np.einsum("hts,shd->thd", scores, v).reshape(count, -1)


def rotated(x, theta):
    half = x.shape[-1] // 2
    angles = np.arange(len(x))[:, None] * theta ** (-np.arange(half) / half)
    cos, sin = (f(angles).astype(np.float32)[:, None] for f in (np.cos, np.sin))
    first, second = x[..., :half], x[..., half:]
    return np.concatenate([first * cos - second * sin, second * cos + first * sin], -1)


def eight(x):
    """Symmetric 8 bit in blocks, as `i8packed` has weights and activations."""
    blocks = x.reshape(-1, x.shape[-1] // BLOCK, BLOCK)
    scale = np.abs(blocks).max(-1, keepdims=True) / 127
    scale[scale == 0] = 1
    return (np.rint(blocks / scale) * scale).reshape(x.shape).astype(np.float32)


def scales(blocks, moments, factors):
    """A block's scale for -8..7 with the least error by `moments`, of those that put its largest weight near -8: [..., 1]."""
    largest = np.take_along_axis(blocks, np.abs(blocks).argmax(-1)[..., None], -1)
    best, least = None, None
    for factor in factors:
        scale = largest / (-8 * factor)
        scale = np.where(scale == 0, 1, scale)
        error = ((np.clip(np.rint(blocks / scale), -8, 7) * scale - blocks) ** 2 * moments).sum(-1, keepdims=True)
        best = scale if best is None else np.where(error < least, scale, best)
        least = error if least is None else np.minimum(error, least)
    return best


def four(weights, moments=None):
    """Rounded to the nearest; with `moments` [inputs] the scales are searched."""
    blocks = weights.reshape(len(weights), -1, BLOCK)
    factors = [1.0] if moments is None else np.linspace(0.75, 1.15, 17)
    scale = scales(blocks, 1.0 if moments is None else moments.reshape(-1, BLOCK), factors)
    return (np.clip(np.rint(blocks / scale), -8, 7) * scale).reshape(weights.shape).astype(np.float32)


def gptq(weights, hessian):
    """Rounded column by column, each column's error made good by those after it."""
    w, hessian = weights.astype(np.float64), hessian.copy()
    hessian[np.diag_indices_from(hessian)] += 0.01 * np.diag(hessian).mean()
    moments, inverse = np.diag(hessian), np.linalg.inv(hessian)
    upper, done = np.linalg.cholesky((inverse + inverse.T) / 2).T, np.zeros_like(w)
    for begin in range(0, w.shape[1], BLOCK):
        end = begin + BLOCK
        block, errors = w[:, begin:end], np.zeros((len(w), BLOCK))
        scale = scales(block, moments[begin:end], np.linspace(0.7, 1.15, 19))[:, 0]
        for at in range(BLOCK):
            column = begin + at
            done[:, column] = np.clip(np.rint(block[:, at] / scale), -8, 7) * scale
            errors[:, at] = (block[:, at] - done[:, column]) / upper[column, column]
            block[:, at:] -= errors[:, at : at + 1] * upper[column, column:end]
        w[:, end:] -= errors @ upper[begin:end, end:]
    return done.astype(np.float32)


def calibrated(model, windows):
    """The second moments of every product's inputs: by layer and name [inputs, inputs]."""
    sums = {}

    def tap(layer, name, x):
        sums[layer, name] = sums.get((layer, name), 0) + x.T.astype(np.float64) @ x

    for tokens in windows:
        model.logits(tokens, model.linears, model.embedding, tap=tap)
    return sums


class Judge:
    """Compares with single precision, whose logits it keeps in half."""

    def __init__(self, model, windows):
        self.model, self.windows, self.exact, self.rows = model, windows, [], []

    def ask(self, name, linears=None, embedding=None, rounded=lambda x: x):
        began, loss, same, error = time.time(), 0.0, 0, 0.0
        embedding = self.model.embedding if embedding is None else embedding
        for at, tokens in enumerate(self.windows):
            logits = self.model.logits(tokens, linears or self.model.linears, embedding, rounded)
            if at == len(self.exact):
                self.exact.append((logits.argmax(-1), logits.astype(np.float16)))
            top = logits.max(-1, keepdims=True)
            total = np.log(np.exp(logits - top).sum(-1)) + top[:, 0]
            loss += (total[:-1] - logits[np.arange(len(tokens) - 1), tokens[1:]]).sum()
            same += (logits.argmax(-1) == self.exact[at][0]).sum()
            error += ((logits - self.exact[at][1].astype(np.float32)) ** 2).mean()
        count = len(self.windows)
        perplexity = np.exp(loss / (count * (WINDOW - 1)))
        self.rows.append((name, perplexity, perplexity / (self.rows[0][1] if self.rows else perplexity), same / count / WINDOW, np.sqrt(error / count)))
        print(self.rows[-1], f"{time.time() - began:.0f} s", flush=True)


def text(folder):
    """Windows of tokens, each with a beginning of its own."""
    with tempfile.TemporaryDirectory() as place:
        path = os.path.join(place, "text")
        quality.prose(path)
        with open(path, encoding="utf-8") as file:
            prose = file.read()
    tokenizer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
    tokens, own = tokenizer.encode(prose, add_special_tokens=False).ids, WINDOW - 1
    return [[BOS, *tokens[at : at + own]] for at in range(0, len(tokens) - own + 1, own)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tokens", type=int, default=3072)
    parser.add_argument("--calibration-tokens", type=int, default=10240)
    options = parser.parse_args()
    folder = train_real.models()
    model, windows = Model(folder), text(folder)
    measured = options.tokens // WINDOW
    calibration = windows[measured : measured + options.calibration_tokens // WINDOW]
    judge = Judge(model, windows[:measured])
    judge.ask("f32")
    packed = [{name: eight(weights) for name, weights in layer.items()} for layer in model.linears]
    embedding = eight(model.embedding)
    judge.ask("8 bit: weights alone", packed, embedding)
    judge.ask("8 bit: activations alone", rounded=eight)
    judge.ask("8 bit: both (`i8packed`)", packed, embedding, eight)
    moments = calibrated(model, calibration)
    source = {name: inputs for name, (_, inputs) in LINEARS.items()}
    ways = {
        "rounded to the nearest": lambda layer, name, weights: four(weights),
        "scales searched by the inputs' moments": lambda layer, name, weights: four(weights, np.diag(moments[layer, source[name]])),
        "GPTQ": lambda layer, name, weights: gptq(weights, moments[layer, source[name]]),
    }
    for way, pack in ways.items():
        small = [{name: pack(layer, name, weights) for name, weights in of.items()} for layer, of in enumerate(model.linears)]
        judge.ask(f"4 bit, {way}", small)
    judge.ask("4 bit, GPTQ; activations, embedding and head 8 bit", small, embedding, eight)
    for name in LINEARS:
        judge.ask(f"4 bit, GPTQ, `{name}` of every layer alone", [{**whole, name: few[name]} for whole, few in zip(model.linears, small)])
    report(options, len(calibration), judge)


def report(options, calibration, judge):
    lines = [
        "# Whether 4 bit would do", "", "![perplexity of real Gemma 3 270M](int4.svg)", "",
        "`make bench-int4`, made by `tests/bench/int4.py`: what 4-bit weights in blocks of 32 would cost on real Gemma 3 270M (dequantised from Q4_K_M), simulated in NumPy.",
        "A format for `auto` is to have at most 1.01 times f32's perplexity and at least 97 % of its most probable tokens; 8 bit misses the second by a little.", "",
        f"{len(judge.windows) * WINDOW} tokens of this project's documents measured, {calibration * WINDOW} others calibrate; {time.strftime('%Y-%m-%d')}.", "",
        "| weights | perplexity | of f32's | same most probable token | error of a logit, rms |", "|---|---|---|---|---|",
    ]
    lines += [f"| {name} | {perplexity:.2f} | {ratio:.4f} | {100 * same:.1f} % | {error:.2f} |" for name, perplexity, ratio, same, error in judge.rows]
    with open(os.path.join(train.ROOT, "docs", "benchmarks", "int4.md"), "w", encoding="utf-8") as out:
        out.write("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
