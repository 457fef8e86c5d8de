"""Fixture from transformers: a tiny random DeBERTa v2 that judges entailment, as a graph, with its logits of awkward pairs.

The architecture is that of mDeBERTa-v3-base-xnli-multilingual-nli-2mil7: relative attention with shared keys, position buckets,
layer norm of the relative embeddings, no absolute positions, one kind of token; in `typed/` two kinds, and the labels in another order.

usage: tiny_deberta.py FOLDER
"""

import json
import sys
from pathlib import Path

import onnx
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import DebertaV2Config, DebertaV2ForSequenceClassification

POSITIONS = 40
PIECES = """the a rope cost s seven gold coin answer word words use at most least ▁the ▁a ▁rope ▁cost ▁seven ▁gold ▁answer
▁word ▁use ▁at ▁most ▁least ▁no ▁not ▁must ▁may ▁end ▁begin ▁with ▁in ▁of ▁dragon ▁and ▁5 ▁10 ▁40 5 1 0 4 . , ! ? " ' - ▁ 東 京
é ü""".split() + [chr(c) for c in range(ord("a"), ord("z") + 1)]

PAIRS = [
    ("Use at most 5 words.", "The answer must use no more than 5 words."),
    ("Use at most 5 words.", "Use at least 10 words."),
    ("", ""),
    ("Never use the word \"dragon\".", ""),
    ("", "End with gold"),
    ("東京 caf\u00e9 \U0001f409", "unknown \u2014 signs \u00df"),
    ("a [SEP] b [CLS] [MASK]", "[PAD] <unk> [SEP]"),
    ("Use the word gold in the answer and end with it. " * 6, "The rope costs seven gold."),
    ("The rope costs seven gold.", "Use the word gold in the answer and end with it. " * 6),
    ("at most " * 30, "at least " * 30),
    ("Tabs\tand\n\nbreaks  and\u00a0blanks", "ＦＵＬＬ width"),
]


def tokenizer():
    special = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]
    pieces = [(token, 0.0) for token in special] + [(piece, -2.0 - 0.05 * at) for at, piece in enumerate(dict.fromkeys(PIECES))]
    made = Tokenizer(models.Unigram(pieces + [("[MASK]", 0.0)], unk_id=3))
    made.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Strip(), normalizers.Replace("  ", " ")])
    made.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    made.decoder = decoders.Metaspace()
    made.add_special_tokens([*special, "[MASK]"])
    made.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    return made


def network(words, seed, types, labels):
    torch.manual_seed(seed)
    config = DebertaV2Config(
        vocab_size=words, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48,
        max_position_embeddings=POSITIONS, type_vocab_size=types, relative_attention=True, position_buckets=8,
        max_relative_positions=-1, pos_att_type=["p2c", "c2p"], share_att_key=True, norm_rel_ebd="layer_norm",
        position_biased_input=False, layer_norm_eps=1e-7, pooler_hidden_size=32, hidden_act="gelu", pooler_hidden_act="gelu",
        pad_token_id=0, id2label=dict(enumerate(labels)),
    )
    net = DebertaV2ForSequenceClassification(config).eval()
    with torch.no_grad():
        for name, p in net.named_parameters():
            # Biases and norms away from 0 and 1, or a forgotten one would not show.
            p.copy_(torch.randn_like(p) * 0.3 + (1.0 if name.endswith("LayerNorm.weight") else 0.0))
    return net, config


class Graph(torch.nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, input_ids, attention_mask):
        return self.net(input_ids=input_ids, attention_mask=attention_mask).logits


class TypedGraph(Graph):
    def forward(self, input_ids, attention_mask, token_type_ids):
        return self.net(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids).logits


def logits(net, encoding, types):
    row = lambda values: torch.tensor([values])
    kinds = {"token_type_ids": row(encoding.type_ids)} if types else {}
    with torch.no_grad():
        return net(input_ids=row(encoding.ids), attention_mask=row(encoding.attention_mask), **kinds).logits[0]


def bare(path):
    """The graph without what the exporter notes about its own source."""
    model = onnx.load(path)
    for part in [model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer, *model.graph.input, *model.graph.output]:
        del part.metadata_props[:]
        part.doc_string = ""
    del model.graph.value_info[:]
    onnx.save(model, path)


def make(folder, types, labels):
    folder.mkdir(parents=True, exist_ok=True)
    words = tokenizer()
    words.save(str(folder / "tokenizer.json"))
    # As the project does: the spelling of a control token inside a text stays text.
    words.encode_special_tokens = True
    words.enable_truncation(POSITIONS)
    encodings = [words.encode(premise, hypothesis) for premise, hypothesis in PAIRS]
    # The first weights by which every label is given to some pair.
    for seed in range(1000):
        net, config = network(words.get_vocab_size(), seed, types, labels)
        rows = [logits(net, encoding, types) for encoding in encodings]
        if {int(row.argmax()) for row in rows} == {0, 1, 2}:
            break
    config.to_json_file(folder / "config.json")
    inputs = ["input_ids", "attention_mask"] + (["token_type_ids"] if types else [])
    example = torch.tensor([[1, 5, 6, 2, 7, 8, 9, 2]])
    axes = {1: torch.export.Dim("sequence", min=3, max=512)}
    torch.onnx.export(
        (TypedGraph if types else Graph)(net).eval(), (example, *[torch.ones_like(example) for _ in inputs[1:]]),
        str(folder / "model.onnx"), input_names=inputs, output_names=["logits"], dynamic_shapes=[axes] * len(inputs),
        dynamo=True, external_data=False, opset_version=18)
    bare(folder / "model.onnx")
    out = [{"premise": premise, "hypothesis": hypothesis, "ids": encoding.ids, "logits": row.tolist()}
           for (premise, hypothesis), encoding, row in zip(PAIRS, encodings, rows)]
    (folder / "expected.json").write_text(json.dumps(out) + "\n")
    print("seed", seed, "vocabulary", words.get_vocab_size(), "parameters", sum(p.numel() for p in net.parameters()))
    print([int(row.argmax()) for row in rows], [len(encoding.ids) for encoding in encodings])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    make(Path(sys.argv[1]), 0, ["Entailment", "neutral", "CONTRADICTION"])
    make(Path(sys.argv[1]) / "typed", 2, ["contradiction", "entailment", "neutral"])
