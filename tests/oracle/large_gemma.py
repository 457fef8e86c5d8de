"""Logits of a base and of its adapter from transformers and PEFT in single precision, at whatever shape: for the student's example `parity`.

usage: large_gemma.py BASE EXPECTED.safetensors [TOKENS]

BASE is what the student's example `random_base` writes, with its adapter in `adapter/`. Random tokens, more of them than a sliding window has;
of the logits only some rows are kept, at 262,144 tokens a row: around the window's end, and the last sixteen, which the student reads one at a
time. Not part of the tests: at Gemma 3 1B's shape it needs 6 GB of memory and minutes. There, with 640 tokens and the last 16 in steps, on 2026-11-30
(AVX-512): f32 1.3e-5 from the reference at most, i8packed 0.22 (0.18 of the logits' deviation); both the same largest logit in 25 rows of 25.
"""

import sys

import torch
from peft import PeftModel
from safetensors.torch import save_file
from transformers import Gemma3ForCausalLM

STEPS = 16


def main():
    base, out = sys.argv[1:3]
    tokens = int(sys.argv[3]) if len(sys.argv) > 3 else 640
    model = Gemma3ForCausalLM.from_pretrained(base, dtype=torch.float32, attn_implementation="eager").eval()
    # The checkpoint is in bfloat16, and so is the factor that it was made with: 34, where single precision has 33.94.
    embedding = model.get_input_embeddings()
    embedding.embed_scale = embedding.embed_scale.to(torch.bfloat16).float()
    ids = torch.randint(3, model.config.vocab_size, (1, tokens), generator=torch.Generator().manual_seed(5))
    window = model.config.sliding_window
    rows = sorted({0, 1, 127, 128, window - 1, window, window + 1, *range(tokens - STEPS - 2, tokens)} & set(range(tokens)))
    expected = {"ids": ids[0], "rows": torch.tensor(rows), "at_once": torch.tensor([tokens - STEPS])}
    with torch.no_grad():
        expected["base"] = model(ids, logits_to_keep=torch.tensor(rows)).logits[0].contiguous()
        adapted = PeftModel.from_pretrained(model, f"{base}/adapter")
        expected["adapter"] = adapted(ids, logits_to_keep=torch.tensor(rows)).logits[0].contiguous()
    save_file(expected, out)


if __name__ == "__main__":
    main()
