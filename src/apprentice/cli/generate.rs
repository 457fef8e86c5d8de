//! The arguments of `apprentice generate`.

mod autoif;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use generate::levels::By;

use super::AdminAccess;
use super::dataset::Filters;
pub(crate) use autoif::{AutoIf, Preset};

/// A maker of training data, or what is done with its run.
#[derive(Subcommand)]
pub(crate) enum Generate {
    #[command(flatten)]
    Make(Box<Make>),
    /// Apply other thresholds to a finished run; nobody is asked.
    Refilter(Refilter),
    /// Put runs together into a frozen training set: near duplicates out, quotas for roles and acts, split.
    Prepare(Prepare),
    /// Put what a run kept into the exchange log, so that its call sites learn from it.
    Store(Store),
}

/// A maker.
#[derive(Subcommand)]
pub(crate) enum Make {
    /// New writing tasks with examples, from seed tasks (Self-Instruct).
    SelfInstruct(SelfInstruct),
    /// Scenes between players and characters, by the teacher: as many for every role and speech act.
    Bootstrap(Bootstrap),
    /// More scenes, by the student, in rounds; scenes by people and the teacher stay in view.
    SelfGrow(SelfGrow),
    /// A student's answers to requests, labelled by verifiers, for KTO; with --iterate also the lessons.
    SelfPlay(SelfPlay),
    /// Rules for answers, Python functions that check them, and answers that pass (AutoIF); also pairs for DPO.
    #[command(name = "autoif")]
    AutoIf(AutoIf),
    /// Levels of a role-playing game and their maps, every map checked.
    Levels(Levels),
}

/// What every maker is told.
#[derive(Args)]
pub(crate) struct Making {
    /// The run's folder; the same command goes on with a run that was stopped. DATA/generate/MAKER otherwise.
    #[arg(long, value_name = "DIR")]
    pub(crate) run: Option<PathBuf>,
    #[arg(long, short, default_value = "apprentice.toml")]
    pub(crate) config: PathBuf,
    /// Ask the built-in practice teacher; no configuration is needed.
    #[arg(long, conflicts_with = "config")]
    pub(crate) practice: bool,
    /// The teacher's model, in place of `generate.model`.
    #[arg(long)]
    pub(crate) model: Option<String>,
    /// Dollars that the run may cost in all, in place of `generate.budget_usd`.
    #[arg(long)]
    pub(crate) budget_usd: Option<f64>,
    /// Folder of prompt templates that go before those of `seeds/prompts`.
    #[arg(long, value_name = "DIR")]
    pub(crate) prompts: Option<PathBuf>,
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Say what would be asked and what it would cost, and ask nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// End with the report as one line of JSON on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct SelfInstruct {
    #[command(flatten)]
    pub(crate) making: Making,
    /// The call site that learns from the examples.
    #[arg(long, default_value = "self-instruct")]
    pub(crate) site: String,
    /// New instructions to make.
    #[arg(long, default_value_t = 100)]
    pub(crate) count: usize,
    /// Share of human tasks among the eight that a prompt shows.
    #[arg(long, default_value_t = 0.75)]
    pub(crate) human_share: f64,
    /// ROUGE-L with the nearest task above which an instruction is not new.
    #[arg(long, default_value_t = 0.7)]
    pub(crate) rouge_max: f64,
    /// Seed tasks in place of the built-in ones, JSON lines.
    #[arg(long, value_name = "FILE")]
    pub(crate) tasks: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Scenes {
    /// Lines of the player in one scene, at most.
    #[arg(long, default_value_t = 3)]
    pub(crate) turns_max: usize,
    /// Characters in place of the built-in ones, JSON lines.
    #[arg(long, value_name = "FILE")]
    pub(crate) personas: Option<PathBuf>,
    /// Scenes that people wrote, in place of the built-in ones, JSON lines.
    #[arg(long, value_name = "FILE")]
    pub(crate) scenes: Option<PathBuf>,
    /// ROUGE-L with the nearest scene above which the player's lines are not new.
    #[arg(long, default_value_t = 0.7)]
    pub(crate) rouge_max: f64,
}

#[derive(Args)]
pub(crate) struct Bootstrap {
    #[command(flatten)]
    pub(crate) making: Making,
    #[command(flatten)]
    pub(crate) scenes: Scenes,
    /// Scenes to make.
    #[arg(long, default_value_t = 1000)]
    pub(crate) count: usize,
}

#[derive(Args)]
pub(crate) struct SelfGrow {
    #[command(flatten)]
    pub(crate) making: Making,
    #[command(flatten)]
    pub(crate) scenes: Scenes,
    #[command(flatten)]
    pub(crate) student: Student,
    /// The bootstrap's run.
    #[arg(long, value_name = "DIR")]
    pub(crate) from: PathBuf,
    /// Scenes in all after each round.
    #[arg(long, value_delimiter = ',', default_values_t = [1000, 5000, 10000])]
    pub(crate) sizes: Vec<usize>,
    /// Scenes that a prompt shows.
    #[arg(long, default_value_t = 4)]
    pub(crate) shown: usize,
    /// Share of them that people or the teacher wrote, at least.
    #[arg(long, default_value_t = 0.75)]
    pub(crate) anchor_share: f64,
}

/// Which student is asked: the configured base, with an adapter or without.
#[derive(Args)]
pub(crate) struct Student {
    /// The student's adapter, a PEFT folder; the base alone otherwise.
    #[arg(long, value_name = "DIR")]
    pub(crate) adapter: Option<PathBuf>,
    /// Teach the base first, on what the run begins with.
    #[arg(long, conflicts_with = "adapter")]
    pub(crate) learn: bool,
    /// The base, in place of `student.base`.
    #[arg(long, value_name = "DIR")]
    pub(crate) base: Option<PathBuf>,
}

/// Who makes requests.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum RequestSource {
    Guided,
    Templates,
    Student,
    Teacher,
}

