"""Fixtures from transformers and PEFT: a tiny random Gemma 3, its adapter, logits, gradients, chat tokens.

usage: tiny_gemma.py make FOLDER            writes the fixture
       tiny_gemma.py check FOLDER ADAPTER LOGITS.json
                                            compares {"ids": [...], "logits": [[...]]} of an adapter
                                            that the Rust trainer wrote with PEFT's own
"""

import json
import sys
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer
from transformers import Gemma3ForCausalLM, Gemma3TextConfig, PreTrainedTokenizerFast

TEMPLATE = (
    "{{ bos_token }}"
    "{%- if messages[0]['role'] == 'system' -%}"
    "{%- set first_user_prefix = messages[0]['content'] + '\n\n' -%}{%- set loop_messages = messages[1:] -%}"
    "{%- else -%}{%- set first_user_prefix = '' -%}{%- set loop_messages = messages -%}{%- endif -%}"
    "{%- for message in loop_messages -%}"
    "{%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}"
    "{{ raise_exception('roles must alternate') }}{%- endif -%}"
    "{%- if message['role'] == 'assistant' -%}{%- set role = 'model' -%}"
    "{%- else -%}{%- set role = message['role'] -%}{%- endif -%}"
    "{{ '<start_of_turn>' + role + '\n' + (first_user_prefix if loop.first else '') }}"
    "{{ message['content'] | trim }}{{ '<end_of_turn>\n' }}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{'<start_of_turn>model\n'}}{%- endif -%}"
)

TEXT = [
    "user\nYou are Mara, a shopkeeper in Oakford.\n\nHow much is the lantern?",
    "model\nThat will be 42 coins, friend. Anything else?",
    "The quest giver sends you to the old mill; wolves were seen there at night.",
    "Bring back three red apples and I shall pay you 15 silver coins.",
]

CHATS = [
    [("user", "How much is the lantern?")],
    [("system", "You are Mara, a shopkeeper."), ("user", "  How much is it?  ")],
    [("system", " You are Mara."), ("user", "Hello"), ("assistant", "That will be 42 coins. "), ("user", "Else?\n\nNo.")],
    [("user", "caf\u00e9 \u2014 \U0001f409 dragon"), ("assistant", ""), ("user", "")],
]


def tokenizer(vocab):
    """BPE with byte fallback, spaces as U+2581, no Unicode normalisation: Gemma's kind."""
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"]
    tok = Tokenizer(BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    tok.normalizer = normalizers.Replace(" ", "\u2581")
    tok.pre_tokenizer = pre_tokenizers.Split("\u2581", "merged_with_next")
    tok.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()])
    bytes_ = [f"<0x{b:02X}>" for b in range(256)]
    # The trainer keeps what it is told are special; the byte pieces become plain vocabulary below.
    tok.train_from_iterator(TEXT * 20, BpeTrainer(vocab_size=vocab, special_tokens=special + bytes_))
    data = json.loads(tok.to_str())
    data["added_tokens"] = [t for t in data["added_tokens"] if t["content"] in special]
    tok = Tokenizer.from_str(json.dumps(data))
    tok.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in special])
    return tok


def model(vocab):
    torch.manual_seed(7)
    config = Gemma3TextConfig(
        vocab_size=vocab, hidden_size=48, intermediate_size=80, num_hidden_layers=4, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, query_pre_attn_scalar=10, sliding_window=7, max_position_embeddings=256,
        layer_types=["sliding_attention", "full_attention", "sliding_attention", "full_attention"],
        bos_token_id=2, eos_token_id=[1, 5], pad_token_id=0, tie_word_embeddings=True, dtype="float32",
        attn_implementation="eager",
    )
    net = Gemma3ForCausalLM(config).eval()
    with torch.no_grad():
        for name, p in net.named_parameters():
            # Norm weights away from zero, or a forgotten `1 +` would not show.
            p.copy_(torch.randn_like(p) * (0.3 if "norm" in name else 0.15))
    return net


