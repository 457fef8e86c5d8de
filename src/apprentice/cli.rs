//! The command line.

pub(crate) mod capture;
pub(crate) mod dataset;
mod first;
pub(crate) mod generate;
mod key;
mod learning;
pub(crate) mod levels;
pub(crate) mod sites;

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use practice::scene::Scene;

pub(crate) use first::{Doctor, Init};
pub(crate) use key::NewKey;
pub(crate) use learning::{Merge, Sweep};
pub(crate) use sites::{AdminAccess, AdminListener, LabelForm, RatingVerdict, Sites, SitesAction};

/// A transparent OpenAI-compatible proxy that distils itself.
#[derive(Parser)]
#[command(name = "apprentice", version, arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// Lower this process's priority and end it with its parent; what the cycle starts its lessons with.
    #[arg(long, global = true, hide = true)]
    pub(crate) nice: Option<i32>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run the proxy, the admin listener and the background cycle.
    Serve(Config),
    /// Run the whole loop on embedded parts: a practice teacher, players, lessons, hand-over.
    Practice(Practice),
    /// Write a commented configuration file; asks five questions on a terminal.
    Init(Init),
    /// Read a configuration and what it names, change nothing.
    Check(Config),
    /// Look at everything around a configuration: ports, disk, model, library, teacher; what is wrong and what to do. Starts and changes nothing.
    Doctor(Doctor),
    /// Make a key of the proxy's own, for clients that must not have the teacher's.
    Key(NewKey),
    /// Print the rules that hold for a call site, and what its evidence depends on, as JSON.
    Rules {
        #[command(flatten)]
        config: Config,
        #[arg(default_value = "default")]
        site: String,
    },
    /// Look at call sites and steer them through the admin API.
    Sites(Sites),
    /// Have a running proxy read its configuration again: all of it, or nothing if anything is wrong.
    Reload(AdminAccess),
    /// Ask whether a proxy answers: exit code 0, or 1 and why not. Needs no token; for the health checks of containers.
    Health(AdminListener),
    /// Run training jobs, one after another; prints one JSON object a line.
    Train {
        #[arg(required = true, value_name = "JOB")]
        jobs: Vec<PathBuf>,
        /// Of the first job: say what it would learn from, whether it fits the memory and how long it may take, by one step; write nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Run a training job with every combination of some learning rates and ranks, and say which is the best.
    Sweep(Sweep),
    /// Write a base and an adapter as one model folder, for programs that know nothing of adapters.
    Merge(Merge),
    /// Write a base model's ONNX graph.
    Export(Export),
    /// Write the ONNX graph of a sentence encoder of BERT's kind, such as all-MiniLM-L6-v2.
    ExportEncoder(ExportEncoder),
    /// Answer held-out prompts with a version and compare with the teacher's answers, or replay recorded answers.
    #[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
    Exam(Exam),
    /// Put answers whose quality is known to the configured judge: how far can it be trusted?
    Judge {
        /// JSON lines of {"prompt": messages, "reference": a good answer, "text": the answer to judge, "good": true or
        /// false}; at least 50 good and 50 bad ones. Every one costs two calls of the judge, the first 30 seven.
        #[arg(long)]
        cases: PathBuf,
        #[command(flatten)]
        config: Config,
    },
    /// Try the hand-over's numbers before they are used.
    Simulate {
        #[command(subcommand)]
        what: Simulate,
    },
    /// Try a policy on recorded evidence.
    Policy {
        #[command(subcommand)]
        action: PolicyAction,
    },
    /// Put data files together, convert them, import and export them.
    Dataset {
        #[command(subcommand)]
        what: dataset::Dataset,
    },
    /// Look at the exchange log, check it, copy it out of here, erase from it.
    Capture(capture::Capture),
    /// Make training data.
    Generate {
        #[command(subcommand)]
        what: generate::Generate,
    },
    /// Look at levels of a role-playing game: what is wrong with them, in other forms, as pictures.
    Levels {
        #[command(subcommand)]
        action: levels::LevelsAction,
    },
    /// Make the practice base from nothing.
    PracticeBase(PracticeBase),
    /// Write teacher pairs of a practice site as a lesson's files.
    PracticePairs(PracticePairs),
    /// Print completions for a shell, such as `apprentice completions bash > /etc/bash_completion.d/apprentice`.
    Completions { shell: clap_complete::Shell },
    /// Print the manual page, or a command's: `apprentice man sites hold | man -l -`.
    Man {
        command: Vec<String>,
        /// Write the pages of every command into this folder instead.
        #[arg(long, value_name = "DIR", conflicts_with = "command")]
        out: Option<PathBuf>,
    },
    /// Print the version; with --verbose what to say in a report.
    Version {
        #[arg(long)]
        verbose: bool,
    },
    /// Print a reference document made from the code.
    #[command(hide = true)]
    Reference { what: Reference },
}

