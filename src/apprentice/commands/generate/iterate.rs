//! SFT, then self-play and KTO in turns: every round plays with the adapter of the one before, and the last adapter plays once more, so that a
//! person sees what the lessons were worth.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use generate::{Report, report, self_play};

use super::maker::{Maker, Play};
use super::open::Opened;
use super::pupil::Pupil;
use super::{run, summary};
use crate::cli::generate::Making;
use crate::output::{eprint_line, print_line};
use crate::{Outcome, app};

/// The figure that tells rounds apart.
const DESIRABLE: &str = "desirable, share";

/// Plays and learns `iterations` times.
pub(super) async fn iterate(
    making: &Making,
    opened: &Opened,
    settings: &self_play::Settings,
    play: &Play,
    iterations: u32,
) -> Outcome {
    let folder = opened.folder(making, self_play::PIPELINE);
    let pupil = Pupil::new(&opened.settings, play.student.base.as_deref())?;
    let mut adapter = first(&pupil, &folder, play).await?;
    for iteration in 1..=iterations + 1 {
        let at = folder.join(format!("iteration-{iteration}"));
        let maker = Maker::SelfPlay(self_play::Settings { iteration, ..settings.clone() }, play.like());
        let student = pupil.open(Some(&adapter)).await?;
        let (report, error) = run(making, opened, &maker, &at, Some(student)).await?;
        told(making, iteration, &report, &at)?;
        if let Some(error) = error {
            eprint_line(&format!("apprentice: {error}"));
            return Ok(ExitCode::FAILURE);
        }
        if iteration <= iterations {
            let examples = dataset::read_labelled(&at.join(self_play::KTO_FILE))?;
            adapter = pupil.prefer(&at.join("kto"), examples, &adapter, play.kto).await?;
        }
    }
    print_line(&format!("the adapter of the last lesson: {}", adapter.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// The adapter that the first round plays with.
async fn first(pupil: &Pupil, folder: &Path, play: &Play) -> Result<PathBuf, app::Error> {
    match (&play.student.adapter, &play.sft) {
        (Some(adapter), _) => Ok(std::path::absolute(adapter)?),
        (None, Some(run)) => {
            let examples = dataset::read_chat(&run.join(report::EXAMPLES_FILE))?;
            pupil.learn(&folder.join("sft"), examples).await
        }
        (None, None) => {
            Err("--iterate needs an adapter to begin with: name one with --adapter, or a run to learn from with --sft"
                .into())
        }
    }
}

fn told(making: &Making, iteration: u32, report: &Report, at: &Path) -> Result<(), app::Error> {
    if making.json {
        return Ok(print_line(&serde_json::to_string(report)?)?);
    }
    let share = report.figures.iter().find(|(name, _)| name == DESIRABLE).map_or(0.0, |(_, value)| *value);
    print_line(&format!("round {iteration}: {share:.3} of the answers are desirable"))?;
    Ok(summary::lines(report, at).iter().try_for_each(|line| print_line(line))?)
}
