//! What every key of the configuration means: the source of `docs/reference/configuration.md`.
//!
//! Defaults come from the sections themselves; a test holds that every key is listed, and that every range
//! named here is one that is checked.

use crate::settings::Settings;

/// One key.
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
pub(crate) const KEYS: &[Key] = &[
    key("proxy.listen", "", "Address of the data plane."),
    key("proxy.threads", "at most 1024", "Serving threads; 0 is one for each processor."),
    key("admin.listen", "", "Address of the admin API; loopback, unless you set the token yourself."),
    key(
        "admin.token_env",
        "",
        "Environment variable with the bearer token; without it one is made and kept in DATA/admin-token.",
    ),
    key("teacher.base_url", "", "Any OpenAI-compatible base URL."),
    key(
        "teacher.key_env",
        "",
        "Environment variable with the teacher's key; while it is unset, each client's own key is passed on.",
    ),
    key("teacher.ca_file", "", "PEM file with the only certificates to trust, instead of the built-in ones."),
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
    key("capture.segment_mb", "1 to 1048576", "A segment of the exchange log is closed at this size."),
    key("capture.segment_hours", "1 to 87600", "And at this age."),
    key(
        "capture.retention_days",
        "1 to 36500",
        "Segments, and the training data drawn from them, are removed after so long.",
    ),
    key("student.enabled", "", "`false`: pass through and capture only; no model is needed."),
    key("student.base", "", "A Gemma 3 text model in Hugging Face's layout."),
    key(
        "student.format",
        "",
        "`auto` (the best that is exact on this processor), `u8row`, `i8row` (needs VNNI) or `f32`.",
    ),
    key("student.onnxruntime", "", "ONNX Runtime's shared library, if it does not lie where `make setup` puts it."),
    key("student.context", "16 to 1048576", "Tokens of prompt and answer together."),
    key("student.workers", "1 to 256", "Answers made at the same time; each worker holds the weights once."),
    key("student.threads", "1 to 1024", "Threads per worker."),
    key("student.queue", "1 to 65536", "Prompts that may wait for a worker; further ones go to the teacher."),
    key(
        "student.answer_seconds_max",
        "greater than 0, at most 86400",
        "How long an answer may take, its wait included, before the teacher is asked instead.",
    ),
    key(
        "similarity.encoder",
        "",
        "Folder of a sentence encoder (`apprentice export-encoder` makes one of a BERT; any ONNX encoder with its tokenizer will do); without it texts are compared by ROUGE-L.",
    ),
    key("judge.model", "", "Name of the model that judges; empty: no judge."),
    key("judge.base_url", "", "Where it is; the teacher's address if not said."),
    key("judge.key_env", "", "Environment variable with its key, where it is not at the teacher's address."),
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
        "Whether temperature, top_p, seed and stop texts are sent; if not said, not to models named gpt-5, gpt-6, o1, o3 or o4, which refuse them.",
    ),
    key("webhooks.urls", "", "Every transition of a call site is posted to each of these as JSON."),
    key("site.capture", "", "Keep this site's exchanges."),
    key(
        "site.comparison",
        "",
        "How answers are compared: `auto` (the teacher is asked twice on the site's first requests, and that chooses), `exact`, `value`, `json`, `similar` (ROUGE-L and the facts), `self_relative` (against the teacher's own variance) or `judged`.",
    ),
    key("site.max_tokens", "at least 1", "Tokens of a student's answer when the client names no limit."),
    key("site.temperature", "0 to 2", "The student's own sampling; 0 always takes the most probable token."),
    key("site.top_p", UNIT_SHARE, "Nucleus of the student's sampling."),
    key("verifiers.words_min", "", "A student's answer with fewer words goes to the teacher."),
    key("verifiers.sentences_max", "", "And one with more sentences; 0 sets no limit."),
    key("verifiers.grounded", "", "Names in the answer must occur in the prompt: no invented lore."),
    key("verifiers.no_echo", "", "Refuse answers that repeat the user's last message."),
    key("verifiers.schema", "", "JSON schema, as a table or a text, that the answer must satisfy."),
    key(
        "verifiers.tool_call",
        "",
        "Table of tool names with their required arguments: the answer must be a list of such calls.",
    ),
    key(
        "verifiers.tools",
        "",
        "Tool calls in the answer must be right: `tools` (a table of names with `required` and `optional` parameters), `context` (every call's first argument is a context object with its seven fields) and `demanded` (chatter is no answer).",
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
    key("lessons.enabled", "", "Learn in the background."),
    key(
        "lessons.exchanges_min",
        "at least 1",
        "New trainable prompts before a site's first lesson; doubled after every lesson whose version was not handed over.",
    ),
    key(
        "lessons.refresh_factor",
        "",
        "Where a student serves, `exchanges_min` times this many new trainable prompts call for a challenger; 0: never unless coverage is lost or somebody asks.",
    ),
    key("lessons.shadow_audits_max", "", "Audits that a version may spend in Shadow before a new lesson is tried."),
    key("lessons.check_every_ms", "at least 1", "How often the schedule is looked at."),
    key("lessons.nice", "0 to 19", "Priority of the lesson's processes."),
    key(
        "lessons.versions_kept",
        "at least 1",
        "Versions of a site that are kept beside those that the hand-over may still use.",
    ),
    key("lessons.quiet.window_s", "1 to 599", "A lesson begins when the mean traffic over this window ..."),
    key("lessons.quiet.requests_per_s", "at least 0", "... is no higher than this."),
    key("lessons.dataset.examples_max", "at least 1", "The newest examples are taken, at most this many."),
    key(
        "lessons.dataset.held_out_fraction",
        OPEN_UNIT,
        "Share of the prompts kept apart for the exam, chosen by their hash.",
    ),
    key("lessons.dataset.held_out_max", "at least 1", "The exam asks at most this many, the newest."),
    key("lessons.train.rank", "1 to 1024", "Rank of every LoRA pair."),
    key("lessons.train.alpha", "greater than 0", "LoRA's scale is alpha / rank."),
    key("lessons.train.learning_rate", "greater than 0", "AdamW's learning rate."),
    key("lessons.train.schedule", "", "`constant` or `cosine`."),
    key("lessons.train.warmup_steps", "", "Steps over which the learning rate rises."),
    key("lessons.train.weight_decay", "at least 0", "AdamW's decoupled weight decay."),
    key("lessons.train.clip_norm", "at least 0", "Longest gradient; 0 does not clip."),
    key("lessons.train.batch_size", "at least 1", "Examples of one optimizer step."),
    key(
        "lessons.train.micro_batch_tokens",
        "",
        "Tokens that go through the model at once, over all threads: the bound on memory; 0 never splits a batch.",
    ),
    key("lessons.train.recompute", "", "Gradient checkpointing: more time, a fraction of the memory."),
    key(
        "lessons.train.memory_max_mb",
        "",
        "A lesson estimated to need more is refused before it begins; 0 is nine tenths of what is available.",
    ),
    key("lessons.train.max_tokens", "at least 1", "Longer examples are dropped, never cut, and reported."),
    key("lessons.train.head_chunk", "at least 1", "Rows of the head computed at a time."),
    key("lessons.train.threads", "1 to 1024", "Threads of the training process."),
    key("lessons.train.max_steps", "at least 1", "Most optimizer steps."),
    key("lessons.train.max_seconds", "greater than 0", "Wall time of a lesson's training."),
    key("lessons.train.epochs", "at least 0", "Passes over the data; 0 sets no limit of its own."),
    key("lessons.train.evaluate_every_steps", "", "Steps between evaluations; 0 evaluates only at the end."),
    key(
        "lessons.train.stop_exact",
        UNIT_SHARE,
        "Share of held-out replies reproduced exactly that ends the training early.",
    ),
    key("lessons.train.stop_loss", "greater than 0", "Held-out loss (nats a token) that ends the training early."),
    key("lessons.train.patience", "", "Evaluations without a better one that end the training; 0 never does."),
    key("lessons.train.checkpoint_every_s", "greater than 0", "Seconds between checkpoints."),
    key("lessons.train.seed", "", "Seed of everything random in a training."),
];

