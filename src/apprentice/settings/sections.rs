//! The sections of the configuration file and their defaults. Sections that belong to a member are that member's
//! own types (`handover::Policy`, `cycle::LessonSettings`, `verify::VerifierSettings`).

mod teacher;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use callsite::MatchRule;
use capture::RedactRule;
use fingerprint::{Discover, Split};
use jobs::{Backend, Server};
use judge::JudgeSettings;
use serde::{Deserialize, Serialize};
use verify::Comparison;
use wire::ParameterRules;

pub(crate) use teacher::{Offline, Teacher};

/// `[proxy]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Proxy {
    pub(crate) listen: SocketAddr,
    /// Serving threads; 0 is one for each processor.
    pub(crate) threads: usize,
    /// Names by which it may be reached, besides addresses and names without a dot.
    pub(crate) hosts: Vec<String>,
    /// Origins of web pages that may ask, besides those of this machine.
    pub(crate) origins: Vec<String>,
    /// Other machines may spend the proxy's own key without a key of theirs.
    pub(crate) open: bool,
    /// Largest request body that is read and learnt from; a larger one streams through.
    pub(crate) body_mb: usize,
    pub(crate) connections_max: usize,
    /// How long a client may take for its headers, and stay idle between requests.
    pub(crate) header_s: u64,
    /// How long running requests may take once the program is asked to stop.
    pub(crate) drain_s: u64,
    /// PEM files of the certificate and its key: nothing but TLS is spoken then; both or none.
    pub(crate) tls_cert_file: Option<PathBuf>,
    pub(crate) tls_key_file: Option<PathBuf>,
}

impl Proxy {
    pub(crate) fn limits(&self) -> net::Limits {
        net::Limits {
            connections_max: self.connections_max,
            header_time: Duration::from_secs(self.header_s),
            drain_time: Duration::from_secs(self.drain_s),
        }
    }
}

/// `[keys.NAME]`: a key of the proxy's own.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProxyKey {
    /// BLAKE3 of the key, hex.
    pub(crate) hash: String,
    /// The call site that it stands for.
    pub(crate) site: Option<String>,
    pub(crate) requests_per_minute: Option<NonZeroU32>,
    pub(crate) tokens_per_day: Option<u64>,
}

/// `[admin]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Admin {
    pub(crate) listen: SocketAddr,
    /// Environment variable with the bearer token; without it one is made and kept in the data folder.
    pub(crate) token_env: String,
    /// As `proxy.hosts`.
    pub(crate) hosts: Vec<String>,
    /// As `proxy.tls_cert_file` and `proxy.tls_key_file`.
    pub(crate) tls_cert_file: Option<PathBuf>,
    pub(crate) tls_key_file: Option<PathBuf>,
}

/// `[callsites]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Callsites {
    /// Whether call sites that no client names are found.
    pub(crate) discover: Discover,
    /// How finely they are told apart.
    pub(crate) split: Split,
    /// Call sites that may be found.
    pub(crate) found_max: usize,
    /// The same body within so many seconds is no new evidence.
    pub(crate) repeat_s: u64,
    /// What the teacher is asked for where a client asks for the alias of a call site.
    pub(crate) alias_model: Option<String>,
    /// Rules by which requests are told apart, the first that holds first.
    pub(crate) r#match: Vec<MatchRule>,
}

/// `[data]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Data {
    pub(crate) dir: PathBuf,
    pub(crate) registry: PathBuf,
}

/// `[capture]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Capture {
    pub(crate) enabled: bool,
    /// Of exchanges that wait to be written.
    pub(crate) queue_mb: u64,
    pub(crate) segment_mb: u64,
    pub(crate) segment_hours: u64,
    pub(crate) retention_days: u64,
    pub(crate) total_mb: u64,
    pub(crate) free_mb_min: u64,
    /// Where sealed segments are copied to as JSON lines.
    pub(crate) export_dir: Option<PathBuf>,
    pub(crate) redact: Vec<RedactRule>,
}

/// `[student]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Student {
    /// Off: the proxy passes through and captures, and nothing is learnt or served locally.
    pub(crate) enabled: bool,
    /// Who computes the answers.
    pub(crate) backend: Backend,
    pub(crate) base: PathBuf,
    pub(crate) format: FormatSetting,
    /// ONNX Runtime's shared library; without it the places that `make setup` fills are looked at.
    pub(crate) onnxruntime: Option<PathBuf>,
    pub(crate) context: usize,
    /// Answers written at the same time.
    pub(crate) rows: usize,
    pub(crate) threads: usize,
    /// Prompts that may wait beyond them; further ones go to the teacher.
    pub(crate) queue: usize,
    /// Memory for what prompts begin with in common.
    pub(crate) prefix_cache_mb: usize,
    pub(crate) adapter_cache_mb: u64,
    pub(crate) draft_tokens: usize,
    pub(crate) shortlist: bool,
    /// How long an answer may take, its wait included, before the teacher is asked instead.
    pub(crate) answer_seconds_max: f64,
    /// The server of a backend that is not this machine.
    pub(crate) remote: Server,
}

impl Student {
    /// Whether answers come from a base of 4-bit weights here.
    pub(crate) fn serves_four_bits(&self) -> bool {
        self.backend == Backend::Local && self.format == FormatSetting::I4packed
    }
}

