//! The table of keys, in the order of the file.

mod lessons;
mod student;

use lessons::LESSONS;
use student::STUDENT;

/// One key.
#[derive(Clone, Copy)]
pub(crate) struct Key {
    pub(crate) key: &'static str,
    /// What a number must be; empty where any value of its type will do.
    pub(crate) range: &'static str,
    pub(crate) meaning: &'static str,
}

const fn key(key: &'static str, range: &'static str, meaning: &'static str) -> Key {
    Key { key, range, meaning }
}

const OPEN_UNIT: &str = "between 0 and 1, both excluded";
const UNIT_SHARE: &str = "greater than 0, at most 1";

/// Every key in the order of the file.
pub(crate) const KEYS: &[Key] = &every::<{ PROGRAM.len() + STUDENT.len() + ANSWERS.len() + LESSONS.len() }>();

const fn every<const N: usize>() -> [Key; N] {
    let parts = [PROGRAM, STUDENT, ANSWERS, LESSONS];
    let mut all = [key("", "", ""); N];
    let (mut at, mut part, mut place) = (0, 0, 0);
    while at < N {
        if place < parts[part].len() {
            all[at] = parts[part][place];
            (at, place) = (at + 1, place + 1);
        } else {
            (part, place) = (part + 1, 0);
        }
    }
    all
}