/// The default values as a table of the file.
pub(crate) fn defaults() -> Result<toml::Table, toml::ser::Error> {
    let Settings {
        proxy,
        admin,
        teacher,
        callsites,
        data,
        capture,
        student,
        lessons,
        handover,
        verifiers,
        site,
        similarity,
        judge,
        generate,
        webhooks,
        sites: _,
    } = Settings::default();
    let mut table = toml::Table::new();
    let mut put = |name: &str, section: toml::Table| drop(table.insert(name.to_owned(), section.into()));
    put("proxy", toml::Table::try_from(proxy)?);
    put("admin", toml::Table::try_from(admin)?);
    put("teacher", toml::Table::try_from(teacher)?);
    put("callsites", toml::Table::try_from(callsites)?);
    put("data", toml::Table::try_from(data)?);
    put("capture", toml::Table::try_from(capture)?);
    put("student", toml::Table::try_from(student)?);
    put("similarity", toml::Table::try_from(similarity)?);
    put("judge", toml::Table::try_from(judge)?);
    put("generate", toml::Table::try_from(generate)?);
    put("webhooks", toml::Table::try_from(webhooks)?);
    put("site", toml::Table::try_from(site)?);
    put("verifiers", toml::Table::try_from(verifiers)?);
    put("handover", toml::Table::try_from(handover)?);
    put("lessons", toml::Table::try_from(lessons)?);
    Ok(table)
}

/// The value of `key` in `table`.
pub(crate) fn value<'a>(table: &'a toml::Table, key: &str) -> Option<&'a toml::Value> {
    let (first, rest) = key.split_once('.').map_or((key, None), |(first, rest)| (first, Some(rest)));
    match (table.get(first)?, rest) {
        (value, None) => Some(value),
        (toml::Value::Table(inner), Some(rest)) => value(inner, rest),
        _ => None,
    }
}

/// `docs/reference/configuration.md`.
pub(crate) fn markdown() -> Result<String, toml::ser::Error> {
    let defaults = defaults()?;
    let mut text = String::from(
        "# Configuration\n\nMade by `apprentice reference configuration`; a test holds it against the code. \
         `[sites.NAME]` takes the keys of `[site]`, and\n`[sites.NAME.handover]` and `[sites.NAME.verifiers]` those of \
         the sections of these names. Lists and tables are replaced whole.\n\n\
         | key | default | must be | meaning |\n|---|---|---|---|\n",
    );
    for Key { key, range, meaning } in KEYS {
        let default = value(&defaults, key).map_or_else(|| "-".to_owned(), |value| format!("`{value}`"));
        text.push_str(&format!("| `{key}` | {default} | {range} | {meaning} |\n"));
    }
    Ok(text)
}
