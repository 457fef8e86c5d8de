//! Self-play (seed 003): a student answers requests, verifiers say which answers are desirable, and both kinds become a file for
//! KTO.
//!
//! Requests come from a prompt set (guided, v1), or are made: by templates, by the student itself, or by the teacher (true self-play,
//! v2). Every request and every answer is an item; a request that is no request falls, an answer never does: its label is what it is for.
//!
//! - `requests`: where requests come from; `templates`: requests with slots; `kto`: the balanced, interleaved file.
//!
//! Differences from the seed's code, on purpose: the classes are shuffled before the larger one is cut, so that no early part of a run is
//! preferred; where a request demands a call, chatter is not desirable.

mod kto;
mod requests;
mod templates;

use std::path::PathBuf;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};
use verify::{Verdict, Verifier, VerifierSettings, Verifiers};
use wire::{Answer, Finish, Prompt, Role, Sampling, Signals, Turn, Usage};

pub use kto::{CONVERSATIONS_FILE, KTO_FILE};
pub use requests::{Request, Source};

use crate::item::{Check, Label};
use crate::prompts::Prompts;
use crate::run::{Ask, Run};
use crate::{GenerateError, Planned, limits};

/// The maker's name.
pub const PIPELINE: &str = "self-play";
const STAGE: &str = "played answers";
/// The seed's own spread of sampling for answers.
const TEMPERATURES: std::ops::Range<f32> = 0.3..0.9;
const TOP_PS: std::ops::Range<f32> = 0.90..0.98;

/// What a run is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The call site that learns from it.
    pub site: String,
    /// Answers to make.
    pub count: usize,
    /// Where requests come from, in equal parts.
    pub sources: Vec<Source>,
    /// For [`Source::Guided`]: JSON lines of `{"text", "system"?, "demands_call"?}`.
    pub prompt_set: Option<PathBuf>,
    /// Files in place of the built-in ones.
    pub templates: Option<PathBuf>,
    pub slots: Option<PathBuf>,
    pub personas: Option<PathBuf>,
    /// Roles that requests are put to; all where it is empty.
    pub roles: Vec<crate::dialogue::CharacterRole>,
    /// Whether the student is told who it is; the seed's true self-play tells it nothing.
    pub system: bool,
    pub max_tokens: u32,
    /// What an answer must pass to be desirable.
    pub verifiers: VerifierSettings,
    /// Which part of an iteration this is: another number gives other requests.
    pub iteration: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            site: PIPELINE.to_owned(),
            count: 1_000,
            sources: vec![Source::Templates, Source::Student],
            prompt_set: None,
            templates: None,
            slots: None,
            personas: None,
            roles: Vec::new(),
            system: true,
            max_tokens: 200,
            verifiers: VerifierSettings::default(),
            iteration: 0,
        }
    }
}

/// Verifiers for requests that demand a call, and for those that do not.
struct Judges {
    plain: Verifiers,
    demanding: Verifiers,
}

impl Judges {
    fn new(settings: &VerifierSettings) -> Result<Self, GenerateError> {
        let with = |demanded: bool| {
            let mut settings = settings.clone();
            if let Some(rules) = &mut settings.tools {
                rules.demanded |= demanded;
            }
            Verifiers::new(&settings)
        };
        Ok(Self { plain: with(false)?, demanding: with(true)? })
    }

    fn of(&self, request: &Request) -> &Verifiers {
        if request.demands_call { &self.demanding } else { &self.plain }
    }
}

/// Plays `count` requests and writes the KTO file.
///
/// # Errors
/// What ends a run; bad lines of a file and bad answers do not.
pub async fn make(run: &mut Run, settings: &Settings) -> Result<(), GenerateError> {
    check(settings)?;
    let judges = Judges::new(&settings.verifiers)?;
    let mut rng = ChaCha8Rng::seed_from_u64(run.facts.seed);
    rng.set_stream(u64::from(settings.iteration));
    let requests = requests::make(run, settings, &mut rng).await?;
    let labelled = play(run, settings, &judges, &requests, &mut rng).await?;
    let desirable = labelled.iter().filter(|example| example.label).count();
    run.figure_share("desirable, share", desirable, labelled.len());
    let balanced = kto::balanced(labelled, &mut rng);
    #[expect(clippy::cast_precision_loss, reason = "a count")]
    run.figure("examples of the KTO file", balanced.len() as f64);
    kto::write(run.folder(), &balanced)
}

