"""Continues a prompt greedily with onnxruntime-genai on an exported folder, and with ONNX Runtime by hand.

usage: genai.py FOLDER      needs onnxruntime==1.31.1, onnxruntime-genai==0.18.0, numpy
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import onnxruntime_genai

folder = Path(sys.argv[1])
prompt, length = [2, 10, 20, 30, 40], 24

model = onnxruntime_genai.Model(str(folder))
params = onnxruntime_genai.GeneratorParams(model)
params.set_search_options(max_length=length, do_sample=False)
generator = onnxruntime_genai.Generator(model, params)
generator.append_tokens(np.array([prompt], np.int32))
while not generator.is_done():
    generator.generate_next_token()
generated = generator.get_sequence(0).tolist()

options = onnxruntime.SessionOptions()
options.log_severity_level = 3
session = onnxruntime.InferenceSession(folder / "model.onnx", options)
manifest = json.loads((folder / "export.json").read_text())
empty = np.zeros((1, manifest["kv_heads"], 0, manifest["head_dim"]), np.float32)
cache = {f"past_key_values.{i}.{part}": empty for i in range(manifest["layers"]) for part in ("key", "value")}
ids = list(prompt)
while len(ids) < len(generated):
    feed = {"input_ids": np.array([ids], np.int64), "attention_mask": np.ones((1, len(ids)), np.int64), **cache}
    ids.append(int(session.run(["logits"], feed)[0][0, -1].argmax()))
print("genai", generated)
print("by hand", ids)
sys.exit(generated != ids)
