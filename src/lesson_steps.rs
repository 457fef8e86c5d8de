//! The steps of a lesson as commands of their own: what the cycle starts as child processes, and what a
//! person may run by hand.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use cycle::Exam;
use cycle::exam::{Mark, Marks};
use practice::scene::{Scene, Style};
use student::{Runtime, Student, StudentConfig};
use verify::Checks;
use wire::{ModelError, Prompt, Sampling};

use crate::{Outcome, cli, say};

/// Lowers this process's priority and ties its life to its parent's.
pub(crate) fn step_back(nice: i32) {
    if let Err(error) = rustix::process::nice(nice) {
        say(&format!("apprentice: the priority stays as it is: {error}"));
    }
    // A proxy that is killed takes its lesson along; the next one goes on with it.
    if let Err(error) = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL)) {
        say(&format!("apprentice: this process would outlive its parent: {error}"));
    }
}

/// `apprentice train JOB.toml`
pub(crate) fn train(path: &Path) -> ExitCode {
    let mut out = std::io::stdout().lock();
    // A reader that went away does not end a lesson.
    let mut line = |line: &str| writeln!(out, "{line}").and_then(|()| out.flush()).unwrap_or_default();
    let ran = train::Job::load(path)
        .and_then(|job| train::run(&job, &mut |progress| line(&serde_json::to_string(progress).unwrap_or_default())));
    if let Err(error) = ran {
        line(&serde_json::json!({"event": "failed", "error": error.to_string()}).to_string());
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// `apprentice export`
pub(crate) fn export(arguments: &cli::Export) -> Outcome {
    let exported = export::export_base(&arguments.base, &arguments.out, arguments.format.export())?;
    let done = if exported.written { "written" } else { "unchanged" };
    say(&format!("{} {done}: {} bytes, made from {}", exported.dir.display(), exported.bytes, exported.fingerprint));
    Ok(ExitCode::SUCCESS)
}

/// `apprentice exam PAPER.toml`
pub(crate) fn exam(path: &Path) -> Outcome {
    let paper: Exam =
        toml::from_str(&std::fs::read_to_string(path)?).map_err(|error| format!("{}: {error}", path.display()))?;
    let began = Instant::now();
    let checks = Checks::new(&paper.rules)?;
    let runtime = Runtime::load(&student::library::find(paper.onnxruntime.as_deref())?)?;
    let config = StudentConfig {
        graph: graph_file(&paper.graph),
        base: paper.base.clone(),
        workers: 1,
        threads: paper.threads,
        context: paper.context,
    };
    let model = Student::open(&runtime, config)?.model("exam".into(), Some(&paper.adapter))?;
    let mut marks = Marks::default();
    for mut example in curriculum::read(&paper.questions)? {
        let Some(teacher) = example.messages.pop() else { continue };
        let prompt = Prompt {
            turns: example.messages,
            max_tokens: paper.max_tokens,
            sampling: Sampling::Greedy,
            stop: Vec::new(),
        };
        let mark = match model.answer(&prompt, &mut |_| ControlFlow::Continue(())) {
            Ok(answer) => {
                let passed = checks.failed(&answer).is_none();
                let quality = if passed { paper.comparison.score(&answer.text, &teacher.text) } else { 0.0 };
                Mark { quality, confidence: verify::confidence::confidence(&answer.signals) }
            }
            // A question that the student cannot even read counts against it.
            Err(ModelError::PromptTooLong { .. } | ModelError::Unsupported(_)) => {
                Mark { quality: 0.0, confidence: 0.0 }
            }
            Err(error) => return Err(error.into()),
        };
        marks.marks.push(mark);
    }
    marks.seconds = began.elapsed().as_secs_f64();
    let staged = paper.out.with_extension("json.new");
    std::fs::write(&staged, serde_json::to_vec(&marks)?)?;
    std::fs::rename(&staged, &paper.out)?;
    say(&format!("{} questions, score {:.4}, {:.1} s", marks.marks.len(), marks.score(), marks.seconds));
    Ok(ExitCode::SUCCESS)
}

/// `apprentice practice-base`: writes the corpus beside the folder, trains, keeps the job file with the model.
pub(crate) fn practice_base(arguments: &cli::PracticeBase) -> Outcome {
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
    if train(&job) != ExitCode::SUCCESS {
        return Ok(ExitCode::FAILURE);
    }
    std::fs::copy(&job, out.join("base.toml"))?;
    std::fs::remove_dir_all(&work)?;
    Ok(ExitCode::SUCCESS)
}

/// `apprentice practice-pairs`
pub(crate) fn practice_pairs(arguments: &cli::PracticePairs) -> Outcome {
    let named = |scene: &Scene| scene.name() == arguments.site;
    let scene = Scene::ALL.into_iter().find(named).ok_or_else(|| format!("no practice site `{}`", arguments.site))?;
    let style = if arguments.drifted { Style::Drifted } else { Style::House };
    practice::pairs::write(&arguments.out, scene, style, arguments.train, arguments.held_out, arguments.seed)?;
    Ok(ExitCode::SUCCESS)
}

/// The graph's file in an exported folder.
pub(crate) fn graph_file(folder: &Path) -> PathBuf {
    folder.join("model.onnx")
}