fn check(settings: &Settings) -> Result<(), GenerateError> {
    limits::at_least_one(&[("count", settings.count)])?;
    if settings.sources.is_empty() {
        let wanted = "must name at least one of guided, templates, student, teacher";
        return Err(GenerateError::Setting { key: "sources", value: "[]".into(), wanted });
    }
    if settings.sources.contains(&Source::Guided) && settings.prompt_set.is_none() {
        let wanted = "must name a file where requests are guided";
        return Err(GenerateError::Setting { key: "prompt_set", value: "none".into(), wanted });
    }
    Ok(())
}

/// The student's answers with their labels, each an item too.
async fn play(
    run: &mut Run,
    settings: &Settings,
    judges: &Judges,
    requests: &[Request],
    rng: &mut ChaCha8Rng,
) -> Result<Vec<dataset::LabelledExample>, GenerateError> {
    let mut asks = Vec::new();
    for (draw, request) in requests.iter().enumerate() {
        let system = request.system.as_deref().filter(|_| settings.system);
        let turns = system.map(|text| Turn::new(Role::System, text)).into_iter();
        let turns = turns.chain([Turn::new(Role::User, &request.text)]).collect();
        let (temperature, top_p) = (rng.random_range(TEMPERATURES), rng.random_range(TOP_PS));
        let sampling = Sampling::Random { temperature, top_p, seed: None };
        let prompt = Prompt::new(turns, settings.max_tokens, sampling);
        asks.push(Ask { stage: STAGE, prompt, draw: (u64::from(settings.iteration) << 32) + draw as u64 });
    }
    let prompts: Vec<Prompt> = asks.iter().map(|ask| ask.prompt.clone()).collect();
    let asker = run.student.as_ref().unwrap_or(&run.teacher);
    let calls = asker.ask_all(asks).await?;
    let mut labelled = Vec::new();
    for ((call, request), prompt) in calls.into_iter().zip(requests).zip(prompts) {
        if !run.answered("answers", &call, false) {
            continue;
        }
        let text = call.text().unwrap_or_default().to_owned();
        let finish = if call.is_whole() { Finish::Stop } else { Finish::Length };
        let answer = Answer::new(text.clone(), finish, Usage::default(), Signals::default());
        let verdict = judges.of(request).check(&prompt, &answer);
        let mut item = run.item(&settings.site, STAGE, &call, &text);
        (item.round, item.parents) = (settings.iteration, vec![request.id.clone()]);
        item.label = Some(Label::Desirable(verdict == Verdict::Pass));
        item.parsed = serde_json::json!({
            "request": request, "verdict": match verdict { Verdict::Pass => "pass", Verdict::Fail(name) => name },
        });
        // An empty answer teaches nothing, not even what to avoid.
        if item.check(Check::plain("empty", !text.trim().is_empty())) {
            let completion = [Turn::new(Role::Assistant, &text)];
            let label = verdict == Verdict::Pass;
            if label {
                item.messages = prompt.turns.iter().cloned().chain(completion.clone()).collect();
            }
            labelled.push(dataset::LabelledExample { prompt: prompt.turns, completion, label });
        }
        run.funnel.count(
            "desirable",
            match verdict {
                Verdict::Pass => None,
                Verdict::Fail(name) => Some(name),
            },
        );
        run.take(STAGE, item);
    }
    Ok(labelled)
}

/// What [`make`] would ask of the teacher: requests, where it makes them.
///
/// # Errors
/// When the settings or a template cannot be used.
pub fn plan(prompts: &Prompts, settings: &Settings) -> Result<Vec<Planned>, GenerateError> {
    check(settings)?;
    // What cannot be used is said before anything is asked.
    requests::Workshop::load(settings)?;
    let share = settings.count.div_ceil(settings.sources.len());
    let lines = ["a line of about ten words that a player says"; requests::SHOWN];
    let persona = "a character's name, place, voice and what it knows, in forty words or so ".repeat(4);
    let text = prompts.render("self_play/request", serde_json::json!({ "persona": persona, "lines": lines }))?;
    let by_teacher = settings.sources.iter().filter(|source| **source == Source::Teacher).count();
    Ok(vec![
        Planned::new(requests::STAGE, by_teacher * share * 3 / 2, &text, 30),
        Planned { stage: STAGE.to_owned(), calls: settings.count as u64, prompt_tokens: 0, answer_tokens: 0 },
    ])
}
