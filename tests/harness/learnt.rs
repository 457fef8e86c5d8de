//! Call sites that have a student already, made without training.
//!
//! The base is the golden model with its layers silenced and an embedding that makes every answer known:
//! whatever is asked, it says [`SAYS`] and stops, with a confidence of [`CONFIDENCE`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gemma::{Adapter, Config, Linear, Pair, SaveAs, Tensor32, Tokenizer, Weights};
use handover::{Audit, Candidate, Dice, Policy, State};
use ledger::Ledger;
use registry::Registry;
use telemetry::Metrics;

use crate::kept;
use crate::program::World;

/// What the student says to everything.
pub const SAYS: &str = "in you";
/// How sure it is of its least sure token: `1 / (1 + e^-2)`.
pub const CONFIDENCE: f64 = 0.880_797;
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
    export::export_base(&base, &world.data().join("graph-f32"), export::Format::F32).unwrap();
    world.set("student.enabled", true).set("student.base", base.display().to_string()).set("student.format", "f32");
    world.set("student.context", 256).set("lessons.enabled", false);
    // Hardly ever: a test that wants audits says so.
    world.set("handover.audit_share_serving", 1e-9);
}

/// Publishes an adapter as the next version of `site`; `number` makes it differ from others.
///
/// # Panics
/// When it cannot be written.
#[must_use]
pub fn publish(world: &World, site: &str, number: u8) -> String {
    let config = Config::load(&golden()).unwrap();
    let (out, width) = Linear::Q.shape(&config);
    // A factor of zeros changes nothing.
    let pair = Pair { a: vec![f32::from(number); width], b: vec![0.0; out] };
    let adapter = Adapter { rank: 1, alpha: 1.0, base: None, pairs: BTreeMap::from([((0, Linear::Q), pair)]) };
    let dir = world.dir.path().join(format!("adapter-{site}-{number}"));
    adapter.save(&dir).unwrap();
    Registry::new(&world.registry()).publish(site, &dir, serde_json::json!({})).unwrap()
}

/// Writes what a site's log holds after `version` has been tried with the confidence threshold `tau` and
/// compared with the teacher, always well, until it stands at `state`. The program must not be running.
///
/// # Panics
/// When it does not get there.
pub fn prove(world: &World, site: &str, version: &str, tau: f64, state: State) {
    let metrics = Arc::new(Metrics::new().unwrap());
    let ledger = Ledger::open_dir(&world.data().join("ledger"), Box::new(|_| Policy::default()), metrics).unwrap();
    // A site is known from its first request on.
    drop(ledger.plan(site, Dice { route: 0.0, audit: 0.0 }));
    let candidate = Candidate { version: version.to_owned(), grid: vec![tau], exam: 1.0 };
    ledger.candidate(site, 1, candidate).unwrap();
    for number in 2..500 {
        if ledger.view(site).unwrap().state == state {
            drop(ledger);
            kept::released(&world.data().join("ledger"));
            return;
        }
        let audit = Audit {
            request: number.to_string(),
            version: version.to_owned(),
            quality: 1.0,
            confidence: 1.0,
            verified: true,
            served: false,
        };
        ledger.audit(site, number, audit).unwrap();
    }
    panic!("{site} stands at {:?}", ledger.view(site).unwrap());
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