/// Those before the student's.
const PROGRAM: &[Key] = &[
    key("proxy.listen", "", "Address of the data plane."),
    key("proxy.threads", "at most 1024", "Serving threads; 0 is one for each processor."),
    key(
        "proxy.hosts",
        "",
        "Names by which clients may reach the proxy, besides addresses, `localhost` and names without a dot; others are refused (421), because a web page can point a name of its own here.",
    ),
    key(
        "proxy.origins",
        "",
        "Origins of web pages that may ask, such as `https://tools.studio.example`, besides pages of this machine; others are refused (403).",
    ),
    key(
        "proxy.open",
        "",
        "Lets other machines in (`proxy.listen` not loopback) while the proxy adds its own key; without it such a start is refused.",
    ),
    key("admin.listen", "", "Address of the admin API; loopback, unless you set the token yourself."),
    key(
        "admin.token_env",
        "",
        "Environment variable with the bearer token, or file of that name in `$CREDENTIALS_DIRECTORY` (systemd's `LoadCredential=`, a mounted secret); without either one is made and kept in DATA/admin-token.",
    ),
    key(
        "proxy.body_mb",
        "1 to 1024",
        "Largest request body, in MiB, that is read and learnt from; a larger one streams through to the teacher unread.",
    ),
    key("proxy.connections_max", "1 to 1048576", "Connections at a time of each serving thread; further ones wait."),
    key("proxy.header_s", "1 to 3600", "How long a client may take for its headers, and stay idle between requests."),
    key("proxy.drain_s", "at most 3600", "How long running requests may take once the program is asked to stop."),
    key(
        "proxy.tls_cert_file",
        "",
        "PEM file with the certificate of the data plane and those that signed it: nothing but TLS is spoken then. Read again when it changes.",
    ),
    key("proxy.tls_key_file", "", "PEM file with the certificate's private key."),
    key(
        "keys",
        "",
        "Tables `[keys.NAME]` of keys that clients need, made by `apprentice key NAME`: `hash`, and if wanted `site` (the call site that it stands for), `requests_per_minute` and `tokens_per_day`. Without any, everybody who reaches the port may ask.",
    ),
    key("admin.hosts", "", "As `proxy.hosts`, of the admin listener."),
    key("admin.tls_cert_file", "", "As `proxy.tls_cert_file`, of the admin listener."),
    key("admin.tls_key_file", "", "As `proxy.tls_key_file`, of the admin listener."),
    key("teacher.base_url", "", "Any OpenAI-compatible base URL."),
    key(
        "teacher.key_env",
        "",
        "Environment variable with the teacher's key, or file of that name in `$CREDENTIALS_DIRECTORY`; without either, each client's own key is passed on.",
    ),
    key(
        "teacher.ca_file",
        "",
        "PEM file with the only certificates to trust; without it those that this machine trusts, or the built-in ones where it has none.",
    ),
    key(
        "teacher.distillable",
        "",
        "`yes`, `no` or `unknown`: whether a model may be trained on this teacher's answers. Only `yes` lets lessons begin.",
    ),
    key(
        "teacher.price_file",
        "",
        "Table of prices by model and day, as `deploy/prices.toml`, which is built in and used without it.",
    ),
    key(
        "teacher.input_price",
        "at least 0",
        "Price of a million tokens that the teacher reads, whatever the model: in place of a table, with `output_price`.",
    ),
    key("teacher.output_price", "at least 0", "Price of a million tokens that it writes."),
    key(
        "teacher.connect_s",
        "1 to 86400",
        "How long a connection to the teacher may take, TLS included; no retry begins later.",
    ),
    key("teacher.first_byte_s", "1 to 86400", "How long the teacher may take to begin its answer."),
    key("teacher.idle_s", "1 to 86400", "How long it may pause between two pieces of its answer."),
    key("teacher.total_s", "1 to 86400", "How long its answer may take as a whole."),
    key(
        "teacher.retries",
        "at most 10",
        "How often a request is sent again while no connection can be made: the teacher has seen nothing of it then. Whatever it has seen is the client's to send again.",
    ),
    key(
        "teacher.breaker_failures",
        "at most 1000000",
        "Requests in a row without any answer (an error is one) after which the teacher is not asked for a while and clients hear 503 at once; 0 is never.",
    ),
    key("teacher.breaker_open_s", "1 to 86400", "How long that lasts before one request may try."),
    key(
        "teacher.parameters",
        "",
        "Which fields of a request the teacher's models refuse unless they say what holds without them: such a request is the teacher's, which answers its own error. `*` stands for any text; the first rule that names the model holds, and a model without one takes everything that students honour.",
    ),
    key(
        "offline.fallback",
        "",
        "Lets the student of a call site in state Student answer what it otherwise would not (its confidence is too low, or the dice chose the teacher) while the teacher is down: it cannot be reached, answers 5xx, or its model is gone (404, 410). Verifiers still hold; `x-apprentice-reason` says `teacher-down`.",
    ),
    key(
        "callsites.discover",
        "",
        "Call sites that no client names: `learn` (found and treated like any other), `suggest` (listed; only what a person names is one), `off`.",
    ),
    key(
        "callsites.split",
        "",
        "What a found call site is: `templates` (one for all values that are filled in, however long) or `texts` (each text that is said again and again, such as every character of a game).",
    ),
    key(
        "callsites.found_max",
        "1 to 1000",
        "Call sites that may be found; one that is idle and has no evidence gives its place away.",
    ),
    key(
        "callsites.repeat_s",
        "at most 3600",
        "The same body to the same site within so many seconds is no new evidence; 0: it is.",
    ),
    key(
        "callsites.alias_model",
        "",
        "Model that the teacher is asked for in place of `apprentice::SITE`, `tensorzero::function_name::SITE` or `openpipe:SITE`; without it the alias reaches the teacher as it came.",
    ),
    key(
        "callsites.match",
        "",
        "Rules `{ site, tool, schema, system, header, value }`, the first that holds wins: all that one says must hold; `system` is a regular expression; without `site` the header's value names it.",
    ),
    key("data.dir", "", "Where the exchange log, the hand-over log and the lessons are kept."),
    key("data.registry", "", "Where the versions of students are kept."),
    key("capture.enabled", "", "Keep exchanges."),
    key(
        "capture.queue_mb",
        "1 to 65536",
        "Exchanges that may wait to be written; further ones are dropped and counted.",
    ),
    key("capture.segment_mb", "1 to 1048576", "A segment of the exchange log is closed at this size."),
    key("capture.segment_hours", "1 to 87600", "And at this age, or at the shortest retention."),
    key(
        "capture.retention_days",
        "1 to 36500",
        "What is older is removed, a closed segment at a time, and the training data drawn from it.",
    ),
    key("capture.total_mb", "16 to 1073741824", "The whole log on disk: when it is larger, its oldest segments go."),
    key(
        "capture.free_mb_min",
        "at most 1048576",
        "Nothing is kept while the disk has less room; it goes on when there is more. 0 asks for none.",
    ),
    key(
        "capture.export_dir",
        "",
        "Every closed segment is copied here as JSON lines (`.jsonl.zst`) with a checksum for `sha256sum -c`. These copies are yours: only erasing touches them.",
    ),
    key(
        "capture.redact",
        "",
        "Rules for what is taken out before anything is stored: `{ regex = \"...\", replace = \"...\" }` in every text (`${1}` is a group), or `{ path = \"$.messages[*].name\" }` (`.name`, `['name']`, `[3]`, `[*]`, `.*`) in requests and answers. An exchange in which a rule cannot be followed is not kept. What is shaped like a key is always taken out.",
    ),
];

