//! Self-Instruct (seed 001; Wang et al., arXiv 2212.10560): new writing tasks from a pool, each with worked examples.
//!
//! Tasks are shown eight at a time, mostly human ones (`sampling`); a model goes on with the list (`parse`); what is not new or not
//! of this world falls (`filters`); is it a classification task? Then labels come before inputs, so that every label is covered,
//! else inputs before outputs; the examples that hold become questions and answers (`format`).
//!
//! Differences from the released code, on purpose: chat messages in place of completions; no presence penalty, which many
//! teachers refuse; the examples of the yes-or-no question are drawn from the seed tasks; an own blacklist.

mod filters;
mod format;
mod parse;
mod sampling;
mod task;

use std::collections::BTreeSet;
use std::path::PathBuf;

use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wire::{Role, Sampling, Turn};

pub use filters::Thresholds;
pub use task::{Instance, Task};

use crate::item::Check;
use crate::novelty::Pool;
use crate::prompts::{Prompts, question};
use crate::run::{Ask, Run};
use crate::{GenerateError, Planned, limits};

/// The maker's name.
pub const PIPELINE: &str = "self-instruct";
/// The steps of the funnel.
const NEW: &str = "instructions";
const CLASS: &str = "classification";
const EXAMPLES: &str = "examples";
/// What the paper found among its own results: 92 % of the instructions were valid, 54 % of the tasks in all three parts.
const PUBLISHED_VALID: f64 = 0.92;
const PUBLISHED_ALL_VALID: f64 = 0.54;

/// New tasks that one call is asked for.
const TASKS_A_CALL: usize = 7;
/// Seed tasks shown with the yes-or-no question, half of each kind, and with a question for examples.
const CLASS_SHOWN: usize = 12;
const EXAMPLES_SHOWN: usize = 3;
/// Rounds without a new task after which the pool counts as exhausted.
const IDLE_ROUNDS_MAX: u32 = 5;
/// Calls for every task that is wanted. One that is worth its price gives several; a teacher that mostly repeats itself must not be paid
/// for ever.
const CALLS_PER_TASK_MAX: usize = 1;

/// What a run is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The call site that learns from the examples.
    pub site: String,
    /// New instructions to make.
    pub count: usize,
    /// Calls of one round, which all see the same pool.
    pub round_calls: usize,
    /// Share of human tasks among those shown.
    pub human_share: f64,
    /// Examples of a task, at most.
    pub instances_max: usize,
    /// JSONL of seed tasks in place of the built-in ones.
    pub tasks: Option<PathBuf>,
    pub thresholds: Thresholds,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            site: PIPELINE.to_owned(),
            count: 100,
            round_calls: 5,
            human_share: 0.75,
            instances_max: 5,
            tasks: None,
            thresholds: Thresholds::default(),
        }
    }
}

/// The pool: the seed tasks, then what was made, with the id of every instruction.
struct Tasks {
    human: Vec<Task>,
    made: Vec<(String, String)>,
    pool: Pool,
}

impl Tasks {
    fn new(human: Vec<Task>) -> Self {
        let mut pool = Pool::default();
        human.iter().for_each(|task| pool.push(&task.instruction));
        Self { human, made: Vec::new(), pool }
    }

    fn at(&self, place: usize) -> (&str, &str) {
        match self.human.get(place) {
            Some(task) => (&task.id, &task.instruction),
            None => self.made.get(place - self.human.len()).map_or(("", ""), |(id, text)| (id, text)),
        }
    }
}

/// Makes tasks until there are enough, then their examples.
///
/// # Errors
/// What ends a run; bad lines of a file and bad answers do not.
pub async fn make(run: &mut Run, settings: &Settings) -> Result<(), GenerateError> {
    check(settings)?;
    let (human, refused) = task::load(settings.tasks.as_deref())?;
    refused.into_iter().for_each(|line| run.refuse(line));
    run.funnel.published(NEW, PUBLISHED_VALID);
    run.funnel.published(EXAMPLES, PUBLISHED_ALL_VALID);
    let mut tasks = Tasks::new(human);
    let (mut round, mut idle) = (0, 0);
    let rounds_max = (settings.count * CALLS_PER_TASK_MAX).div_ceil(settings.round_calls).max(IDLE_ROUNDS_MAX as usize);
    while tasks.made.len() < settings.count && idle < IDLE_ROUNDS_MAX && (round as usize) < rounds_max {
        let before = tasks.made.len();
        new_tasks(run, settings, &mut tasks, round).await?;
        idle = if tasks.made.len() == before { idle + 1 } else { 0 };
        round += 1;
    }
    #[expect(clippy::cast_precision_loss, reason = "a count")]
    let short = (settings.count - tasks.made.len()) as f64;
    if short > 0.0 {
        run.figure("instructions short of the count: the teacher gave nothing new", short);
    }
    let asked = classified(run, settings, &tasks).await?;
    examples(run, settings, &tasks, asked).await
}

