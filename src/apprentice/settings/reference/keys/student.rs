//! The keys of the student: `[student]` and its tables.

use super::{Key, key};

pub(super) const STUDENT: &[Key] = &[
    key("student.enabled", "", "`false`: pass through and capture only; no model is needed."),
    key(
        "student.backend",
        "",
        "Who computes the students' answers, in the exam too: `local` (this machine, ONNX Runtime), or the server of `[student.remote]`: `vllm` (adapters are pushed to it) or `llama-cpp` (adapters are given when it starts). `docs/remote.md`.",
    ),
    key(
        "student.base",
        "",
        "A Gemma 3 text model in Hugging Face's layout. With another backend than `local` only lessons need it, which train here, and the student of `apprentice generate`.",
    ),
    key(
        "student.format",
        "",
        "`auto` (`i8packed`; `f32` for a small base), `i8packed` (8 bit by blocks, for our own kernels), `i4packed` (4 bit, the fastest; lessons train beside the same numbers), `i8b32` (the same for ONNX Runtime's), or `f32`. What each costs in quality and time: `docs/benchmarks/quality.md`.",
    ),
    key("student.onnxruntime", "", "ONNX Runtime's shared library, if it does not lie where `make setup` puts it."),
    key("student.context", "16 to 1048576", "Tokens of prompt and answer together."),
    key(
        "student.rows",
        "1 to 256",
        "Answers written at the same time, of all call sites together: a run of the model gives each a token. A row takes memory while it is used.",
    ),
    key("student.threads", "1 to 1024", "Threads of a run."),
    key("student.queue", "1 to 65536", "Prompts that may wait beyond the rows; further ones go to the teacher."),
    key(
        "student.prefix_cache_mb",
        "0 to 1048576",
        "Memory for what prompts of a call site begin with in common: such a beginning is read once. 0 keeps nothing.",
    ),
    key(
        "student.adapter_cache_mb",
        "0 to 1048576",
        "Memory for adapters that are open: the one that was wanted least lately is let go, and read again when its call site asks.",
    ),
    key(
        "student.draft_tokens",
        "0 to 32",
        "Tokens that an answer which is written alone is given to read ahead of itself, looked up in its prompt and in the call site's earlier answers (speculative decoding). Changes no answer. 0 gives none.",
    ),
    key(
        "student.shortlist",
        "",
        "`true`: once a call site's answers have brought nothing new for 1,000 tokens, the next are chosen from the common tokens and those of its texts and prompt; one run in 32 checks that, and a site with more than one token in 1,000 outside loses its list. A third of a token's time at Gemma's vocabulary.",
    ),
    key(
        "student.answer_seconds_max",
        "greater than 0, at most 86400",
        "How long an answer may take, its wait included, before the teacher is asked instead.",
    ),
    key("student.remote.url", "", "Address of the students' server without `/v1`, such as `http://gpu-1:8000`."),
    key(
        "student.remote.model",
        "",
        "The base's name on the server, as `GET /v1/models` lists it. Backend, address and name are part of what evidence depends on.",
    ),
    key(
        "student.remote.key_env",
        "",
        "Environment variable, or file in `$CREDENTIALS_DIRECTORY`, with the key that the server wants.",
    ),
    key(
        "student.remote.path_prefix",
        "",
        "`data.registry` as the server sees it (shared storage); without it, the same path. llama.cpp's server reads no file of ours.",
    ),
    key(
        "student.remote.timeout_s",
        "greater than 0, at most 86400",
        "For one request to the server: an answer, or an adapter that it loads.",
    ),
];