/// A reference document.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Reference {
    Configuration,
    Metrics,
    Reasons,
}

#[derive(Args)]
pub(crate) struct Config {
    #[arg(long, short, default_value = "apprentice.toml")]
    pub(crate) config: PathBuf,
}

#[derive(Args)]
pub(crate) struct Practice {
    /// Stop and report: `handed-over`, `requests:N` or `audits:N`; N is of every played site.
    #[arg(long)]
    pub(crate) until: Option<Until>,
    /// End with one line of figures on standard output; progress goes to standard error.
    #[arg(long)]
    pub(crate) json: bool,
    /// After the hand-over the teacher changes its style: rollback, a new lesson, hand-over again.
    #[arg(long)]
    pub(crate) drift: bool,
    /// Free text is judged by the practice teacher instead of held to its own variance.
    #[arg(long)]
    pub(crate) judge: bool,
    /// The players name no call site: the proxy finds them by their prompts.
    #[arg(long)]
    pub(crate) unnamed: bool,
    /// Play only these sites: shopkeeper, quest-giver, tavern, bard, fortune-teller, and levels, which is not played otherwise.
    #[arg(long, value_name = "SITE", value_delimiter = ',')]
    pub(crate) only: Vec<Scene>,
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// The practice base.
    #[arg(long, default_value = "models/practice")]
    pub(crate) base: PathBuf,
    /// Settings that differ from practice's own (policies/practice.toml).
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// Of all players together while they are busy; an eighth of it between.
    #[arg(long, default_value_t = 40.0, value_name = "RATE", value_parser = rate)]
    pub(crate) requests_per_s: f64,
    /// Keep everything in this folder instead of a fresh temporary one.
    #[arg(long)]
    pub(crate) data: Option<PathBuf>,
    /// With --until: give up after so many seconds.
    #[arg(long, default_value_t = 1800)]
    pub(crate) limit_s: u64,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().map_err(|error| error.to_string())?;
    if rate > 0.0 && rate <= 1000.0 { Ok(rate) } else { Err("must be above 0 and at most 1000".to_owned()) }
}

/// When practice stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    HandedOver,
    Requests(u64),
    /// Of all the site's versions.
    Audits(u64),
}

impl std::str::FromStr for Until {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let number = |count: &str| count.parse().map_err(|error| format!("`{count}` is no number: {error}"));
        match text.split_once(':') {
            None if text == "handed-over" => Ok(Self::HandedOver),
            Some(("requests", count)) => number(count).map(Self::Requests),
            Some(("audits", count)) => number(count).map(Self::Audits),
            _ => Err("it is `handed-over`, `requests:N` or `audits:N`".into()),
        }
    }
}