fn check(settings: &Settings) -> Result<(), GenerateError> {
    limits::shares(&[("human_share", settings.human_share)])?;
    limits::at_least_one(&[
        ("count", settings.count),
        ("round_calls", settings.round_calls),
        ("instances_max", settings.instances_max),
    ])
}

/// One round: every call sees the pool as it was at the round's begin.
async fn new_tasks(run: &mut Run, settings: &Settings, tasks: &mut Tasks, round: u32) -> Result<(), GenerateError> {
    let first = sampling::SHOWN + 1;
    let mut asks = Vec::new();
    let mut parents = Vec::new();
    for call in 0..settings.round_calls {
        let mut rng = ChaCha8Rng::seed_from_u64(run.facts.seed);
        rng.set_stream((u64::from(round) << 32) + call as u64);
        let shown = sampling::shown(&mut rng, tasks.human.len(), tasks.made.len(), settings.human_share);
        let (ids, texts): (Vec<String>, Vec<&str>) =
            shown.iter().map(|place| tasks.at(*place)).map(|(id, text)| (id.to_owned(), text)).unzip();
        let slots = json!({ "tasks": texts, "next": first, "last": first + TASKS_A_CALL - 1 });
        let prompt = question(run.prompts.render("self_instruct/instructions", slots)?, 1024, CREATIVE);
        asks.push(Ask { stage: NEW, prompt, draw: u64::from(round) });
        parents.push(ids);
    }
    for (call, parents) in run.teacher.ask_all(asks).await?.into_iter().zip(parents) {
        if !run.answered("answers", &call, false) {
            continue;
        }
        let texts = parse::tasks(call.text().unwrap_or_default(), first);
        // The released code drops all of an answer that was cut off; only its last task is unfinished.
        let whole = texts.len() - usize::from(!call.is_whole() && !texts.is_empty());
        for (place, text) in texts.into_iter().enumerate() {
            if tasks.made.len() >= settings.count {
                break;
            }
            let nearest = tasks.pool.nearest(&text);
            let near = nearest.map(|nearest| (nearest.rouge_l, tasks.at(nearest.index)));
            let mut item = run.item(&settings.site, NEW, &call, &text);
            (item.round, item.parents) = (round, parents.clone());
            item.parsed = json!({ "instruction": text });
            item.max_rouge = near.map(|(rouge, _)| rouge);
            item.nearest_id = near.map(|(_, (id, _))| id.to_owned());
            item.checks =
                filters::instruction(&text, settings.thresholds, near.map(|(rouge, (_, text))| (rouge, text)));
            item.check(Check::plain("cut-off", place < whole));
            if item.is_kept() {
                tasks.pool.push(&text);
                tasks.made.push((item.id.clone(), text));
            }
            run.take(NEW, item);
        }
    }
    Ok(())
}

/// How freely new tasks are drawn (the released code's numbers); everything else is asked for its likeliest answer.
const CREATIVE: Sampling = Sampling::Random { temperature: 0.7, top_p: 0.5, seed: None };

/// Whether each new task is a classification task; tasks without an answer are left out.
async fn classified(run: &mut Run, settings: &Settings, tasks: &Tasks) -> Result<Vec<(usize, bool)>, GenerateError> {
    let mut rng = stream(run, 1);
    let (yes, no): (Vec<&Task>, Vec<&Task>) = tasks.human.iter().partition(|task| task.is_classification);
    let mut shown: Vec<&Task> = yes.sample(&mut rng, CLASS_SHOWN / 2).copied().collect();
    shown.extend(no.sample(&mut rng, CLASS_SHOWN / 2).copied());
    shown.sort_by_key(|task| &task.id);
    let ask = |(_, instruction): &(String, String)| {
        let text = run
            .prompts
            .render("self_instruct/classification", json!({ "examples": shown, "instruction": instruction }))?;
        Ok(Ask { stage: CLASS, prompt: question(text, 8, Sampling::Greedy), draw: 0 })
    };
    let asks = tasks.made.iter().map(ask).collect::<Result<Vec<_>, GenerateError>>()?;
    let mut found = Vec::new();
    for (place, call) in run.teacher.ask_all(asks).await?.into_iter().enumerate() {
        if run.answered(CLASS, &call, false) {
            found.push((place, parse::is_yes(call.text().unwrap_or_default())));
        }
    }
    let positive = found.iter().filter(|(_, is_class)| *is_class).count();
    run.figure_share("classification tasks, share", positive, found.len());
    tracing::debug!(site = settings.site, positive, "classified");
    Ok(found)
}

