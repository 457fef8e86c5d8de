"""llama.cpp as student.py's measure: writes a base's random weights as its model file, and times what the example `speed` times.

Usage: llama.py make BASE OUT.gguf [--embedding q8_0] [--adapter OUT]          (needs the packages gguf and numpy)
       llama.py run LIBRARIES MODEL THREADS SEED CASE [--adapter FILE]

`make`: every matrix in Q4_0, the embedding too, which is the head as well (llama.cpp's own converter would leave it at Q8_0 where a row is no
multiple of 256, as here); norms in f32. `--adapter` writes the base's LoRA beside it.
`run`: one case of `speed` with the same prompts, through the C API, a line of JSON each; its keys are those of `speed`. Settings are the
library's own; a context has room for 1,024 tokens of each answer. Samples as llama.cpp's server does: of the 40 likeliest tokens, at temperature 1.
Its `open` warms up, as the server does. A request whose beginning is known goes on from where the last one's memory agrees. JSON follows the
grammar that llama.cpp's converter makes of the schema of `speed` (llama.gbnf), as its server keeps to it: a token is drawn freely, and only where the grammar
refuses it, which random weights nearly always have it do, all tokens are checked. `json_schema, of itself` is the other end: a model that
would have written the JSON anyway, so that no token is refused.
"""

import argparse
import ctypes
import glob
import json
import os
import re
import resource
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
# The layouts below are this version's; any other is refused.
VERSION = "0.5.0-dev"
CONTEXT = 1024
AT_ONCE_MAX = 16
WORDS = ["the", "old", "mill", "is", "near", "our", "north", "gate"]
# As `speed` has them.
SYSTEM_WORDS, LINE_WORDS, REPLY_TOKENS, WRITE_TOKENS, JSON_TOKENS = 594, 34, 80, 64, 200
QUEST = {
    "quest_title": "The lost grain of the old mill", "quest_giver": "miller", "reward_in_coins": 120,
    "objectives": [
        {"description": "Ask the harbour master which of the ships carried grain", "location_on_the_map": "harbour"},
        {"description": "Search the cellar of the mill for the broken wheel", "location_on_the_map": "old mill"},
        {"description": "Catch the thief before he leaves through the gate", "location_on_the_map": "north gate"},
    ],
}


# Making the model file.


def tensors(path):
    """Names and values in f32 of a safetensors file; one tensor of it in memory at a time."""
    import numpy

    data = numpy.memmap(path, dtype=numpy.uint8, mode="r")
    length = int(data[:8].view("<u8")[0])
    for name, about in json.loads(data[8:8 + length].tobytes()).items():
        if name != "__metadata__":
            begin, end = (8 + length + at for at in about["data_offsets"])
            raw = data[begin:end]
            values = raw.view("<f4") if about["dtype"] == "F32" else (raw.view("<u2").astype("<u4") << 16).view("<f4")
            yield name, values.reshape(about["shape"])


def add_tokens(writer, tokenizer):
    """Gemma's pieces; a piece's score says which pair is merged first, which is the one with the lower number."""
    from gguf import TokenType

    with open(tokenizer, encoding="utf-8") as file:
        content = json.load(file)
    pieces = sorted(content["model"]["vocab"].items(), key=lambda entry: entry[1])
    assert [number for _, number in pieces] == list(range(len(pieces))), "a number without a piece"
    kinds = [TokenType.BYTE if re.fullmatch("<0x[0-9A-F]{2}>", piece) else TokenType.NORMAL for piece, _ in pieces]
    for added in content["added_tokens"]:
        if added["id"] >= len(kinds):
            continue  # The image's token, of which this model has no embedding.
        kinds[added["id"]] = TokenType.CONTROL if added["special"] else TokenType.USER_DEFINED
    number = dict(pieces)
    kinds[number["<unk>"]] = TokenType.UNKNOWN
    # Some tokenizer files do not say that these are.
    for piece in ("<start_of_turn>", "<end_of_turn>"):
        kinds[number[piece]] = TokenType.CONTROL
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([piece.encode() for piece, _ in pieces])
    writer.add_token_scores([-float(at) for at in range(len(pieces))])
    writer.add_token_types(kinds)
    writer.add_add_space_prefix(False)
    writer.add_add_bos_token(True)
    writer.add_bos_token_id(number["<bos>"])
    writer.add_eos_token_id(number["<eos>"])
    writer.add_eot_token_id(number["<end_of_turn>"])
    writer.add_pad_token_id(number["<pad>"])
    writer.add_unk_token_id(number["<unk>"])


