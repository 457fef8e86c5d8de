//! Times one worker: export, opening, reading a prompt, writing tokens; with and without an adapter.
//!
//! usage: measure BASE OUT f32|i8row|u8row THREADS PROMPT_WORDS TOKENS ROUNDS [ADAPTER]

#![expect(clippy::print_stdout, reason = "printing figures is what it is for")]

use std::path::Path;
use std::time::Instant;

use export::export_base;
use gemma::{Config, GRAPH_FILE, GraphFormat};
use student::{Features, Runtime, Student, StudentConfig, library};
use wire::{Prompt, Role, Sampling, Turn};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [base, out, format, threads, words, tokens, rounds, adapter @ ..] = arguments.as_slice() else {
        return Err("usage: measure BASE OUT f32|i8row|u8row THREADS PROMPT_WORDS TOKENS ROUNDS [ADAPTER]".into());
    };
    let format: GraphFormat = format.parse()?;
    let (base, tokens) = (Path::new(base), tokens.parse::<u32>()?);

    let clock = Clock::start()?;
    let exported = export_base(base, Path::new(out), format)?;
    println!("export {} ({} MB, written {}): {clock}", format, exported.bytes / 1_000_000, exported.written);

    let runtime = Runtime::load(&library::find(None, &|name| std::env::var_os(name))?)?;
    let clock = Clock::start()?;
    let graph = exported.dir.join(GRAPH_FILE);
    let settings = StudentConfig {
        graph,
        base: base.to_path_buf(),
        workers: 1,
        queue: 0,
        threads: threads.parse()?,
        context: Config::load(base)?.max_position_embeddings.min(1024),
        features: Features::detect("")?,
    };
    let waiting = tokio::runtime::Builder::new_current_thread().build()?;
    let student = Student::open(&runtime, settings)?;
    println!("open: {clock}, {}", memory()?);

    let turns = vec![Turn { role: Role::User, text: "lantern ".repeat(words.parse()?) }];
    let mut models = vec![student.model("base".to_owned(), None)?];
    for dir in adapter {
        models.push(student.model(dir.clone(), Some(Path::new(dir)))?);
    }
    for round in 0..rounds.parse::<u32>()? {
        for model in &models {
            let ask = |max_tokens| -> Result<_, Failure> {
                let sampling = Sampling::Random { temperature: 1.0, top_p: 1.0, seed: Some(7) };
                let prompt = Prompt { turns: turns.clone(), max_tokens, sampling, stop: Vec::new() };
                let (clock, start) = (Clock::start()?, Instant::now());
                let answer = waiting.block_on(model.answer(prompt))?;
                Ok((start.elapsed().as_secs_f64(), clock.cpu()?, answer.usage))
            };
            // The time of one token, taken from the time of all, leaves the others. A random model may stop early.
            let (first, first_cpu, usage) = ask(1)?;
            let prompt_tokens = usage.prompt_tokens;
            let (all, all_cpu, usage) = ask(tokens)?;
            let (steps, wall, cpu) = (f64::from(usage.completion_tokens - 1), all - first, all_cpu - first_cpu);
            println!(
                "{round} {}: prompt of {prompt_tokens} and first token {:.2} ms (CPU {:.2}); then {steps} at {:.1} tokens/s, {:.3} ms each (CPU {:.3})",
                model.name(),
                first * 1e3,
                first_cpu * 1e3,
                steps / wall,
                wall / steps * 1e3,
                cpu / steps * 1e3
            );
        }
    }
    println!("{}", memory()?);
    Ok(())
}

/// Wall and processor time since the start.
struct Clock {
    start: Instant,
    cpu: f64,
}

impl Clock {
    fn start() -> Result<Self, Failure> {
        Ok(Self { start: Instant::now(), cpu: cpu_s()? })
    }

    fn cpu(&self) -> Result<f64, Failure> {
        Ok(cpu_s()? - self.cpu)
    }
}

impl std::fmt::Display for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let cpu = self.cpu().unwrap_or(f64::NAN);
        write!(f, "{:.2} s, CPU {cpu:.2} s", self.start.elapsed().as_secs_f64())
    }
}

/// Processor time of all threads that live, in seconds, from the scheduler's nanosecond counters.
fn cpu_s() -> Result<f64, Failure> {
    let mut nanoseconds = 0.0;
    for task in std::fs::read_dir("/proc/self/task")? {
        let text = std::fs::read_to_string(task?.path().join("schedstat"))?;
        nanoseconds += text.split_whitespace().next().unwrap_or("0").parse::<f64>()?;
    }
    Ok(nanoseconds / 1e9)
}

fn memory() -> Result<String, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let lines =
        status.lines().filter(|line| ["VmHWM", "VmRSS", "RssAnon", "RssFile"].iter().any(|key| line.starts_with(key)));
    Ok(lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join(", "))
}
