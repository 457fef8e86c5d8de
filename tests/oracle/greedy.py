"""Decodes held-out prompts greedily with transformers and PEFT: is what the trainer calls exact what a model says?

usage: greedy.py BASE_FOLDER ADAPTER_FOLDER|none HELD_OUT.jsonl [COUNT]
"""

import json
import sys

import torch
from peft import PeftModel
from transformers import AutoTokenizer, Gemma3ForCausalLM

base, adapter, data = sys.argv[1:4]
count = int(sys.argv[4]) if len(sys.argv) > 4 else 100
tokenizer = AutoTokenizer.from_pretrained(base)
end = tokenizer.convert_tokens_to_ids("<end_of_turn>")
# The checkpoint's own format decides the embedding scale; the sums are f32 as in training.
model = Gemma3ForCausalLM.from_pretrained(base, dtype=torch.float32, attn_implementation="eager").eval()
model.model.embed_tokens.embed_scale.fill_(torch.tensor(model.config.hidden_size**0.5).to(torch.bfloat16).float())
if adapter != "none":
    model = PeftModel.from_pretrained(model, adapter).eval()
right = total = 0
for line in list(open(data))[:count]:
    *turns, reply = json.loads(line)["messages"]
    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    ids = tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        out = model.generate(input_ids=ids, max_new_tokens=80, do_sample=False, eos_token_id=[1, end], pad_token_id=0)
    said = tokenizer.decode(out[0, ids.shape[1]:], skip_special_tokens=True)
    total += 1
    right += said == reply["content"]
    if said != reply["content"] and total - right < 3:
        print("said", repr(said), "for", repr(reply["content"]))
print(f"{right} of {total} replies exact")
