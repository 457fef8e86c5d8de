"""Fixtures from transformers: a tiny random BERT with its embeddings; embeddings of a real sentence encoder; a foreign graph.

usage: tiny_bert.py make FOLDER             writes the fixture
       tiny_bert.py foreign FOLDER          writes an encoder that is not our export: token types in, one vector out
       tiny_bert.py embed FOLDER OUT.json   embeds the texts with sentence-transformers' own loader
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import torch
from sentence_transformers import SentenceTransformer
from transformers import BertConfig, BertModel, BertTokenizerFast

WORDS = """[PAD] [UNK] [CLS] [SEP] [MASK] the a rope costs seven gold coins is old mill night wolves bring me red apples
friend how much lantern ##s ##ing ##er cafe dragon . , ? ! ' ; - to at in of and you i will pay 7 ##7 15 42 east west
walk never ##ly 東 京""".split() + [chr(c) for c in range(ord("b"), ord("h"))]

TEXTS = [
    "The rope costs seven gold.",
    "Seven gold is what the rope costs, friend!",
    "WOLVES walk at night; never walk to the old mill.",
    "How much is the Caf\u00e9 lantern?",
    "\u6771\u4eac \U0001f409 zebra \u2014 unknown words",
    "",
    "a [SEP] b [MASK]",
    "I'll pay you 15 gold coins and 42 red apples. " * 12,
    "Bring me 77 apples\tand\n\nwalk  east\u00a0west.",
]


def make(folder):
    folder.mkdir(parents=True, exist_ok=True)
    vocab = folder / "vocab.txt"
    vocab.write_text("\n".join(WORDS) + "\n")
    tokenizer = BertTokenizerFast(vocab={word: at for at, word in enumerate(WORDS)}, do_lower_case=True)
    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(5)
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=56,
        max_position_embeddings=24, type_vocab_size=2, layer_norm_eps=1e-7, hidden_act="gelu",
    )
    net = BertModel(config, add_pooling_layer=False).eval()
    with torch.no_grad():
        for name, p in net.named_parameters():
            # Biases and norms away from 0 and 1, or a forgotten one would not show.
            p.copy_(torch.randn_like(p) * 0.4 + (1.0 if name.endswith("LayerNorm.weight") else 0.0))
    net.save_pretrained(folder)
    out = []
    for text in TEXTS:
        # As the project does: the spelling of a control token inside a text stays text.
        tokenizer.backend_tokenizer.encode_special_tokens = True
        ids = tokenizer.backend_tokenizer.encode(text).ids
        if len(ids) > 24:
            ids = ids[:23] + ids[-1:]
        with torch.no_grad():
            hidden = net(input_ids=torch.tensor([ids])).last_hidden_state[0]
        vector = torch.nn.functional.normalize(hidden.mean(dim=0), dim=0)
        out.append({"text": text, "ids": ids, "embedding": vector.tolist()})
    (folder / "expected.json").write_text(json.dumps(out) + "\n")
    print("vocabulary", len(WORDS), "parameters", sum(p.numel() for p in net.parameters()))


def foreign(folder):
    """The mean of a table's rows plus a row of the token types; three numbers, vocab.txt alone beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    rng = np.random.default_rng(3)
    table, types = (rng.normal(size=(rows, 3)).astype(np.float32) for rows in (len(WORDS), 2))
    h, node = onnx.helper, onnx.helper.make_node
    tokens = [h.make_tensor_value_info(name, onnx.TensorProto.INT64, ["batch", "sequence"])
              for name in ("input_ids", "attention_mask", "token_type_ids")]
    nodes = [node("Gather", ["table", "input_ids"], ["rows"]), node("Gather", ["types", "token_type_ids"], ["kinds"]),
             node("Add", ["rows", "kinds"], ["sum"]),
             node("ReduceMean", ["sum", "axis"], ["sentence_embedding"], keepdims=0)]
    constants = [onnx.numpy_helper.from_array(a, name) for name, a in
                 (("table", table), ("types", types), ("axis", np.array([1], np.int64)))]
    out = [h.make_tensor_value_info("sentence_embedding", onnx.TensorProto.FLOAT, ["batch", 3])]
    graph = h.make_graph(nodes, "foreign", tokens, out, constants)
    onnx.save(h.make_model(graph, opset_imports=[h.make_opsetid("", 18)], ir_version=8), str(folder / "model.onnx"))
    ids = [2, WORDS.index("red"), WORDS.index("apples"), WORDS.index("cafe"), 3]
    vector = table[ids].mean(axis=0) + types[0]
    expected = {"text": "RED apples caf\u00e9", "embedding": (vector / np.linalg.norm(vector)).tolist()}
    (folder / "expected.json").write_text(json.dumps(expected) + "\n")


def embed(folder, out):
    model = SentenceTransformer(str(folder), device="cpu")
    # The spelling of a control token is the one thing that sentence-transformers reads otherwise.
    texts = [text for text in TEXTS if "[SEP]" not in text] + ["The wind is cold tonight. " * 80]
    vectors = [model.encode([text], normalize_embeddings=True)[0] for text in texts]
    rows = [{"text": t, "embedding": [round(float(v), 7) for v in row]} for t, row in zip(texts, vectors)]
    out.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
    print("positions", model.max_seq_length, "width", len(vectors[0]))


if __name__ == "__main__":
    if sys.argv[1:2] == ["make"]:
        make(Path(sys.argv[2]))
    elif sys.argv[1:2] == ["foreign"]:
        foreign(Path(sys.argv[2]))
    elif sys.argv[1:2] == ["embed"]:
        embed(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        sys.exit(__doc__)