#[derive(Args)]
pub(crate) struct SelfPlay {
    #[command(flatten)]
    pub(crate) making: Making,
    #[command(flatten)]
    pub(crate) student: Student,
    /// The call site that learns from it.
    #[arg(long, default_value = "self-play")]
    pub(crate) site: String,
    /// Answers to make.
    #[arg(long, default_value_t = 1000)]
    pub(crate) count: usize,
    /// Where requests come from, in equal parts.
    #[arg(long, value_delimiter = ',', default_values = ["templates", "student"])]
    pub(crate) requests: Vec<RequestSource>,
    /// For guided requests: JSON lines of text, and perhaps system and demands_call.
    #[arg(long, value_name = "FILE")]
    pub(crate) prompt_set: Option<PathBuf>,
    /// Templates in place of the built-in ones, JSON lines.
    #[arg(long, value_name = "FILE")]
    pub(crate) templates: Option<PathBuf>,
    /// What the templates' slots may hold, in place of the built-in ones: a JSON object of lists of words, or of min and max.
    #[arg(long, value_name = "FILE")]
    pub(crate) slots: Option<PathBuf>,
    /// Characters in place of the built-in ones, JSON lines.
    #[arg(long, value_name = "FILE")]
    pub(crate) personas: Option<PathBuf>,
    /// What an answer must pass to be desirable: a TOML file with the keys of [verifiers].
    #[arg(long, value_name = "FILE")]
    pub(crate) verifiers: Option<PathBuf>,
    /// Do not tell the student who it is.
    #[arg(long)]
    pub(crate) no_system: bool,
    /// Longest answer, tokens.
    #[arg(long, default_value_t = 200)]
    pub(crate) max_tokens: u32,
    /// Rounds of play and KTO, each from the adapter of the one before.
    #[arg(long, value_name = "N")]
    pub(crate) iterate: Option<u32>,
    /// With --iterate: a finished run (such as a bootstrap) whose examples are learnt first.
    #[arg(long, value_name = "DIR", conflicts_with = "adapter")]
    pub(crate) sft: Option<PathBuf>,
    /// KTO's learning rate and beta.
    #[arg(long, default_value_t = 5e-6)]
    pub(crate) learning_rate: f64,
    #[arg(long, default_value_t = 0.1)]
    pub(crate) beta: f64,
}

#[derive(Args)]
pub(crate) struct Store {
    /// A finished run.
    pub(crate) run: PathBuf,
    #[arg(long, short, default_value = "apprentice.toml")]
    pub(crate) config: PathBuf,
    /// The call site that learns from it, in place of the items' own.
    #[arg(long)]
    pub(crate) site: Option<String>,
    /// Store it although it was stored before.
    #[arg(long)]
    pub(crate) again: bool,
    #[command(flatten)]
    pub(crate) access: AdminAccess,
}

#[derive(Args)]
pub(crate) struct Prepare {
    /// Finished runs, such as a bootstrap and what grew from it.
    #[arg(required = true)]
    pub(crate) runs: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) filters: Filters,
}

#[derive(Args)]
pub(crate) struct Refilter {
    /// A finished run.
    pub(crate) run: PathBuf,
    /// The folder of the result.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// A check's name and its new limit, such as novelty=0.6; may be given several times.
    #[arg(long = "limit", value_name = "CHECK=NUMBER", required = true, value_parser = limit)]
    pub(crate) limits: Vec<(String, f64)>,
}

fn limit(text: &str) -> Result<(String, f64), String> {
    let (name, number) = text.split_once('=').ok_or("it is a check's name, `=` and a number")?;
    let number: f64 = number.parse().map_err(|error| format!("`{number}` is no number: {error}"))?;
    if number.is_finite() { Ok((name.to_owned(), number)) } else { Err(format!("{number} is no limit")) }
}

#[derive(Args)]
pub(crate) struct Levels {
    #[command(flatten)]
    pub(crate) making: Making,
    /// The call site that learns from the maps.
    #[arg(long, default_value = "levels")]
    pub(crate) site: String,
    /// Levels to make, each with its map.
    #[arg(long, default_value_t = 100)]
    pub(crate) count: usize,
    /// Cells along either side.
    #[arg(long, default_value_t = 20)]
    pub(crate) width: i64,
    #[arg(long, default_value_t = 20)]
    pub(crate) height: i64,
    /// Who makes them: teacher or student.
    #[arg(long, default_value = "teacher")]
    pub(crate) by: By,
    /// More tries after a map with an error, which are told what was wrong.
    #[arg(long, default_value_t = 2)]
    pub(crate) retries: u32,
    /// The first coordinate of a side: 0 or 1.
    #[arg(long, default_value_t = 1)]
    pub(crate) base: u8,
    /// Ask the teacher without a JSON schema; some do not take one.
    #[arg(long)]
    pub(crate) no_schema: bool,
    /// Another run's examples.jsonl: novelty and patterns are measured against its maps.
    #[arg(long, value_name = "FILE")]
    pub(crate) known: Option<PathBuf>,
    /// The student's adapter, a PEFT folder; the base alone otherwise.
    #[arg(long, value_name = "DIR")]
    pub(crate) adapter: Option<PathBuf>,
    /// The student's base, in place of `student.base`.
    #[arg(long, value_name = "DIR")]
    pub(crate) student: Option<PathBuf>,
}
