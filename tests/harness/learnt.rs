//! Call sites that have a student already, made without training.
//!
//! The base is the golden model with its layers silenced and an embedding that makes every answer known:
//! whatever is asked, it says [`SAYS`] and stops, with a confidence of [`CONFIDENCE`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use callsite::{SiteId, VersionId};
use gemma::{Adapter, Config, Linear, LoraPair, SaveAs, Tensor32, Tokenizer, Weights};
use handover::{Audit, AuditOutcome, Basis, Candidate, Numbers, Policy, State};
use ledger::Ledger;
use registry::Registry;
use rules::{LiveRules, Rules, SiteRules};
use telemetry::Metrics;
use verify::{Comparison, VerifierSettings, Verifiers};
use wire::Sampling;

use crate::kept;
use crate::program::World;

/// What the student says to everything.
pub const SAYS: &str = "in you";
/// How sure it is of its least sure token: `1 / (1 + e^-2)`.
pub const CONFIDENCE: f64 = 0.880_797;
/// How long a small lesson may take on two busy processors.
pub const LESSON: Duration = Duration::from_secs(60);
/// Its logit's lead over the only other token that comes into question.
const LEAD: f32 = 2.0;

/// The golden model's folder.
#[must_use]
pub fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../golden/tiny_gemma")
}

/// Gives `world` a base and its graph, and switches its students on and its lessons off.
///
/// # Panics
/// When a file cannot be made.
pub fn with_students(world: &mut World) {
    let base = world.dir.path().join("base");
    write_base(&base);
    export::export_base(&base, &world.data().join("graph-f32"), gemma::GraphFormat::F32).unwrap();
    world.set("student.enabled", true).set("student.base", base.display().to_string()).set("student.format", "f32");
    world.set("student.context", 256).set("lessons.enabled", false);
    // Hardly ever: a test that wants audits says so.
    world.set("handover.audit_share_serving", 1e-9);
}

/// Gives prompts and answers of `world` room for `tokens` tokens; call it after the students or the lessons were switched on.
///
/// # Panics
/// When a file cannot be made.
pub fn with_room(world: &mut World, tokens: u32) {
    let base = world.dir.path().join("base");
    if !base.try_exists().unwrap() {
        std::fs::create_dir_all(&base).unwrap();
        for name in ["tokenizer.json", "model.safetensors"] {
            std::fs::copy(golden().join(name), base.join(name)).unwrap();
        }
    }
    let config = std::fs::read(golden().join("config.json")).unwrap();
    let mut config: serde_json::Value = serde_json::from_slice(&config).unwrap();
    config["max_position_embeddings"] = tokens.into();
    std::fs::write(base.join("config.json"), config.to_string()).unwrap();
    let graph = world.data().join("graph-f32");
    if graph.try_exists().unwrap() {
        std::fs::remove_dir_all(&graph).unwrap();
        export::export_base(&base, &graph, gemma::GraphFormat::F32).unwrap();
    }
    world.set("student.base", base.display().to_string()).set("student.context", i64::from(tokens));
}

/// Gives `world` a small base, and lessons of `steps` steps that begin with few exchanges.
///
/// # Panics
/// When the base is not there.
pub fn with_lessons(world: &mut World, exchanges: u32, steps: i64) {
    let base = golden().canonicalize().unwrap();
    world.set("student.enabled", true).set("student.base", base.display().to_string());
    world.set("student.format", "f32").set("student.context", 256).set("site.max_tokens", 16);
    world.set("handover.exam_min", 0.0).set("handover.audit_share_shadow", 1.0);
    world.set("lessons.exchanges_min", i64::from(exchanges)).set("lessons.check_every_ms", 50);
    world.set("lessons.quiet.window_s", 1).set("lessons.quiet.requests_per_s", 1.0);
    world.set("lessons.pause.requests_per_s", 0.0);
    world.set("lessons.dataset.held_out_fraction", 0.3);
    for (key, value) in [("rank", 4), ("batch_size", 4), ("max_steps", steps), ("threads", 1), ("patience", 0)] {
        world.set(&format!("lessons.train.{key}"), value);
    }
    world.set("lessons.train.evaluate_every_steps", 10_000).set("lessons.train.epochs", 1e6);
    world.set("lessons.train.checkpoint_every_s", 0.1);
}

/// Publishes an adapter as the next version of `site`; `number` makes it differ from others.
///
/// # Panics
/// When it cannot be written.
#[must_use]
pub fn publish(world: &World, site: &str, number: u8) -> VersionId {
    let config = Config::load(&golden()).unwrap();
    let (out, width) = Linear::Q.shape(&config);
    // A factor of zeros changes nothing.
    let pair = LoraPair { a: vec![f32::from(number); width], b: vec![0.0; out] };
    let adapter = Adapter { rank: 1, alpha: 1.0, base: None, pairs: BTreeMap::from([((0, Linear::Q), pair)]) };
    let dir = world.dir.path().join(format!("adapter-{site}-{number}"));
    adapter.save(&dir).unwrap();
    let site = SiteId::new(site).unwrap();
    Registry::new(&world.registry()).publish(&site, &dir, serde_json::json!({})).unwrap()
}

