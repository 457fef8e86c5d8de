"""Fixture of the confidence figures: random logits, chosen tokens, and NumPy's figures over them.

usage: signals.py FILE.json      needs numpy
"""

import json
import sys

import numpy as np

rng = np.random.default_rng(5)
# Sharp and flat distributions, logits far from zero, and a tie for the largest.
logits = np.concatenate([rng.normal(0, 1, (6, 9)), rng.normal(-40, 6, (6, 9)), rng.normal(300, 3, (3, 9))])
logits[3, 2] = logits[3, 7] = logits[3].max() + 1
logits = logits.astype(np.float32)
tokens = [int(row.argmax()) if i % 3 else int(rng.integers(9)) for i, row in enumerate(logits)]

wide = logits.astype(np.float64)
logp = wide - np.logaddexp.reduce(wide, axis=1, keepdims=True)
p = np.exp(logp)
chosen = logp[np.arange(len(tokens)), tokens]
ordered = np.sort(p, axis=1)
signals = {
    "tokens": len(tokens),
    "mean_logprob": chosen.mean(),
    "min_logprob": chosen.min(),
    "q10_logprob": np.quantile(chosen, 0.1),
    "mean_entropy": -(p * logp).sum(axis=1).mean(),
    "mean_margin": (ordered[:, -1] - ordered[:, -2]).mean(),
    "low_share": float((np.exp(chosen) < 0.5).mean()),
}
with open(sys.argv[1], "w") as out:
    json.dump({"logits": logits.tolist(), "tokens": tokens, "signals": signals}, out)
    out.write("\n")
print(signals)
