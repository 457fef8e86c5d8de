//! Where requests come from, and which of them are requests.

use std::collections::BTreeMap;

use rand::RngExt;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wire::{Prompt, Sampling};

use super::templates::{Template, Templates};
use super::{PIPELINE, Settings};
use crate::GenerateError;
use crate::dialogue::{CharacterRole, Persona, persona};
use crate::facts::Refused;
use crate::item::{Check, Item};
use crate::novelty::Pool;
use crate::prompts::question;
use crate::records::read_records;
use crate::run::{Ask, Call, Run};

pub(super) const STAGE: &str = "requests";
/// Filled templates that a model is shown before it makes a request.
pub(super) const SHOWN: usize = 3;
/// The seed's own spread of sampling for requests.
const TEMPERATURES: std::ops::Range<f32> = 0.6..1.2;
const TOP_PS: std::ops::Range<f32> = 0.85..0.98;
const MAX_TOKENS: u32 = 80;
/// Words of a request; likeness to another one above which it is not new.
const WORDS: std::ops::RangeInclusive<usize> = 3..=60;
const ROUGE_MAX: f64 = 0.7;
/// Calls for one request that is wanted, at most.
const TRIES: usize = 3;

/// Who makes requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A prompt set (v1).
    Guided,
    Templates,
    Student,
    Teacher,
}

/// One request that a student answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    #[serde(default)]
    pub id: String,
    pub text: String,
    #[serde(default)]
    pub system: Option<String>,
    #[serde(default)]
    pub demands_call: bool,
}

/// What requests are made with.
pub(super) struct Workshop {
    templates: Templates,
    personas: Vec<Persona>,
    /// By role: everything that was asked.
    pools: BTreeMap<CharacterRole, Pool>,
}

/// As many requests as `settings` wants, from every source in turn.
pub(super) async fn make(
    run: &mut Run,
    settings: &Settings,
    rng: &mut ChaCha8Rng,
) -> Result<Vec<Request>, GenerateError> {
    let (mut workshop, refused) = Workshop::load(settings)?;
    refused.into_iter().for_each(|line| run.refuse(line));
    let mut requests = Vec::new();
    let sources = settings.sources.len();
    for (place, source) in settings.sources.iter().enumerate() {
        let count = settings.count / sources + usize::from(place < settings.count % sources);
        let made = match source {
            Source::Guided => guided(run, settings, count)?,
            Source::Templates => (0..count).filter_map(|_| workshop.filled(settings, rng)).collect(),
            Source::Student | Source::Teacher => modelled(run, settings, &mut workshop, *source, count, rng).await?,
        };
        requests.extend(made);
    }
    if requests.is_empty() {
        return Err(GenerateError::Nothing("no source gave a request".into()));
    }
    Ok(requests)
}

/// The prompt set, over and over until there are `count`.
fn guided(run: &mut Run, settings: &Settings, count: usize) -> Result<Vec<Request>, GenerateError> {
    let Some(path) = &settings.prompt_set else { return Ok(Vec::new()) };
    let (set, refused) = read_records::<Request>(path)?;
    refused.into_iter().for_each(|line| run.refuse(line));
    let number = |(at, request): (usize, &Request)| Request { id: format!("guided-{at}"), ..request.clone() };
    Ok(set.iter().enumerate().map(number).cycle().take(if set.is_empty() { 0 } else { count }).collect())
}

impl Workshop {
    /// Reads templates, slots and characters; and the lines that are none.
    pub(super) fn load(settings: &Settings) -> Result<(Self, Vec<Refused>), GenerateError> {
        let (mut templates, mut refused) = Templates::load(settings.templates.as_deref(), settings.slots.as_deref())?;
        let (mut personas, more) = persona::load(settings.personas.as_deref())?;
        refused.extend(more);
        let wanted = |role: CharacterRole| settings.roles.is_empty() || settings.roles.contains(&role);
        personas.retain(|persona| wanted(persona.role));
        let has_persona = |template: &Template| personas.iter().any(|persona| persona.role == template.role);
        // A call can only be demanded where there are tools.
        templates
            .all
            .retain(|template| has_persona(template) && (!template.demands_call || settings.verifiers.tools.is_some()));
        if templates.all.is_empty() {
            return Err(GenerateError::Nothing("no template fits the roles that are asked for".into()));
        }
        Ok((Self { templates, personas, pools: BTreeMap::new() }, refused))
    }

    fn persona(&self, role: CharacterRole, rng: &mut ChaCha8Rng) -> Option<&Persona> {
        let of_role: Vec<&Persona> = self.personas.iter().filter(|persona| persona.role == role).collect();
        of_role.choose(rng).copied()
    }

