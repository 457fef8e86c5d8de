"""Fixtures from TRL: the losses and gradients of KTOTrainer and DPOTrainer on the tiny Gemma 3 with its adapter.

usage: preference.py TINY_GEMMA FOLDER

Everything up to the loss is TRL's own: templates, tokens, the mismatched pairs, batches, the frozen copy of the
adapter, `compute_loss`. The policy is the adapter plus a small random step, so that no log-ratio is 0.
"""

import json
import logging
import sys
import tempfile
from pathlib import Path

import torch
from datasets import Dataset
from peft import PeftModel
from safetensors.torch import save_file
from transformers import Gemma3ForCausalLM, PreTrainedTokenizerFast
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer
from trl.trainer.utils import use_adapter

from tiny_gemma import TEMPLATE

FLOAT32 = torch.float32
BETA = 0.3
BATCH = 4
# Seeds of two policies: one's mismatched log-ratios have a mean above 0, the other's below.
UP, DOWN = 7, 8
# Each block of BATCH rows is one batch: mixed labels, only desirable, only undesirable.
ROWS = [
    ("How much is the lantern?", "That will be 42 coins, friend.", True),
    ("Hello", "Else?", False),
    ("You are Mara.\n\nWhat do you pay for three red apples?", "15 silver coins.", False),
    ("Who sends me?", "The quest giver sends you to the old mill; wolves were seen there.", True),
    ("How much is the apple?", "7 coins.", True),
    ("Where is the mill?", "Near Oakford, friend. Anything else?", True),
    ("Hello", "Hello", True),
    ("Is it night?", "No.", True),
    ("What do you sell?", "wolves wolves", False),
    ("Who are you?", "I am a large language model and I cannot help with lanterns.", False),
    ("How much?", "9", False),
    ("What of the wolves at night?", "", False),
]
PAIRS = [
    ("How much is the lantern?", "That will be 42 coins, friend.", "Bring back three red apples."),
    ("Hello", "Hello. Anything else?", "No"),
    ("Who sends me to the old mill?", "The quest giver.", "Wolves were seen there at night, friend."),
]


def user(text):
    return [{"role": "user", "content": text}]


def assistant(text):
    return [{"role": "assistant", "content": text}]


def pieces(folder):
    tok = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), bos_token="<bos>", eos_token="<eos>",
                                  pad_token="<pad>")
    tok.chat_template = TEMPLATE
    net = Gemma3ForCausalLM.from_pretrained(folder, attn_implementation="eager", dtype=torch.float64)
    return tok, PeftModel.from_pretrained(net, folder / "adapter", is_trainable=True).double()


def widen():
    """transformers' norms and softmax and TRL's fused head compute in float32 whatever the weights are. The formulas
    stay theirs; only the number format becomes float64, so that a test can hold 1e-5 where float32 would drown it."""
    torch.Tensor.float = torch.Tensor.double
    torch.float32 = torch.float = torch.float64


def arguments(config, **more):
    return config(output_dir=tempfile.mkdtemp(), per_device_train_batch_size=BATCH, beta=BETA, use_cpu=True,
                  gradient_checkpointing=False, bf16=False, report_to=[], max_length=None, **more)


def trained(model):
    return [(n, p) for n, p in model.named_parameters() if ".default." in n]


