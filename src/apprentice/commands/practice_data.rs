//! `apprentice practice-base` and `practice-pairs`: the data that practice is made of.

use std::path::Path;
use std::process::ExitCode;

use practice::scene::Style;

use crate::{Outcome, cli};

/// `apprentice practice-base`: writes the corpus beside the folder, trains, keeps the job file with the model.
pub(crate) fn base(arguments: &cli::PracticeBase) -> Outcome {
    let (out, work) = (&arguments.out, arguments.out.with_extension("work"));
    let effort = practice::corpus::Effort {
        steps: arguments.steps,
        batch_size: arguments.batch_size,
        threads: arguments.threads,
        seconds: arguments.seconds,
    };
    // Relative in the job file, so that the file reads the same on every machine.
    let beside = Path::new("..").join(out.file_name().ok_or("--out names no folder")?);
    let job = practice::corpus::write(&work, &beside, arguments.seed, effort)?;
    if crate::commands::train::train(std::slice::from_ref(&job))? != ExitCode::SUCCESS {
        return Ok(ExitCode::FAILURE);
    }
    std::fs::copy(&job, out.join("base.toml"))?;
    std::fs::remove_dir_all(&work)?;
    Ok(ExitCode::SUCCESS)
}

/// `apprentice practice-pairs`
pub(crate) fn pairs(arguments: &cli::PracticePairs) -> Outcome {
    let style = if arguments.drifted { Style::Drifted } else { Style::House };
    practice::pairs::write(&arguments.out, arguments.site, style, arguments.train, arguments.held_out, arguments.seed)?;
    Ok(ExitCode::SUCCESS)
}