    /// A filled template, put to somebody of its role.
    fn filled(&self, settings: &Settings, rng: &mut ChaCha8Rng) -> Option<Request> {
        let template = self.templates.all.choose(rng)?;
        let system = system(self.persona(template.role, rng)?, settings, rng);
        let text = self.templates.fill(template, rng);
        Some(Request { id: template.id.clone(), text, system: Some(system), demands_call: template.demands_call })
    }
}

/// Who the character is, and what tools there are with which ids.
fn system(persona: &Persona, settings: &Settings, rng: &mut ChaCha8Rng) -> String {
    let mut text = persona.system();
    let Some(rules) = &settings.verifiers.tools else { return text };
    let tools = rules.tools.iter().map(|(name, tool)| format!("{name}({})", tool.required.join(", ")));
    text.push_str(&format!(" Tools: {}.", tools.collect::<Vec<_>>().join(", ")));
    if rules.context {
        let mut id = |prefix: &str| {
            let tail: String = (0..9).map(|_| char::from(rng.random_range(b'a'..=b'z'))).collect();
            format!("{prefix}_{}_{tail}", rng.random_range(1_700_000_000_000_u64..1_800_000_000_000))
        };
        text.push_str(&format!(" The session is {}, the workspace {}.", id("session"), id("ws")));
    }
    text
}

/// Requests that a model makes.
async fn modelled(
    run: &mut Run,
    settings: &Settings,
    workshop: &mut Workshop,
    source: Source,
    count: usize,
    rng: &mut ChaCha8Rng,
) -> Result<Vec<Request>, GenerateError> {
    let mut made = Vec::new();
    for step in 0..TRIES {
        let missing = count - made.len();
        let (mut asks, mut cast) = (Vec::new(), Vec::new());
        for draw in 0..missing {
            let Some(template) = workshop.templates.all.choose(rng) else { break };
            let Some(persona) = workshop.persona(template.role, rng) else { break };
            let of_role: Vec<&Template> =
                workshop.templates.all.iter().filter(|other| other.role == template.role).collect();
            let lines: Vec<String> = of_role
                .sample(rng, SHOWN)
                .map(|template| workshop.templates.fill(template, &mut rng.clone()))
                .collect();
            let text =
                run.prompts.render("self_play/request", json!({ "persona": persona.system(), "lines": lines }))?;
            let (temperature, top_p) = (rng.random_range(TEMPERATURES), rng.random_range(TOP_PS));
            let sampling = Sampling::Random { temperature, top_p, seed: None };
            let prompt = Prompt { stop: vec!["\n".into()], ..question(text, MAX_TOKENS, sampling) };
            let draw = (u64::from(settings.iteration) << 48) + ((step as u64) << 32) + draw as u64;
            asks.push(Ask { stage: STAGE, prompt, draw });
            cast.push((template.clone(), system(persona, settings, rng)));
        }
        let asker = match (&run.student, source) {
            (Some(student), Source::Student) => student,
            _ => &run.teacher,
        };
        for (call, (template, system)) in asker.ask_all(asks).await?.into_iter().zip(cast) {
            if let Some((text, id)) = taken(run, settings, workshop, &call, template.role) {
                made.push(Request { id, text, system: Some(system), demands_call: template.demands_call });
            }
        }
    }
    Ok(made)
}

/// The request in `call`, if it is one.
fn taken(
    run: &mut Run,
    settings: &Settings,
    workshop: &mut Workshop,
    call: &Call,
    role: CharacterRole,
) -> Option<(String, String)> {
    if !run.answered("request answers", call, false) {
        return None;
    }
    let raw = call.text().unwrap_or_default();
    let text = spoken(raw);
    let mut item = run.item(&settings.site, STAGE, call, raw);
    item.round = settings.iteration;
    item.parsed = json!({ "text": text, "maker": PIPELINE });
    let pool = workshop.pools.entry(role).or_default();
    let passed = is_request(&mut item, &text, pool);
    if passed {
        pool.push(&text);
    }
    let id = item.id.clone();
    run.take(STAGE, item);
    passed.then_some((text, id))
}

fn is_request(item: &mut Item, text: &str, pool: &Pool) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "word counts")]
    let count = |count: usize| count as f64;
    let words = count(text.split_whitespace().count());
    let nearest = pool.nearest(text);
    let rouge = nearest.map_or(0.0, |nearest| nearest.rouge_l);
    item.max_rouge = Some(rouge);
    item.check(Check::at_least("words-min", words, count(*WORDS.start())))
        && item.check(Check::at_most("words-max", words, count(*WORDS.end())))
        && item.check(Check::plain("placeholder", !text.contains(['{', '}', '['])))
        && item.check(Check::at_most("novelty", rouge, ROUGE_MAX))
}

/// The first line, without a speaker's label and quotation marks.
fn spoken(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let line = line.strip_prefix("Player:").unwrap_or(line).trim();
    line.trim_matches(['"', '“', '”']).trim().to_owned()
}