def adapter(net):
    torch.manual_seed(11)
    lora = LoraConfig(r=3, lora_alpha=5, lora_dropout=0.0, bias="none", task_type="CAUSAL_LM",
                      target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"])
    peft = get_peft_model(net, lora)
    with torch.no_grad():
        for name, p in peft.named_parameters():
            if "lora_" in name:
                p.copy_(torch.randn_like(p) * 0.2)
    return peft


def make(folder):
    folder.mkdir(parents=True, exist_ok=True)
    tok = tokenizer(384)
    tok.save(str(folder / "tokenizer.json"))
    vocab = tok.get_vocab_size()
    fast = PreTrainedTokenizerFast(tokenizer_object=tok, bos_token="<bos>", eos_token="<eos>", pad_token="<pad>")
    fast.chat_template = TEMPLATE
    chats = []
    for chat in CHATS:
        messages = [{"role": r, "content": c} for r, c in chat]
        text = fast.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        ids = fast(text, add_special_tokens=False)["input_ids"]
        chats.append({"messages": messages, "text": text, "ids": ids, "decoded": tok.decode(ids)})
    (folder / "chats.json").write_text(json.dumps(chats, indent=1, ensure_ascii=False) + "\n")

    net = model(vocab)
    net.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    torch.manual_seed(3)
    # Three sequences of different length, longer than the window, right-padded with 0.
    lengths, starts = [29, 21, 13], [17, 9, 4]
    ids = torch.randint(6, vocab, (3, 29))
    mask = torch.zeros_like(ids)
    labels = torch.full_like(ids, -100)
    for row, (n, s) in enumerate(zip(lengths, starts)):
        ids[row, n:] = 0
        mask[row, :n] = 1
        labels[row, s:n] = ids[row, s:n]
    out = {"ids": ids.tolist(), "lengths": lengths, "starts": starts}
    tensors = {}
    with torch.no_grad():
        tensors["base_logits"] = net(input_ids=ids[:1]).logits[0].contiguous()
    peft = adapter(net)
    logits = peft(input_ids=ids, attention_mask=mask).logits
    tensors["adapter_logits"] = logits[0].detach().contiguous()
    # Mean over all completion tokens of the batch.
    loss = torch.nn.functional.cross_entropy(logits[:, :-1].reshape(-1, vocab), labels[:, 1:].reshape(-1), ignore_index=-100)
    loss.backward()
    out["loss"] = loss.item()
    for name, p in peft.named_parameters():
        if "lora_" in name:
            tensors["grad." + name.replace(".default", "")] = p.grad.contiguous()
    peft.save_pretrained(folder / "adapter")
    (folder / "adapter" / "README.md").unlink(missing_ok=True)
    settings = json.loads((folder / "adapter" / "adapter_config.json").read_text())
    settings["base_model_name_or_path"] = "tiny_gemma"
    (folder / "adapter" / "adapter_config.json").write_text(json.dumps(settings, indent=1) + "\n")
    save_file(tensors, folder / "expected.safetensors")
    (folder / "expected.json").write_text(json.dumps(out) + "\n")
    print("vocabulary", vocab, "parameters", sum(p.numel() for p in net.parameters() if not p.requires_grad),
          "loss", loss.item(), "adapter moves logits by",
          (tensors["adapter_logits"] - tensors["base_logits"]).abs().max().item())


def check(folder, adapter_folder, ours):
    net = Gemma3ForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()
    given = json.loads(Path(ours).read_text())
    ids = torch.tensor([given["ids"]])
    with torch.no_grad():
        base = net(input_ids=ids).logits[0]
        theirs = PeftModel.from_pretrained(net, adapter_folder).eval()(input_ids=ids).logits[0]
    error = (theirs - torch.tensor(given["logits"])).abs().max().item()
    print("adapter moves logits by", (theirs - base).abs().max().item(), "max difference to ours", error)
    sys.exit(0 if error < 1e-4 else 1)


if __name__ == "__main__":
    if sys.argv[1:2] == ["make"]:
        make(Path(sys.argv[2]))
    elif sys.argv[1:2] == ["check"]:
        check(Path(sys.argv[2]), sys.argv[3], sys.argv[4])
    else:
        sys.exit(__doc__)