/// The number format of the student's graph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FormatSetting {
    /// What is best for this base: `student::best_format`.
    #[default]
    Auto,
    F32,
    I8b32,
    I8packed,
    I4packed,
}

/// `[similarity]`
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Similarity {
    /// Folder of a sentence encoder; without one texts are compared by ROUGE-L.
    pub(crate) encoder: Option<PathBuf>,
}

/// `[judge]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct JudgeSection {
    pub(crate) model: String,
    /// The teacher's where it is absent.
    pub(crate) base_url: Option<String>,
    /// Environment variable with the key of `base_url`.
    pub(crate) key_env: Option<String>,
    pub(crate) budget_per_day: f64,
    pub(crate) input_price: f64,
    pub(crate) output_price: f64,
    pub(crate) max_tokens: u32,
}

impl JudgeSection {
    pub(crate) fn settings(&self) -> JudgeSettings {
        JudgeSettings {
            model: self.model.clone(),
            budget_per_day: self.budget_per_day,
            input_price: self.input_price,
            output_price: self.output_price,
            max_tokens: self.max_tokens,
        }
    }
}

impl Default for JudgeSection {
    fn default() -> Self {
        let JudgeSettings { model, budget_per_day, input_price, output_price, max_tokens } = JudgeSettings::default();
        Self { model, base_url: None, key_env: None, budget_per_day, input_price, output_price, max_tokens }
    }
}

/// `[generate]`: how makers of training data ask the teacher.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Generate {
    pub(crate) model: String,
    /// Dollars that one run may cost.
    pub(crate) budget_usd: f64,
    pub(crate) concurrency: usize,
    /// 0 is no limit.
    pub(crate) calls_per_minute: u32,
    pub(crate) reasoning_tokens: u32,
    /// Whether temperature, top_p, seed and stop texts are sent; without it `teacher.parameters` decides.
    pub(crate) sampling: Option<bool>,
}

impl Generate {
    /// Who refuses a temperature refuses every sampling but its own. Another gateway's `maker/model` is taken for `model`.
    pub(crate) fn sends_sampling(&self, model: &str, parameters: &ParameterRules) -> bool {
        let name = model.rsplit('/').next().unwrap_or(model);
        let refuses = parameters.refused_by(name).iter().any(|field| field == "temperature");
        self.sampling.unwrap_or(!refuses)
    }
}

impl Default for Generate {
    fn default() -> Self {
        Self {
            model: "gpt-5-mini".into(),
            budget_usd: 5.0,
            concurrency: 8,
            calls_per_minute: 0,
            reasoning_tokens: 2_000,
            sampling: None,
        }
    }
}

/// `[webhooks]`
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Webhooks {
    /// Every transition of a call site is posted to each of these.
    pub(crate) urls: Vec<String>,
}

/// `[traces]`
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Traces {
    /// A collector of OpenTelemetry; it takes a span of every request.
    pub(crate) otlp_endpoint: Option<String>,
}

/// `[site]`: a call site's rules apart from its hand-over and verifiers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Site {
    pub(crate) capture: bool,
    /// That of `[capture]` where it is absent.
    pub(crate) retention_days: Option<u64>,
    pub(crate) comparison: Comparison,
    pub(crate) max_tokens: u32,
    /// 0 is greedy.
    pub(crate) temperature: f32,
    pub(crate) top_p: f32,
}

impl Default for Proxy {
    fn default() -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 8080));
        Self {
            listen,
            threads: 0,
            hosts: Vec::new(),
            origins: Vec::new(),
            open: false,
            body_mb: 8,
            connections_max: 8_192,
            header_s: 60,
            drain_s: 25,
            tls_cert_file: None,
            tls_key_file: None,
        }
    }
}

impl Default for Admin {
    fn default() -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 8081));
        Self {
            listen,
            token_env: "APPRENTICE_ADMIN_TOKEN".into(),
            hosts: Vec::new(),
            tls_cert_file: None,
            tls_key_file: None,
        }
    }
}

impl Default for Callsites {
    fn default() -> Self {
        Self {
            discover: Discover::Learn,
            split: Split::Templates,
            found_max: 256,
            repeat_s: 60,
            alias_model: None,
            r#match: Vec::new(),
        }
    }
}

impl Default for Data {
    fn default() -> Self {
        Self { dir: "data".into(), registry: "models/registry".into() }
    }
}

impl Default for Capture {
    fn default() -> Self {
        Self {
            enabled: true,
            queue_mb: 64,
            segment_mb: 256,
            segment_hours: 24 * 7,
            retention_days: 90,
            total_mb: 10_240,
            free_mb_min: 512,
            export_dir: None,
            redact: Vec::new(),
        }
    }
}

impl Default for Student {
    fn default() -> Self {
        Self {
            enabled: true,
            backend: Backend::Local,
            base: "models/gemma-3-1b-it".into(),
            format: FormatSetting::Auto,
            onnxruntime: None,
            context: 2048,
            rows: 8,
            threads: 1,
            queue: 8,
            prefix_cache_mb: 256,
            adapter_cache_mb: 1024,
            draft_tokens: 8,
            shortlist: true,
            answer_seconds_max: 60.0,
            remote: Server::default(),
        }
    }
}

impl Default for Site {
    fn default() -> Self {
        Self {
            capture: true,
            retention_days: None,
            comparison: Comparison::default(),
            max_tokens: 512,
            temperature: 0.0,
            top_p: 1.0,
        }
    }
}
