//! The program: one subcommand for each thing that Apprentice does.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(name = "apprentice", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run one training job; prints one JSON object a line.
    Train { job: PathBuf },
    /// Make the practice base from nothing.
    PracticeBase {
        #[arg(long)]
        out: PathBuf,
        #[arg(long, default_value_t = 1)]
        seed: u64,
        #[arg(long, default_value_t = 1200)]
        steps: usize,
        #[arg(long, default_value_t = 32)]
        batch_size: usize,
        #[arg(long, default_value_t = 2)]
        threads: usize,
        /// Limit of the wall time.
        #[arg(long, default_value_t = 1500.0)]
        seconds: f64,
    },
    /// Write teacher pairs of a practice scene as a lesson's data.
    PracticePairs {
        #[arg(long)]
        scene: String,
        #[arg(long)]
        drifted: bool,
        #[arg(long)]
        out: PathBuf,
        #[arg(long)]
        count: usize,
        #[arg(long)]
        held_out: usize,
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Train { job } => train(&job),
        Command::PracticeBase {
            out,
            seed,
            steps,
            batch_size,
            threads,
            seconds,
        } => practice_base(
            &out,
            seed,
            practice::corpus::Effort {
                steps,
                batch_size,
                threads,
                seconds,
            },
        ),
        Command::PracticePairs {
            scene,
            drifted,
            out,
            count,
            held_out,
            seed,
        } => pairs(&scene, drifted, &out, count, held_out, seed),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let line = serde_json::json!({"event": "failed", "error": error.to_string()});
            // Nothing is left to do when even this cannot be said.
            writeln!(std::io::stdout(), "{line}").unwrap_or_default();
            ExitCode::FAILURE
        }
    }
}

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn train(path: &Path) -> Outcome {
    let job = train::Job::load(path)?;
    let mut out = std::io::stdout().lock();
    train::run(&job, &mut |progress| {
        if let Ok(line) = serde_json::to_string(progress) {
            // A reader that went away does not end a lesson.
            writeln!(out, "{line}")
                .and_then(|()| out.flush())
                .unwrap_or_default();
        }
    })?;
    Ok(())
}

fn practice_base(out: &Path, seed: u64, effort: practice::corpus::Effort) -> Outcome {
    let work = out.with_extension("work");
    let beside = Path::new("..").join(out.file_name().ok_or("--out names no folder")?);
    let job = practice::corpus::write(&work, &beside, seed, effort)?;
    train(&job)?;
    std::fs::copy(&job, out.join("base.toml"))?;
    std::fs::remove_dir_all(&work)?;
    Ok(())
}

fn pairs(
    scene: &str,
    drifted: bool,
    out: &Path,
    count: usize,
    held_out: usize,
    seed: u64,
) -> Outcome {
    use practice::scene::{Scene, Style};
    use rand_chacha::rand_core::SeedableRng;
    let scene = Scene::ALL
        .into_iter()
        .find(|s| s.name() == scene)
        .ok_or("no such scene")?;
    let style = if drifted {
        Style::Drifted
    } else {
        Style::House
    };
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let mut seen = std::collections::HashSet::new();
    std::fs::create_dir_all(out)?;
    for (name, wanted) in [("train.jsonl", count), ("held_out.jsonl", held_out)] {
        let mut file = std::io::BufWriter::new(std::fs::File::create(out.join(name))?);
        let mut written = 0;
        while written < wanted {
            let line = scene.line(&mut rng);
            if !seen.insert(line.combination) {
                continue;
            }
            let reply = scene
                .reply(&line.system, &line.player, style, seed)
                .unwrap_or_default();
            let messages = serde_json::json!({"messages": [
                {"role": "system", "content": line.system},
                {"role": "user", "content": line.player},
                {"role": "assistant", "content": reply},
            ]});
            writeln!(file, "{messages}")?;
            written += 1;
        }
        file.flush()?;
    }
    Ok(())
}