/// The examples of every task, and what of them holds.
async fn examples(
    run: &mut Run,
    settings: &Settings,
    tasks: &Tasks,
    asked: Vec<(usize, bool)>,
) -> Result<(), GenerateError> {
    let mut rng = stream(run, 2);
    let mut asks = Vec::new();
    for (place, is_class) in &asked {
        let same: Vec<&Task> = tasks.human.iter().filter(|task| task.is_classification == *is_class).collect();
        let shown: Vec<&Task> = same.sample(&mut rng, EXAMPLES_SHOWN).copied().collect();
        let template = if *is_class { "self_instruct/output_first" } else { "self_instruct/input_first" };
        let instruction = tasks.made.get(*place).map_or("", |(_, text)| text);
        let slots = json!({ "examples": shown, "instruction": instruction, "instances_max": settings.instances_max });
        let text = run.prompts.render(template, slots)?;
        let tokens = if *is_class { 300 } else { 350 };
        asks.push(Ask { stage: EXAMPLES, prompt: question(text, tokens, Sampling::Greedy), draw: 0 });
    }
    let mut taken = BTreeSet::new();
    for ((place, is_class), call) in asked.into_iter().zip(run.teacher.ask_all(asks).await?) {
        if !run.answered("example answers", &call, false) {
            continue;
        }
        let Some((task, instruction)) = tasks.made.get(place) else { continue };
        let text = call.text().unwrap_or_default();
        let mut instances = if is_class { parse::output_first(text) } else { parse::input_first(text) };
        let whole = instances.len() - usize::from(!call.is_whole() && !instances.is_empty());
        instances.truncate(settings.instances_max);
        for (place, (instance, verdict)) in instances.iter().zip(filters::examples(&instances)).enumerate() {
            let mut item = run.item(&settings.site, EXAMPLES, &call, &instance.output);
            item.parents = vec![task.clone()];
            item.parsed = json!({
                "instruction": instruction, "input": instance.input, "output": instance.output,
                "is_classification": is_class,
            });
            item.check(verdict.map_or_else(|reason| Check::plain(reason, false), |()| Check::plain("instance", true)));
            item.check(Check::plain("cut-off", place < whole));
            let asked = format::question(&mut rng, instruction, instance);
            let new = !item.is_kept() || taken.insert((asked.clone(), instance.output.clone()));
            item.check(Check::plain("repeated", new));
            item.messages = vec![Turn::new(Role::User, &asked), Turn::new(Role::Assistant, &instance.output)];
            run.take(EXAMPLES, item);
        }
    }
    Ok(())
}

fn stream(run: &Run, number: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(run.facts.seed);
    rng.set_stream(u64::MAX - number);
    rng
}

/// What [`make`] would ask. Of the new instructions a third is taken to fall.
///
/// # Errors
/// When the seed tasks or a template cannot be used.
pub fn plan(prompts: &Prompts, settings: &Settings) -> Result<Vec<Planned>, GenerateError> {
    check(settings)?;
    let (human, _) = task::load(settings.tasks.as_deref())?;
    let texts: Vec<&str> = human.iter().take(sampling::SHOWN).map(|task| task.instruction.as_str()).collect();
    let slots = json!({ "tasks": texts, "next": sampling::SHOWN + 1, "last": sampling::SHOWN + TASKS_A_CALL });
    let new = prompts.render("self_instruct/instructions", slots)?;
    let shown: Vec<&Task> = human.iter().take(CLASS_SHOWN).collect();
    let class = prompts.render("self_instruct/classification", json!({ "examples": shown, "instruction": "" }))?;
    let shown: Vec<&Task> = human.iter().take(EXAMPLES_SHOWN).collect();
    let slots = json!({ "examples": shown, "instruction": "", "instances_max": settings.instances_max });
    let worked = prompts.render("self_instruct/input_first", slots)?;
    let calls = (settings.count * 3).div_ceil(2 * TASKS_A_CALL);
    Ok(vec![
        Planned::new(NEW, calls, &new, 250),
        Planned::new(CLASS, settings.count, &class, 2),
        Planned::new(EXAMPLES, settings.count, &worked, 200),
    ])
}