#[derive(Args)]
pub(crate) struct Export {
    #[arg(long)]
    pub(crate) base: PathBuf,
    #[arg(long)]
    pub(crate) out: PathBuf,
    #[arg(long, default_value = "i8b32", value_parser = graph_format())]
    pub(crate) format: gemma::GraphFormat,
    /// Open the graph with ONNX Runtime and decode a token: can it be served here?
    #[arg(long)]
    pub(crate) open: bool,
    /// With --open: ONNX Runtime's library.
    #[arg(long)]
    pub(crate) onnxruntime: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct ExportEncoder {
    #[arg(long)]
    pub(crate) base: PathBuf,
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// Open the graph with ONNX Runtime and embed a text: can it be used here?
    #[arg(long)]
    pub(crate) open: bool,
    /// With --open: ONNX Runtime's library.
    #[arg(long)]
    pub(crate) onnxruntime: Option<PathBuf>,
}

/// The number formats of a graph, by their names.
fn graph_format() -> impl TypedValueParser<Value = gemma::GraphFormat> {
    PossibleValuesParser::new(gemma::GraphFormat::ALL.map(gemma::GraphFormat::name))
        .try_map(|name| name.parse::<gemma::GraphFormat>())
}

#[derive(Args)]
pub(crate) struct PracticeBase {
    #[arg(long, default_value = "models/practice")]
    pub(crate) out: PathBuf,
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    #[arg(long, default_value_t = 1200)]
    pub(crate) steps: u32,
    #[arg(long, default_value_t = 32)]
    pub(crate) batch_size: u32,
    #[arg(long, default_value_t = 2)]
    pub(crate) threads: u32,
    /// Limit of the wall time.
    #[arg(long, default_value_t = 3600.0)]
    pub(crate) seconds: f64,
}

#[derive(Args)]
pub(crate) struct PracticePairs {
    /// shopkeeper, quest-giver, tavern, bard, fortune-teller or levels
    #[arg(long)]
    pub(crate) site: Scene,
    /// In the style that the teacher changes to.
    #[arg(long)]
    pub(crate) drifted: bool,
    #[arg(long)]
    pub(crate) out: PathBuf,
    #[arg(long, default_value_t = 400)]
    pub(crate) train: usize,
    #[arg(long, default_value_t = 200)]
    pub(crate) held_out: usize,
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

#[derive(Args)]
pub(crate) struct Exam {
    /// What to answer and where to write the result, as TOML.
    #[arg(required = true)]
    pub(crate) job: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) action: Option<ExamAction>,
}

#[derive(Subcommand)]
pub(crate) enum ExamAction {
    /// Run the whole gate over a recorded stream of answers in random orders.
    Replay(Replay),
}

#[derive(Args)]
pub(crate) struct Replay {
    /// Rows of input, teacher, student, confidence and perhaps label: JSON lines, or CSV with that header.
    #[arg(long)]
    pub(crate) data: PathBuf,
    /// A TOML file whose [handover] table, or the whole, is a policy.
    #[arg(long)]
    pub(crate) policy: Option<PathBuf>,
    #[arg(long, default_value_t = 20)]
    pub(crate) orders: u64,
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// How a student's answer is compared with the teacher's.
    #[arg(long, default_value = "value")]
    pub(crate) measure: ReplayMeasure,
    /// One JSON object instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Comparisons that need no more than the two answers.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ReplayMeasure {
    Value,
    Exact,
    Similar,
}

#[derive(Subcommand)]
pub(crate) enum Simulate {
    /// Operating characteristics of the hand-over: false promotions, times, thresholds, drift, cost, timing.
    Handover(SimulateHandover),
}

#[derive(Args)]
pub(crate) struct SimulateHandover {
    /// Runs of the rows about false promotion; slower ones use a part of it.
    #[arg(long, default_value_t = 1_000)]
    pub(crate) runs: u64,
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// A TOML file whose [handover] table, or the whole, is a policy.
    #[arg(long)]
    pub(crate) policy: Option<PathBuf>,
    /// Write the figures as JSON.
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
    /// Write the tables as a document.
    #[arg(long)]
    pub(crate) markdown: Option<PathBuf>,
    /// Write the plots as SVG files into this folder.
    #[arg(long)]
    pub(crate) plots: Option<PathBuf>,
}

#[derive(Subcommand)]
pub(crate) enum PolicyAction {
    /// What a policy would have done with recorded entries, and when.
    Try {
        /// A TOML file whose [handover] table, or the whole, is the policy.
        policy: PathBuf,
        /// Entries of the hand-over log as `GET /admin/audit` gives them; without it a running proxy is asked for its
        /// newest 10,000.
        #[arg(long)]
        entries: Option<PathBuf>,
        /// This site only.
        #[arg(long)]
        site: Option<String>,
        #[command(flatten)]
        access: AdminAccess,
    },
}