def make(options):
    sys.path.insert(0, os.path.join(HERE, "real_teacher"))
    import numpy
    from dequantise import LAYER, TOP
    from gguf import GGMLQuantizationType, GGUFWriter, LlamaFileType
    from gguf.quants import quantize

    ours = {name: to for to, name in LAYER.items()}
    top = {name: to for to, name in TOP.items()}

    def name_of(name):
        if name in top:
            return top[name]
        layer, part = re.fullmatch(r"model\.layers\.(\d+)\.(.*)\.weight", name).groups()
        return f"blk.{layer}.{ours[part]}.weight"

    with open(os.path.join(options.base, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    writer = GGUFWriter(options.out, "gemma3")
    writer.add_name("random")
    writer.add_file_type(LlamaFileType.MOSTLY_Q4_0)
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_parameters"]["full_attention"]["rope_theta"])
    writer.add_sliding_window(config["sliding_window"])
    add_tokens(writer, os.path.join(options.base, "tokenizer.json"))
    for name, values in tensors(os.path.join(options.base, "model.safetensors")):
        if name.endswith("norm.weight"):
            # llama.cpp multiplies by the norm's weight, Gemma's own code by 1 + weight.
            writer.add_tensor(name_of(name), values + 1)
        else:
            kind = GGMLQuantizationType[options.embedding.upper() if name in top else "Q4_0"]
            parts = [quantize(values[at:at + 4096], kind) for at in range(0, len(values), 4096)]
            writer.add_tensor(name_of(name), numpy.concatenate(parts), raw_dtype=kind)
    write(writer)
    if options.adapter:
        with open(os.path.join(options.base, "adapter", "adapter_config.json"), encoding="utf-8") as file:
            alpha = json.load(file)["lora_alpha"]
        writer = GGUFWriter(options.adapter, "gemma3")
        writer.add_type("adapter")
        writer.add_string("adapter.type", "lora")
        writer.add_float32("adapter.lora.alpha", float(alpha))
        for name, values in tensors(os.path.join(options.base, "adapter", "adapter_model.safetensors")):
            linear, side = re.fullmatch(r"base_model\.model\.(.*)\.lora_(A|B)\.weight", name).groups()
            writer.add_tensor(f"{name_of(linear + '.weight')}.lora_{side.lower()}", numpy.array(values))
        write(writer)


def write(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


# The C API, as far as it is needed: include/llama.h of the version above.

INT, FLOAT, BOOL, POINTER, TEXT = ctypes.c_int32, ctypes.c_float, ctypes.c_bool, ctypes.c_void_p, ctypes.c_char_p


class ModelParams(ctypes.Structure):
    _fields_ = [
        ("devices", POINTER), ("tensor_buft_overrides", POINTER), ("n_gpu_layers", INT), ("split_mode", INT), ("load_mode", INT),
        ("lazy_mode", INT), ("main_gpu", INT), ("tensor_split", POINTER), ("progress_callback", POINTER),
        ("progress_callback_user_data", POINTER), ("kv_overrides", POINTER), ("vocab_only", BOOL), ("check_tensors", BOOL),
        ("use_extra_bufts", BOOL), ("no_host", BOOL), ("no_alloc", BOOL), ("load_mtp", BOOL),
    ]


class ContextParams(ctypes.Structure):
    _fields_ = [
        ("n_ctx", INT), ("n_batch", INT), ("n_ubatch", INT), ("n_seq_max", INT), ("n_rs_seq", INT), ("n_outputs_max", INT),
        ("n_outputs_max_per_seq", INT), ("n_threads", INT), ("n_threads_batch", INT), ("ctx_type", INT), ("rope_scaling_type", INT),
        ("pooling_type", INT), ("attention_type", INT), ("flash_attn_type", INT), ("rope_freq_base", FLOAT), ("rope_freq_scale", FLOAT),
        ("yarn_ext_factor", FLOAT), ("yarn_attn_factor", FLOAT), ("yarn_beta_fast", FLOAT), ("yarn_beta_slow", FLOAT),
        ("yarn_orig_ctx", INT), ("defrag_thold", FLOAT), ("cb_eval", POINTER), ("cb_eval_user_data", POINTER), ("type_k", INT),
        ("type_v", INT), ("abort_callback", POINTER), ("abort_callback_data", POINTER), ("embeddings", BOOL), ("offload_kqv", BOOL),
        ("no_perf", BOOL), ("op_offload", BOOL), ("swa_full", BOOL), ("kv_unified", BOOL), ("samplers", POINTER),
        ("n_samplers", ctypes.c_size_t), ("ctx_other", POINTER),
    ]


class ChainParams(ctypes.Structure):
    _fields_ = [("no_perf", BOOL)]


class Batch(ctypes.Structure):
    _fields_ = [
        ("n_tokens", INT), ("token", ctypes.POINTER(INT)), ("embd", POINTER), ("pos", ctypes.POINTER(INT)), ("n_seq_id", ctypes.POINTER(INT)),
        ("seq_id", ctypes.POINTER(ctypes.POINTER(INT))), ("logits", ctypes.POINTER(ctypes.c_int8)),
    ]


class Candidate(ctypes.Structure):
    _fields_ = [("id", INT), ("logit", FLOAT), ("p", FLOAT)]


class Candidates(ctypes.Structure):
    _fields_ = [("data", ctypes.POINTER(Candidate)), ("size", ctypes.c_size_t), ("selected", ctypes.c_int64), ("sorted", BOOL)]


FUNCTIONS = {
    "version": (TEXT, []),
    "backend_init": (None, []),
    "log_set": (None, [POINTER, POINTER]),
    "model_default_params": (ModelParams, []),
    "context_default_params": (ContextParams, []),
    "sampler_chain_default_params": (ChainParams, []),
    "model_load_from_file": (POINTER, [TEXT, ModelParams]),
    "model_get_vocab": (POINTER, [POINTER]),
    "model_desc": (INT, [POINTER, TEXT, ctypes.c_size_t]),
    "model_size": (ctypes.c_uint64, [POINTER]),
    "model_n_swa": (INT, [POINTER]),
    "init_from_model": (POINTER, [POINTER, ContextParams]),
    "set_warmup": (None, [POINTER, BOOL]),
    "get_memory": (POINTER, [POINTER]),
    "memory_clear": (None, [POINTER, BOOL]),
    "memory_seq_rm": (BOOL, [POINTER, INT, INT, INT]),
    "batch_init": (Batch, [INT, INT, INT]),
    "decode": (INT, [POINTER, Batch]),
    "tokenize": (INT, [POINTER, TEXT, INT, ctypes.POINTER(INT), INT, BOOL, BOOL]),
    "vocab_is_eog": (BOOL, [POINTER, INT]),
    "sampler_chain_init": (POINTER, [ChainParams]),
    "sampler_chain_add": (None, [POINTER, POINTER]),
    "sampler_init_top_k": (POINTER, [INT]),
    "sampler_init_temp": (POINTER, [FLOAT]),
    "sampler_init_dist": (POINTER, [ctypes.c_uint32]),
    "sampler_init_grammar": (POINTER, [POINTER, TEXT, TEXT]),
    "sampler_sample": (INT, [POINTER, POINTER, INT]),
    "sampler_apply": (None, [POINTER, ctypes.POINTER(Candidates)]),
    "sampler_accept": (None, [POINTER, INT]),
    "adapter_lora_init": (POINTER, [POINTER, TEXT]),
    "set_adapters_lora": (INT, [POINTER, ctypes.POINTER(POINTER), ctypes.c_size_t, ctypes.POINTER(FLOAT)]),
}
LOGGED = ctypes.CFUNCTYPE(None, INT, TEXT, POINTER)
# Of what it says while it opens: which weights were laid out anew for this processor, and that some layers see a window only.
SAID = re.compile(r"(CPU\w* model buffer size\s*=.*|creating .*KV cache.*|n_swa\s*=.*|is_swa_any\s*=.*|freq_base_swa\s*=.*|Flash Attention.*)")


class Llama:
    """A model opened for a number of answers at once, each of `CONTEXT` tokens."""

    def __init__(self, options, at_once):
        start, cpu = time.monotonic(), cpu_s()
        self.load_library(options.libraries)
        params = self.call("model_default_params")
        self.model = self.call("model_load_from_file", options.model.encode(), params)
        self.vocab = self.call("model_get_vocab", self.model)
        params = self.call("context_default_params")
        known = (params.n_batch, params.n_ubatch, params.type_k, params.type_v, params.flash_attn_type, params.swa_full, params.kv_unified)
        assert known == (2048, 512, 1, 1, -1, True, False), f"the layout of its settings is another: {known}"
        params.n_ctx, params.n_seq_max = CONTEXT * at_once, at_once
        params.n_threads = params.n_threads_batch = options.threads
        self.context = self.call("init_from_model", self.model, params)
        self.memory = self.call("get_memory", self.context)
        self.batch = self.call("batch_init", params.n_batch, 0, 1)
        if options.adapter:
            adapter = POINTER(self.call("adapter_lora_init", self.model, options.adapter.encode()))
            assert self.call("set_adapters_lora", self.context, ctypes.byref(adapter), 1, ctypes.byref(FLOAT(1.0))) == 0
        self.call("set_warmup", self.context, True)
        self.decode([(0, 0, [2, 1])])
        self.call("memory_clear", self.memory, True)
        self.call("set_warmup", self.context, False)
        text = ctypes.create_string_buffer(128)
        self.call("model_desc", self.model, text, len(text))
        show(
            case="open", wall_s=time.monotonic() - start, cpu_s=cpu_s() - cpu, memory=memory(), backend=backend(), version=self.version,
            model=text.value.decode(), bytes=self.call("model_size", self.model), window=self.call("model_n_swa", self.model),
            said=sorted({" ".join(line.split()) for line in SAID.findall("".join(self.said))}),
        )

    def load_library(self, folder):
        ggml = ctypes.CDLL(glob.glob(os.path.join(folder, "libggml.v*.so"))[0], ctypes.RTLD_GLOBAL)
        self.llama = ctypes.CDLL(glob.glob(os.path.join(folder, "libllama.v*.so"))[0])
        for name, (result, arguments) in FUNCTIONS.items():
            function = getattr(self.llama, f"llama_{name}")
            function.restype, function.argtypes = result, arguments
        self.said = []
        self.log = LOGGED(lambda _, text, __: self.said.append(text.decode(errors="replace")))
        self.call("log_set", ctypes.cast(self.log, POINTER), None)
        self.version = self.call("version").decode()
        assert self.version == VERSION, f"llama.cpp is {self.version} and should be {VERSION}"
        ggml.ggml_backend_load_all_from_path.restype, ggml.ggml_backend_load_all_from_path.argtypes = None, [TEXT]
        # Chooses the kind of processor whose instructions this one has the most of.
        ggml.ggml_backend_load_all_from_path(folder.encode())
        self.call("backend_init")

    def call(self, name, *arguments):
        result = getattr(self.llama, f"llama_{name}")(*arguments)
        if result is None and FUNCTIONS[name][0] is POINTER:
            sys.exit(f"llama_{name} failed: {''.join(self.said[-20:])}")
        return result

    def tokens(self, text, special=True):
        found = (INT * (len(text) + 16))()
        count = self.call("tokenize", self.vocab, text.encode(), len(text.encode()), found, len(found), special, special)
        return found[:count]

    def prompt(self, text):
        return self.tokens(f"<start_of_turn>user\n{text}<end_of_turn>\n<start_of_turn>model\n")

    def decode(self, rows):
        """Takes (answer, place of its first token, tokens) of each row; where the logits of each row's last token are found."""
        batch, at, last = self.batch, 0, []
        for sequence, begin, tokens in rows:
            for place, token in enumerate(tokens):
                batch.token[at], batch.pos[at], batch.n_seq_id[at], batch.logits[at] = token, begin + place, 1, 0
                batch.seq_id[at][0] = sequence
                at += 1
            batch.logits[at - 1] = 1
            last.append(at - 1)
        batch.n_tokens = at
        if self.call("decode", self.context, batch) != 0:
            sys.exit(f"llama_decode failed: {''.join(self.said[-20:])}")
        return last

    def sampler(self, seed, grammar=None):
        chain = self.call("sampler_chain_init", self.call("sampler_chain_default_params"))
        likeliest, warmth = self.call("sampler_init_top_k", 40), self.call("sampler_init_temp", 1.0)
        for part in filter(None, [grammar, likeliest, warmth, self.call("sampler_init_dist", seed)]):
            self.call("sampler_chain_add", chain, part)
        return chain

    def sample(self, chain, place):
        return self.call("sampler_sample", chain, self.context, place)

    def answer(self, ids, begin, count, seed):
        """Reads `ids` from `begin` on and writes `count` tokens whatever they are; wall and processor time after reading, and the tokens."""
        chain = self.sampler(seed)
        place, = self.decode([(0, begin, ids[begin:])])
        written, read = [self.sample(chain, place)], clock()
        while len(written) < count:
            place, = self.decode([(0, len(ids) + len(written) - 1, written[-1:])])
            written.append(self.sample(chain, place))
        return read, written

    def quest(self, ids, seed, forced):
        """As `answer`, in the grammar until it has ended. `forced` are the tokens of a model that keeps to it by itself, or none."""
        with open(os.path.join(HERE, "llama.gbnf"), encoding="utf-8") as file:
            grammar = self.call("sampler_init_grammar", self.vocab, file.read().encode(), b"root")
        free, bound = self.sampler(seed), self.sampler(seed, grammar)
        place, = self.decode([(0, 0, ids)])
        written, read, refused = [], clock(), 0
        while len(written) < JSON_TOKENS:
            token = self.sample(free, place)
            if forced is not None:
                token = forced[len(written)] if len(written) < len(forced) else ids[-1 - ids[::-1].index(self.end)]
            only = Candidate(token, 1.0, 0.0)
            self.call("sampler_apply", grammar, ctypes.byref(Candidates(ctypes.pointer(only), 1, -1, False)))
            if only.logit == float("-inf"):
                assert forced is None, f"token {len(written)} of the quest is none of the grammar's"
                token, refused = self.sample(bound, place), refused + 1
            else:
                self.call("sampler_accept", grammar, token)
            written.append(token)
            if self.call("vocab_is_eog", self.vocab, token):
                break
            place, = self.decode([(0, len(ids) + len(written) - 1, written[-1:])])
        return read, written, refused

    def forget(self, sequence=0, begin=0):
        assert self.call("memory_seq_rm", self.memory, sequence, begin, -1)


# The cases, as `speed` has them.


def read(options):
    llama = Llama(options, 1)
    for count in (120, 594):
        start = clock()
        ids = llama.prompt(words(count, 0))
        llama.answer(ids, 0, 1, options.seed)
        show(case="read", tokens=len(ids), **since(start))
        llama.forget()


def write_together(options):
    llama = Llama(options, AT_ONCE_MAX)
    ids = llama.prompt(words(20, 0))
    for at_once in (1, 4, 8, 16):
        chains = [llama.sampler(options.seed + row) for row in range(at_once)]
        places = llama.decode([(row, 0, ids) for row in range(at_once)])
        last = [llama.sample(chain, place) for chain, place in zip(chains, places)]
        start = clock()
        for step in range(WRITE_TOKENS - 1):
            places = llama.decode([(row, len(ids) + step, last[row:row + 1]) for row in range(at_once)])
            last = [llama.sample(chain, place) for chain, place in zip(chains, places)]
        show(case="write", at_once=at_once, adapters=1, tokens=at_once * (WRITE_TOKENS - 1), **since(start))
        for row in range(at_once):
            llama.forget(row)


def game(options):
    llama = Llama(options, 1)
    system, before = words(SYSTEM_WORDS, 1), []
    for line, said in enumerate(["cold", "seen once", "known", "known"]):
        start = clock()
        ids = llama.prompt(f"{system}\n\n{words(LINE_WORDS, line + 2)}")
        begin = len(os.path.commonprefix([ids, before]))
        llama.forget(0, begin)
        after, written = llama.answer(ids, begin, REPLY_TOKENS, options.seed)
        show(case="game", system=said, read=len(ids), known=begin, written=len(written), reading=between(start, after), **since(start))
        before = ids


def structured(options):
    llama = Llama(options, 1)
    llama.end, = llama.tokens("<end_of_turn>")[1:]
    forced = llama.tokens(json.dumps(QUEST), special=False)
    for number, form in enumerate(["text", "json_schema", "json_schema", "json_schema, of itself"]):
        start = clock()
        ids, refused = llama.prompt(words(SYSTEM_WORDS, 0)), 0
        if form == "text":
            after, written = llama.answer(ids, 0, JSON_TOKENS, options.seed)
        else:
            after, written, refused = llama.quest(ids, options.seed + number, forced if form.endswith("itself") else None)
        show(
            case="json", form=form, read=len(ids), written=len(written), refused=refused, reading=between(start, after), **since(start),
        )
        llama.forget()


def words(count, seed):
    """As `speed` makes them."""
    state, found = (seed * 2_654_435_761 + 1) % 2**32, []
    for _ in range(count):
        state = (state * 1_664_525 + 1_013_904_223) % 2**32
        found.append(WORDS[(state >> 16) % len(WORDS)])
    return " ".join(found)


def cpu_s():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def clock():
    return time.monotonic(), cpu_s()


def between(start, end):
    return {"wall_s": end[0] - start[0], "cpu_s": end[1] - start[1]}


def since(start):
    return between(start, clock())


def memory():
    with open("/proc/self/status", encoding="utf-8") as status:
        lines = [" ".join(line.split()) for line in status]
    return ", ".join(line for line in lines if line.startswith(("VmHWM", "VmRSS", "RssAnon", "RssFile")))


def backend():
    """The file of the one for this kind of processor."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        return ", ".join(sorted(set(re.findall(r"libggml-cpu[^/\s]*\.so", maps.read()))))


def show(**line):
    print(json.dumps(line), flush=True)


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("make")
    command.add_argument("base")
    command.add_argument("out")
    command.add_argument("--embedding", default="q4_0", choices=["q4_0", "q8_0"])
    command.add_argument("--adapter")
    command.set_defaults(run=make)
    command = commands.add_parser("run")
    command.add_argument("libraries")
    command.add_argument("model")
    command.add_argument("threads", type=int)
    command.add_argument("seed", type=int)
    cases = {"read": read, "write": write_together, "game": game, "json": structured}
    command.add_argument("case", choices=cases)
    command.add_argument("--adapter")
    command.set_defaults(run=lambda options: (cases[options.case](options), show(case="memory", said=memory())))
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