/// The policy and the basis that the program holds `site` to with the world's configuration.
fn rules(world: &World, site: &SiteId) -> (Policy, Basis) {
    let exit = world.run(&["rules", "--config", world.config().to_str().unwrap(), site.as_str()]);
    assert_eq!(exit.code, Some(0), "{exit:?}");
    let said: serde_json::Value = serde_json::from_str(&exit.stdout).unwrap();
    let part = |key: &str| said[key].clone();
    (serde_json::from_value(part("policy")).unwrap(), serde_json::from_value(part("basis")).unwrap())
}

/// Rules of which only the policy and the basis matter: nothing is answered here.
fn live(policy: &Policy, basis: &Basis) -> LiveRules {
    let verifier_settings = VerifierSettings::default();
    let rules = SiteRules {
        policy: policy.clone(),
        basis: basis.clone(),
        measure_on: Basis::default(),
        judge: false,
        learns: false,
        verifiers: Arc::new(Verifiers::new(&verifier_settings).unwrap()),
        verifier_settings,
        comparison: Comparison::Exact,
        sampling: Sampling::Greedy,
        max_tokens: 1,
        capture: true,
    };
    LiveRules::new(Rules::new(rules, BTreeMap::new()))
}

/// Writes what a site's log holds after `version` has been tried with `confidence_threshold` and
/// compared with the teacher, always well, until it stands at `state`. The program must not be running, and the
/// configuration must be the one that it will be started with: evidence holds for that one.
///
/// # Panics
/// When it does not get there.
pub fn prove(world: &World, site: &str, version: &VersionId, confidence_threshold: f64, state: State) {
    let site = SiteId::new(site).unwrap();
    let (policy, basis) = rules(world, &site);
    let (dir, metrics) = (world.data().join("ledger"), Arc::new(Metrics::new().unwrap()));
    let ledger = Ledger::open_dir(&dir, live(&policy, &basis), metrics, 1).unwrap();
    assert!(ledger.register(&site));
    let candidate = Candidate {
        version: version.clone(),
        grid: vec![confidence_threshold],
        likely: Some(confidence_threshold),
        exam: 1.0,
        measure: None,
        calibration: None,
        policy,
        basis,
    };
    ledger.add_candidate(&site, 1, candidate).unwrap();
    for number in 2..500 {
        if ledger.view(&site).unwrap().state == state {
            drop(ledger);
            kept::released(&world.data().join("ledger"));
            return;
        }
        let numbers = Numbers::default();
        let outcome = AuditOutcome::Compared { quality: 1.0, bad: false, confidence: 1.0, verified: true, numbers };
        let (request, version) = (number.to_string(), version.clone());
        let audit = Audit {
            request,
            version,
            served: false,
            prompt: number,
            near: number,
            user: None,
            features: None,
            outcome,
        };
        ledger.record_audit(&site, number, audit).unwrap();
    }
    panic!("{site} stands at {:?}", ledger.view(&site).unwrap());
}

/// Writes the base described above into `dir`.
fn write_base(dir: &Path) {
    std::fs::create_dir_all(dir).unwrap();
    for name in ["config.json", "tokenizer.json"] {
        std::fs::copy(golden().join(name), dir.join(name)).unwrap();
    }
    let config = Config::load(&golden()).unwrap();
    let weights = Weights::load(&golden()).unwrap();
    let silent: Vec<String> = (0..config.num_hidden_layers)
        .flat_map(|layer| [Linear::O, Linear::Down].map(|linear| linear.weight_name(layer)))
        .collect();
    let changed = |name: &str| {
        let mut tensor = weights.get(name).unwrap();
        if name == gemma::EMBEDDING {
            tensor = embedding(&config);
        } else if name == gemma::FINAL_NORM || silent.iter().any(|silent| silent == name) {
            tensor.data.fill(0.0);
        }
        (name.to_owned(), tensor)
    };
    Weights::save(dir, weights.names().map(changed), SaveAs::F32).unwrap();
}

/// An embedding in which each token of the answer is the likeliest after the one before it.
///
/// The head is the embedding's transpose, so a token's logit is its product with the last token. Neighbours in
/// the chain share a dimension of their own, and each link is four times as strong as the one before it, so
/// that a token prefers its successor to itself.
fn embedding(config: &Config) -> Tensor32 {
    let tokenizer = Tokenizer::load(&golden()).unwrap();
    let last_of_prompt = tokenizer.encode("model\n").unwrap().last().copied().unwrap();
    let mut chain = vec![last_of_prompt];
    chain.extend(tokenizer.encode(SAYS).unwrap());
    chain.push(tokenizer.special.end_of_turn);
    let mut data = vec![0.0; config.vocab_size * config.hidden_size];
    let at = |token: u32, dimension: usize| token as usize * config.hidden_size + dimension;
    let mut strength = 1.0;
    for (dimension, link) in chain.windows(2).enumerate() {
        data[at(link[0], dimension)] = strength;
        strength *= 4.0;
        data[at(link[1], dimension)] = strength;
    }
    // A rival to the answer's first token. The last token of the prompt, normalised, is sqrt(hidden size) long.
    let rival = tokenizer.encode("?").unwrap().last().copied().unwrap();
    let length = f32::from(u16::try_from(config.hidden_size).unwrap()).sqrt();
    data[at(rival, 0)] = 4.0 - LEAD / length;
    Tensor32 { shape: vec![config.vocab_size, config.hidden_size], data }
}
