"""Writes a Gemma 3 GGUF as a folder in Hugging Face's layout: config.json and model.safetensors in bfloat16.

Usage: dequantise.py IN.gguf TOKENIZER.json OUT_DIR     (needs the packages gguf and numpy)

The weights are what the quantised file holds, rounded once more to the number format that Google publishes; they are
not the published weights. bfloat16 is also what makes the reader round the embedding's factor as the reference does.
"""

import json
import os
import shutil
import sys

import numpy
from gguf import GGUFReader
from gguf.quants import dequantize

TOP = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}
LAYER = {
    "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm", "attn_norm": "input_layernorm",
    "post_attention_norm": "post_attention_layernorm", "ffn_norm": "pre_feedforward_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
    "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
}
# Neither stands in the file; both are the same for every Gemma 3 text model.
PATTERN = 6
ROPE_LOCAL = 10000.0
END_OF_TURN = 106


def name_of(name):
    if name in TOP:
        return TOP[name]
    _, layer, kind, _ = name.split(".")
    return f"model.layers.{layer}.{LAYER[kind]}.weight"


def bfloat16(values):
    """The two upper bytes of each float32, rounded to nearest, ties to even."""
    bits = numpy.ascontiguousarray(values, dtype=numpy.float32).view(numpy.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")


def main():
    source, tokenizer, out = sys.argv[1:]
    reader = GGUFReader(source)
    field = lambda key: reader.fields[key].contents()
    gemma = lambda key: field(f"gemma3.{key}")
    assert field("general.architecture") == "gemma3", "only Gemma 3 is known here"
    tensors = sorted((name_of(tensor.name), tensor) for tensor in reader.tensors)

    os.makedirs(out, exist_ok=True)
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, tensor in tensors:
        shape = [int(size) for size in reversed(tensor.shape)]
        size = 2 * int(numpy.prod(shape))
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    with open(os.path.join(out, "model.safetensors"), "wb") as file:
        file.write(len(head).to_bytes(8, "little") + head)
        for name, tensor in tensors:
            values = dequantize(tensor.data, tensor.tensor_type)
            # llama.cpp multiplies by the norm's weight, Gemma's own code by 1 + weight.
            if name.endswith("norm.weight"):
                values = values - 1.0
            file.write(bfloat16(values).tobytes())

    layers = gemma("block_count")
    config = {
        "architectures": ["Gemma3ForCausalLM"], "model_type": "gemma3_text",
        "vocab_size": len(reader.fields["tokenizer.ggml.tokens"].data),
        "hidden_size": gemma("embedding_length"), "intermediate_size": gemma("feed_forward_length"),
        "num_hidden_layers": layers, "num_attention_heads": gemma("attention.head_count"),
        "num_key_value_heads": gemma("attention.head_count_kv"), "head_dim": gemma("attention.key_length"),
        "hidden_activation": "gelu_pytorch_tanh", "rms_norm_eps": round(gemma("attention.layer_norm_rms_epsilon"), 12),
        "query_pre_attn_scalar": gemma("attention.key_length"), "sliding_window": gemma("attention.sliding_window"),
        "layer_types": ["full_attention" if (i + 1) % PATTERN == 0 else "sliding_attention" for i in range(layers)],
        "rope_parameters": {
            "full_attention": {"rope_type": "default", "rope_theta": gemma("rope.freq_base")},
            "sliding_attention": {"rope_type": "default", "rope_theta": ROPE_LOCAL},
        },
        "max_position_embeddings": gemma("context_length"),
        "attention_bias": False, "attention_dropout": 0.0, "attn_logit_softcapping": None, "final_logit_softcapping": None,
        "tie_word_embeddings": True, "dtype": "bfloat16",
        "bos_token_id": field("tokenizer.ggml.bos_token_id"), "pad_token_id": field("tokenizer.ggml.padding_token_id"),
        "eos_token_id": [field("tokenizer.ggml.eos_token_id"), END_OF_TURN],
    }
    with open(os.path.join(out, "config.json"), "w", encoding="utf-8") as file:
        json.dump(config, file, indent=2)
    shutil.copyfile(tokenizer, os.path.join(out, "tokenizer.json"))
    print(f"{len(tensors)} tensors, {offset / 1e6:.0f} MB in {out}")


if __name__ == "__main__":
    main()
