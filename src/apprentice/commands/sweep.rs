//! `apprentice sweep JOB.toml`: one training job with every combination of some values, one after another, each in a
//! process of its own; which came out best, and how to use it.
//!
//! The job's `out` is the sweep's folder: `sweep.json` says what it is and how far it has come, every combination has a
//! folder with its job, adapter and report. What is finished is not done again, so a killed sweep goes on where it stood
//! and one that has ended can be extended by further values.

mod combination;
mod outcome;

use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitCode;

use fs_err as fs;
use jobs::{Method, Progress, TrainJob};
use serde::{Deserialize, Serialize};

use crate::cli::Sweep;
use crate::output::eprint_line;
use crate::{Outcome, app};

use combination::{Combination, combinations};
use outcome::{Tried, report};

/// What lies in the folder, and what it is a sweep of.
const RECORD: &str = "sweep.json";

/// `sweep.json`
#[derive(Serialize, Deserialize)]
struct Record {
    /// BLAKE3, hex, of the job, its data and its base; not of the values that are tried.
    of: String,
    runs: Vec<Tried>,
    /// The place of the best among them.
    best: Option<usize>,
}

/// Runs what is left to do, then prints the table.
pub(crate) fn sweep(arguments: &Sweep) -> Outcome {
    let job = absolute(train::load_job(&arguments.job)?)?;
    let combinations = combinations(&job, &arguments.learning_rate, &arguments.rank)?;
    let of = identity(&job)?;
    claim(&job.out, &of)?;
    let (runtime, count) = (app::runtime()?, combinations.len());
    let mut runs: Vec<Tried> = Vec::new();
    for (at, combination) in combinations.iter().enumerate() {
        let name = format!("[{}/{count}] {combination}", at + 1);
        let tried = if let Some(found) = combination.finished()? {
            eprint_line(&format!("{name}: done before"));
            Tried::done(combination, found)
        } else {
            runtime.block_on(run(combination, &name))?
        };
        runs.push(tried);
        let best = outcome::best(&runs);
        files::replace_json(&job.out.join(RECORD), &Record { of: of.clone(), runs: runs.clone(), best })?;
    }
    report(&job.out, &runs)?;
    Ok(if outcome::best(&runs).is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One combination in a process of its own. One that fails is told in the table and costs no other its turn.
async fn run(combination: &Combination, name: &str) -> Result<Tried, app::Error> {
    fs::create_dir_all(&combination.folder)?;
    let (path, program) = (combination.folder.join("train.toml"), std::env::current_exe()?);
    files::replace(&path, combination.job.to_toml()?.as_bytes())?;
    let arguments: [&OsStr; 2] = ["train".as_ref(), path.as_os_str()];
    eprint_line(&format!("{name}: begins"));
    let ended = cycle::child::run(&program, "training", &arguments, 0, |progress| match progress {
        Progress::HeldOut { step, loss, exact, .. } => {
            eprint_line(&format!("{name}: step {step}, held-out loss {loss:.4}, exact {exact:.2}"));
        }
        Progress::Resumed { step, .. } => eprint_line(&format!("{name}: goes on after step {step}")),
        Progress::Restarted { reason } => eprint_line(&format!("{name}: starts afresh: {reason}")),
        Progress::Stopped { step, reason } => eprint_line(&format!("{name}: stopped at step {step}: {reason}")),
        _ => {}
    });
    if let Err(error) = ended.await {
        eprint_line(&format!("{name}: {error}"));
        return Ok(Tried::failed(combination, error.to_string()));
    }
    let found = combination.finished()?.ok_or_else(|| format!("{name}: the run left no report"))?;
    // The adapter is there: the state to go on from is of no more use.
    if combination.job.checkpoint.try_exists()? {
        fs::remove_dir_all(&combination.job.checkpoint)?;
    }
    Ok(Tried::done(combination, found))
}

/// Makes the folder the sweep's own, or finds that it is.
fn claim(folder: &Path, of: &str) -> Result<(), app::Error> {
    fs::create_dir_all(folder)?;
    match files::read_json::<Record>(&folder.join(RECORD))? {
        Some(record) if record.of == of => return Ok(()),
        Some(_) => {
            let folder = folder.display();
            return Err(format!(
                "{folder} holds a sweep of another job, other data or another base: remove it, or name another `out`"
            )
            .into());
        }
        None => {}
    }
    if fs::read_dir(folder)?.next().is_some() {
        return Err(format!("{} is not empty and holds no sweep: name another `out`", folder.display()).into());
    }
    let record = Record { of: of.to_owned(), runs: Vec::new(), best: None };
    Ok(files::replace_json(&folder.join(RECORD), &record)?)
}

/// What every combination has in common.
fn identity(job: &TrainJob) -> Result<String, app::Error> {
    let mut common = job.clone();
    common.arguments.alpha /= f64::from(common.arguments.rank);
    (common.arguments.rank, common.arguments.learning_rate) = (1, 1.0);
    let mut hasher = blake3::Hasher::new();
    let mut add = |bytes: &[u8]| {
        // The length keeps two texts from being taken for their concatenation.
        hasher.update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
    };
    add(common.to_toml()?.as_bytes());
    for data in [&job.train, &job.held_out] {
        add(&fs::read(data)?);
    }
    let base = match job.method {
        Method::Pretrain => gemma::config_hash(&job.base)?,
        Method::Sft | Method::Kto | Method::Dpo => gemma::base_hash(&job.base)?,
    };
    add(base.as_bytes());
    Ok(hasher.finalize().to_hex().to_string())
}

/// The job with absolute paths: its copies lie elsewhere.
fn absolute(mut job: TrainJob) -> Result<TrainJob, app::Error> {
    let paths = [&mut job.base, &mut job.train, &mut job.held_out, &mut job.out, &mut job.checkpoint];
    for path in paths.into_iter().chain(&mut job.reference) {
        *path = std::path::absolute(&path)?;
    }
    Ok(job)
}