def step(model, seed):
    """Moves the policy away from the reference."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in trained(model):
            reference = model.get_parameter(name.replace(".default.", ".ref."))
            noise = torch.randn(p.shape, generator=generator) * 0.02
            # The fixture keeps float32: both sides compute in float64 from the same numbers.
            p.copy_((reference + noise).to(FLOAT32))


def sequences(batch, prefix=""):
    ids, attention, mask = (batch[f"{prefix}{k}"] for k in ("input_ids", "attention_mask", "completion_mask"))
    rows = []
    for row, there, learnt in zip(ids.tolist(), attention.tolist(), mask.tolist()):
        length = sum(there)
        rows.append({"ids": row[:length], "start": learnt.index(1)})
        assert all(learnt[rows[-1]["start"] : length]), "one completion at the end"
    return rows


def log_ratios(model, batch):
    """By sequence: what the policy gives its completion over what the reference does, nats."""
    labels = batch["input_ids"].masked_fill(batch["completion_mask"] == 0, -100)
    given = {"input_ids": batch["input_ids"], "attention_mask": batch["attention_mask"], "labels": labels}
    with torch.no_grad():
        policy = model(**given, fused_lm_head=True).log_probs.sum(-1)
        with use_adapter(model, adapter_name="ref"):
            return (policy - model(**given, fused_lm_head=True).log_probs.sum(-1)).tolist()


def judge(trainer, batch, name, tensors, tag):
    model = trainer.model
    model.train()
    model.zero_grad()
    trainer._metrics["train"].clear()
    loss = trainer.compute_loss(model, batch)
    loss.backward()
    for parameter, p in trained(model):
        tensors[f"{name}.{parameter.replace('.default', '')}"] = p.grad.contiguous().clone()
    said = {key: values[-1] for key, values in trainer._metrics["train"].items()}
    return {"name": name, "policy": tag, "loss": loss.item(), "kl": said.get("kl"),
            "log_ratios": log_ratios(model, batch),
            "rewards_chosen": said.get("rewards/chosen"), "rewards_rejected": said.get("rewards/rejected"),
            "rewards_margins": said.get("rewards/margins"), "rewards_accuracies": said.get("rewards/accuracies")}


def keep_policy(model, tensors, tag):
    for parameter, p in trained(model):
        tensors[f"{tag}.{parameter.replace('.default', '')}"] = p.detach().to(FLOAT32).clone()


def main(folder, out):
    out.mkdir(parents=True, exist_ok=True)
    logging.disable(logging.WARNING)
    tensors, policies, cases = {}, {}, []
    (tok, model), (_, dpo_model) = pieces(folder), pieces(folder)
    widen()
    data = Dataset.from_list([{"prompt": user(p), "completion": assistant(c), "label": l} for p, c, l in ROWS])
    trainer = KTOTrainer(model, args=arguments(KTOConfig), train_dataset=data, processing_class=tok)
    trainer.model.double()
    rows = list(trainer.train_dataset)
    mixed, good, bad = (trainer.data_collator(rows[i : i + BATCH]) for i in (0, BATCH, 2 * BATCH))
    runs = [("mixed", mixed, UP, 1.0, 1.0), ("mixed_clamped", mixed, DOWN, 1.0, 1.0), ("weighted", mixed, UP, 1.5, 0.75),
            ("desirable", good, UP, 1.0, 1.0), ("undesirable", bad, UP, 1.0, 1.33)]
    for name, batch, seed, trainer.desirable_weight, trainer.undesirable_weight in runs:
        step(trainer.model, seed)
        tag = "up" if seed == UP else "down"
        keep_policy(trainer.model, policies, tag)
        case = judge(trainer, batch, name, tensors, tag)
        case |= {"desirable_weight": trainer.desirable_weight, "undesirable_weight": trainer.undesirable_weight,
                 "sequences": sequences(batch), "mismatched": sequences(batch, "KL_"),
                 "labels": batch["label"].tolist()}
        cases.append(case)
    kto = {case["name"]: case for case in cases}
    assert kto["mixed"]["kl"] > 0.01 and kto["mixed_clamped"]["kl"] == 0.0, "both sides of the clamp"

    data = Dataset.from_list([{"prompt": user(p), "chosen": assistant(c), "rejected": assistant(r)} for p, c, r in PAIRS])
    trainer = DPOTrainer(dpo_model, args=arguments(DPOConfig), train_dataset=data, processing_class=tok)
    trainer.model.double()
    step(trainer.model, UP)
    batch = trainer.data_collator(list(trainer.train_dataset))
    case = judge(trainer, batch, "dpo", tensors, "up")
    # TRL's batch is all chosen ones, then all rejected ones.
    cases.append(case | {"sequences": sequences(batch), "labels": [True] * len(PAIRS) + [False] * len(PAIRS)})

    save_file(tensors, out / "gradients.safetensors")
    save_file(policies, out / "policies.safetensors")
    (out / "cases.json").write_text(json.dumps({"beta": BETA, "cases": cases}, indent=None) + "\n")
    for case in cases:
        print({key: value for key, value in case.items() if key not in ("sequences", "mismatched")})


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
