//! The commands, one file each.

mod about;
mod admin_client;
mod capture;
mod check;
mod dataset;
mod doctor;
mod exam;
mod exam_replay;
mod exchange_log;
mod export;
mod export_encoder;
mod findings;
mod generate;
mod health;
mod init;
mod judge;
mod key;
mod levels;
mod merge;
mod policy;
pub(crate) mod practice;
mod practice_data;
mod progress;
pub(crate) mod reference;
mod reload;
mod rules;
mod serve;
mod simulate;
mod sites;
mod sweep;
mod train;

use crate::Outcome;
use crate::cli::{Command, ExamAction, PolicyAction, Simulate};
use crate::output::eprint_line;

/// Runs one command to its end.
pub(crate) fn run(command: Command) -> Outcome {
    match command {
        Command::Serve(config) => serve::serve(&config.config),
        Command::Practice(practice) => practice::practice(practice),
        Command::Init(arguments) => init::init(&arguments),
        Command::Key(new) => key::key(&new),
        Command::Check(config) => check::check(&config.config),
        Command::Doctor(arguments) => doctor::doctor(&arguments),
        Command::Rules { config, site } => rules::rules(&config.config, &site),
        Command::Sites(sites) => sites::sites(sites),
        Command::Reload(access) => reload::reload(&access),
        Command::Health(listener) => health::health(&listener),
        Command::Train { jobs, dry_run: false } => train::train(&jobs),
        Command::Train { jobs, dry_run: true } => train::dry_run(&jobs),
        Command::Sweep(arguments) => sweep::sweep(&arguments),
        Command::Merge(arguments) => merge::merge(&arguments),
        Command::Export(export) => export::export(&export),
        Command::ExportEncoder(encoder) => export_encoder::export_encoder(&encoder),
        Command::Exam(arguments) => match (arguments.action, arguments.job) {
            (Some(ExamAction::Replay(replay)), _) => exam_replay::replay(&replay),
            (None, Some(job)) => exam::exam(&job),
            (None, None) => Err("name the exam's job, or `replay`".into()),
        },
        Command::Judge { cases, config } => judge::judge(&cases, &config.config),
        Command::Simulate { what: Simulate::Handover(handover) } => simulate::handover(&handover),
        Command::Policy { action: PolicyAction::Try { policy, entries, site, access } } => {
            policy::try_on(&policy, entries.as_deref(), site.as_deref(), &access)
        }
        Command::Dataset { what } => dataset::dataset(&what),
        Command::Capture(arguments) => capture::capture(&arguments),
        Command::Generate { what } => generate::generate(what),
        Command::Levels { action } => levels::levels(action),
        Command::PracticeBase(base) => practice_data::base(&base),
        Command::PracticePairs(pairs) => practice_data::pairs(&pairs),
        Command::Completions { shell } => about::completions(shell),
        Command::Man { out: Some(folder), .. } => about::manuals(&folder),
        Command::Man { command, out: None } => about::manual(&command),
        Command::Version { verbose } => about::version(verbose),
        Command::Reference { what } => reference::reference(what),
    }
}

/// Lowers this process's priority and ties its life to its parent's.
pub(crate) fn lower_priority(nice: i32) {
    if let Err(error) = rustix::process::nice(nice) {
        eprint_line(&format!("apprentice: the priority stays as it is: {error}"));
    }
    // A proxy that is killed takes its lesson along; the next one goes on with it.
    if let Err(error) = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL)) {
        eprint_line(&format!("apprentice: this process would outlive its parent: {error}"));
    }
}