/// Those between the student's and the lessons'.
const ANSWERS: &[Key] = &[
    key(
        "similarity.encoder",
        "",
        "Folder of a sentence encoder (`apprentice export-encoder` makes one of a BERT; any ONNX encoder with its tokenizer will do); without it texts are compared by ROUGE-L.",
    ),
    key("judge.model", "", "Name of the model that judges; empty: no judge."),
    key("judge.base_url", "", "Where it is; the teacher's address if not said."),
    key(
        "judge.key_env",
        "",
        "Environment variable, or file in `$CREDENTIALS_DIRECTORY`, with its key, where it is not at the teacher's address.",
    ),
    key("judge.budget_per_day", "0 to 1000000", "Most that verdicts of a UTC day may cost together; never passed."),
    key("judge.input_price", "0 to 1000000", "Price of a million tokens that the judge reads."),
    key("judge.output_price", "0 to 1000000", "Price of a million tokens that it writes."),
    key("judge.max_tokens", "32 to 4096", "Longest verdict, tokens."),
    key("generate.model", "", "The teacher's model that makers of training data ask."),
    key(
        "generate.budget_usd",
        "at least 0",
        "Most that one run may cost, in dollars; never passed. It needs a known price.",
    ),
    key("generate.concurrency", "1 to 1024", "Calls at a time."),
    key("generate.calls_per_minute", "", "Calls a minute; 0 is no limit."),
    key(
        "generate.reasoning_tokens",
        "at most 1048576",
        "Tokens that a reasoning teacher may think beside its answer; 0 for one that does not.",
    ),
    key(
        "generate.sampling",
        "",
        "Whether temperature, top_p, seed and stop texts are sent; if not said, not to models that refuse a temperature (`teacher.parameters`).",
    ),
    key("webhooks.urls", "", "Every transition of a call site is posted to each of these as JSON."),
    key(
        "traces.otlp_endpoint",
        "",
        "Collector of OpenTelemetry, such as `http://localhost:4318`, that gets a span of every request (GenAI conventions, OTLP over HTTP); needs a program built with `--features otlp`.",
    ),
    key("site.capture", "", "Keep this site's exchanges."),
    key(
        "site.retention_days",
        "1 to 36500",
        "How long this site's exchanges are kept; `capture.retention_days` if not said.",
    ),
    key(
        "site.comparison",
        "",
        "How answers are compared: `auto` (the teacher is asked twice on the site's first requests, and that chooses), `exact`, `value`, `json`, `similar` (ROUGE-L and the facts), `self_relative` (against the teacher's own variance) or `judged`.",
    ),
    key("site.max_tokens", "at least 1", "Tokens of a student's answer when the client names no limit."),
    key(
        "site.temperature",
        "0 to 2",
        "The student's sampling where the request says none (1 says none); 0 always takes the most probable token.",
    ),
    key(
        "site.top_p",
        UNIT_SHARE,
        "Nucleus of the student's sampling; a request's own `top_p` below 1 comes before it.",
    ),
    key("verifiers.words_min", "", "A student's answer with fewer words goes to the teacher."),
    key("verifiers.sentences_max", "", "And one with more sentences; 0 sets no limit."),
    key("verifiers.grounded", "", "Names in the answer must occur in the prompt: no invented lore."),
    key("verifiers.no_echo", "", "Refuse answers that repeat the user's last message."),
    key("verifiers.schema", "", "JSON schema, as a table or a text, that the answer must satisfy."),
    key(
        "verifiers.tools",
        "",
        "Tool calls in the answer must be right: `tools` (a table of names with `required` and `optional` parameters), `context` (every call's first argument is a context object with its seven fields) `demanded` (chatter is no answer) and `closed` (what is not listed is wrong).",
    ),
    key(
        "verifiers.level",
        "",
        "`{ base = 1, connectivity = 4 }`: the answer must be a valid game level; `base` is the number of the first column, `connectivity` how many neighbours a cell has, 4 or 8.",
    ),
    key("verifiers.words_max", "", "A student's answer with more words goes to the teacher."),
    key("verifiers.in_character", "", "Refuse answers that speak of being an AI."),
    key("verifiers.json", "", "The whole answer must be one JSON value."),
    key("verifiers.must_match", "", "Regular expressions that must all match somewhere."),
    key("verifiers.must_not_match", "", "Regular expressions of which none may match, letter case ignored."),
    key(
        "handover.quality_min",
        OPEN_UNIT,
        "Mean quality of the served answers that must be exceeded before any traffic moves.",
    ),
    key("handover.quality_floor", OPEN_UNIT, "Quality below which a serving student has drifted; at most quality_min."),
    key(
        "handover.promote_alpha",
        OPEN_UNIT,
        "Lifetime probability of promoting a student that is not better than quality_min.",
    ),
    key("handover.risk_alpha", OPEN_UNIT, "Largest share of all requests that may get a bad local answer."),
    key("handover.risk_delta", OPEN_UNIT, "Lifetime probability of serving with a threshold that exceeds risk_alpha."),
    key("handover.risk", "", "`joint`: the risk is of all requests; `selective`: of those served."),
    key("handover.betting", "", "How the promotion test bets: `mix5`, `agrapa` or `prpl_eb`."),
    key("handover.bad_below", UNIT_SHARE, "By the measure `similar`, an audited answer below this quality is bad."),
    key(
        "handover.margin",
        "greater than 0, at most 0.49",
        "How much further from the teacher than the teacher is from itself a student may be on average; for a judge, how much less often than half it may be preferred.",
    ),
    key("handover.tolerance", "0 to 0.99", "Numbers that differ by no more than this share are equal."),
    key(
        "handover.repeats",
        "2 to 200",
        "Requests on which the teacher is asked a second time before the measure is chosen.",
    ),
    key("handover.drift_audits", "greater than 1", "Mean audits between false alarms of the drift detector."),
    key("handover.audit_share_shadow", UNIT_SHARE, "Share of requests audited before promotion."),
    key("handover.audit_share_serving", UNIT_SHARE, "Share of requests audited in Canary and Student, for ever."),
    key("handover.audit_share_doubt", UNIT_SHARE, "The same while the drift detector is in doubt."),
    key("handover.coverage_min", "0 to 1", "Least share of requests that the proven threshold must cover."),
    key(
        "handover.canary",
        "",
        "Steps of `{ share, audits }`: serve a share until so many more audits; also `minutes` and `users` (least time, and distinct users of audited requests) and `gate = true` (a person must `promote` into it).",
    ),
    key(
        "handover.challenger_audits_max",
        "at least 1",
        "Audits after which a challenger that has not earned its place leaves the version that serves alone.",
    ),
    key("handover.share_max", UNIT_SHARE, "Most of the requests that may be offered to a student."),
    key("handover.shadow_only", "", "Compare and never serve."),
    key(
        "handover.sticky",
        "",
        "`none`, `user` or `conversation`: requests that stay together on one side of a canary.",
    ),
    key(
        "handover.ratings",
        "",
        "What a person's rating of a served answer counts for: `against`: a bad one is evidence against the version, a good one is only shown; `ignored`: both are.",
    ),
    key("handover.exam_min", "0 to 1", "Exam score below which a version is not tried."),
    key(
        "handover.failures_max",
        "at least 1",
        "Failures of the student in a row after which the site goes back to the teacher.",
    ),
    key("handover.errors_max", OPEN_UNIT, "Share of the student's attempts that may give no answer."),
    key("handover.latency_max_ms", "at least 1", "A student's answer that takes longer is slow. Without it none is."),
    key(
        "handover.slow_max",
        OPEN_UNIT,
        "Share of the student's answers that may be slow before the site goes back to the teacher.",
    ),
];
