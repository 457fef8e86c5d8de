//! Times a student: opening, reading prompts, writing answers alone and together, with one adapter and with several, with a part of the
//! vocabulary, a game's
//! request with and without its system prompt known, and one in JSON. A line of JSON each.
//!
//! usage: speed BASE OUT f32|i8b32|i8packed|i4packed THREADS ROUNDS [CASE ...], BASE having an `adapter` folder (example `random_base`)

#![expect(clippy::print_stdout, clippy::expect_used, reason = "printing figures is what it is for")]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use export::export_base;
use gemma::{Adapter, Config, GRAPH_FILE, GraphFormat};
use serde_json::json;
use student::{Observer, Runtime, Student, StudentConfig, library};
use wire::{ChatModel, Form, Prompt, Role, Sampling, Turn};

mod processor;

use processor::cpu_s;

type Failure = Box<dyn std::error::Error>;

/// Words of a system prompt of about 600 tokens, and of a player's line of about 40.
const SYSTEM_WORDS: usize = 594;
const LINE_WORDS: usize = 34;
const REPLY_TOKENS: u32 = 80;
const SCHEMA: &str = r#"{"type":"object","additionalProperties":false,"required":["quest_title","quest_giver","reward_in_coins","objectives"],
"properties":{"quest_title":{"type":"string","maxLength":40},"quest_giver":{"enum":["miller","smith","captain"]},
"reward_in_coins":{"type":"integer","minimum":1,"maximum":999},"objectives":{"type":"array","minItems":3,"maxItems":3,"items":
{"type":"object","additionalProperties":false,"required":["description","location_on_the_map"],"properties":{"description":
{"type":"string","maxLength":60},"location_on_the_map":{"enum":["harbour","old mill","north gate"]}}}}}}"#;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [base, out, format, threads, rounds, cases @ ..] = arguments.as_slice() else {
        return Err("usage: speed BASE OUT FORMAT THREADS ROUNDS [CASE ...]".into());
    };
    let (base, format) = (PathBuf::from(base), format.parse::<GraphFormat>()?);
    let clock = Clock::start()?;
    let exported = export_base(&base, Path::new(out), format)?;
    println!(
        "{}",
        json!({"case": "export", "written": exported.written, "bytes": exported.bytes, "cpu_s": clock.cpu()?})
    );
    let graph = exported.dir.join(GRAPH_FILE);
    let runtime = Runtime::load(&library::find(None, &|name| std::env::var_os(name))?)?;
    let waiting = tokio::runtime::Builder::new_current_thread().build()?;
    let bench = Bench { base, graph, threads: threads.parse()?, runtime, waiting };
    let wanted = |case: &str| cases.is_empty() || cases.iter().any(|wanted| wanted == case);
    for round in 0..rounds.parse::<u32>()? {
        if wanted("read") {
            bench.read(round)?;
        }
        if wanted("write") {
            bench.write(round)?;
        }
        if wanted("alone") {
            bench.alone(round)?;
        }
        if wanted("game") {
            bench.game(round)?;
        }
        if wanted("json") {
            bench.json(round)?;
        }
        if wanted("swap") {
            bench.swap(round)?;
        }
    }
    println!("{}", json!({"case": "memory", "said": memory()?}));
    Ok(())
}

struct Bench {
    base: PathBuf,
    graph: PathBuf,
    threads: usize,
    runtime: Runtime,
    waiting: tokio::runtime::Runtime,
}

impl Bench {
    /// A student with `adapters` different adapters, or the base alone.
    fn open(&self, adapters: usize, prefix_bytes: usize) -> Result<Vec<Arc<dyn ChatModel>>, Failure> {
        self.open_with(adapters, prefix_bytes, true)
    }

    fn open_with(
        &self,
        adapters: usize,
        prefix_bytes: usize,
        shortlist: bool,
    ) -> Result<Vec<Arc<dyn ChatModel>>, Failure> {
        let student = self.student(prefix_bytes, shortlist, Box::new(|_| {}))?;
        if adapters == 0 {
            return Ok(vec![student.model("base".to_owned(), None)?]);
        }
        let dir = scratch();
        let open = |number: usize| -> Result<_, Failure> {
            Ok(student.model(format!("site{number}"), Some(&self.adapter(&dir, number)?))?)
        };
        let models = (0..adapters).map(open).collect::<Result<_, _>>()?;
        std::fs::remove_dir_all(&dir)?;
        Ok(models)
    }

    /// Writes an adapter that no other number has.
    fn adapter(&self, dir: &Path, number: usize) -> Result<PathBuf, Failure> {
        let mut adapter = Adapter::load(&self.base.join("adapter"), &Config::load(&self.base)?)?;
        adapter.alpha += number as f64;
        let own = dir.join(number.to_string());
        adapter.save(&own)?;
        Ok(own)
    }

    fn student(&self, prefix_bytes: usize, shortlist: bool, observer: Observer) -> Result<Arc<Student>, Failure> {
        let settings = StudentConfig {
            graph: self.graph.clone(),
            base: self.base.clone(),
            rows: 16,
            queue: 16,
            threads: self.threads,
            context: Config::load(&self.base)?.max_position_embeddings.min(1024),
            prefix_bytes,
            // How often a draft is right depends on what weights are.
            draft_tokens: 0,
            shortlist,
            kernel: student::kernel(&std::env::var("APPRENTICE_CPU_MASK").unwrap_or_default())?,
        };
        let clock = Clock::start()?;
        let student = Student::open(&self.runtime, settings, observer)?;
        println!("{}", json!({"case": "open", "wall_s": clock.wall(), "cpu_s": clock.cpu()?, "memory": memory()?}));
        Ok(student)
    }

    /// Asks all at once; wall and processor seconds, tokens read and written.
    fn ask(&self, asked: &[(&Arc<dyn ChatModel>, Prompt)]) -> Result<(f64, f64, u32, u32), Failure> {
        let clock = Clock::start()?;
        let answering: Vec<_> = asked.iter().map(|(model, prompt)| model.answer(prompt.clone())).collect();
        let (mut read, mut written) = (0, 0);
        for answer in answering {
            let answer = self.waiting.block_on(answer)?;
            read += answer.usage.prompt_tokens;
            written += answer.usage.completion_tokens;
        }
        Ok((clock.wall(), clock.cpu()?, read, written))
    }

    fn read(&self, round: u32) -> Result<(), Failure> {
        let models = self.open(1, 0)?;
        for words in [120, 594] {
            let (wall, cpu, read, _) = self.ask(&[(&models[0], prompt(words, round, 1))])?;
            println!("{}", json!({"case": "read", "round": round, "tokens": read, "wall_s": wall, "cpu_s": cpu}));
        }
        Ok(())
    }

    /// 64 tokens of each of some answers; what reading and the first token take is taken off.
    fn write(&self, round: u32) -> Result<(), Failure> {
        let models = self.open(4, 0)?;
        for (at_once, sites) in [(1, 1), (4, 1), (8, 1), (16, 1), (4, 4), (8, 4)] {
            let asked = |tokens| -> Vec<_> {
                (0..at_once).map(|at| (&models[at % sites], prompt(20, round, tokens))).collect()
            };
            let (first_wall, first_cpu, _, first) = self.ask(&asked(1))?;
            let (wall, cpu, _, written) = self.ask(&asked(64))?;
            let line = json!({"case": "write", "round": round, "at_once": at_once, "adapters": sites,
                "tokens": written - first, "wall_s": wall - first_wall, "cpu_s": cpu - first_cpu});
            println!("{line}");
        }
        Ok(())
    }

    /// 64 tokens of an answer alone, with the whole vocabulary and with a call site's part of it, which it earns before.
    fn alone(&self, round: u32) -> Result<(), Failure> {
        for shortlist in [false, true] {
            let models = self.open_with(1, 0, shortlist)?;
            let greedy = |tokens| Prompt { sampling: Sampling::Greedy, ..prompt(20, round, tokens) };
            let earning: Vec<_> = (0..16).map(|_| (&models[0], greedy(80))).collect();
            self.ask(&earning)?;
            let (first_wall, first_cpu, _, first) = self.ask(&[(&models[0], greedy(1))])?;
            let (wall, cpu, _, written) = self.ask(&[(&models[0], greedy(64))])?;
            let line = json!({"case": "alone", "round": round, "shortlist": shortlist, "tokens": written - first,
                "wall_s": wall - first_wall, "cpu_s": cpu - first_cpu});
            println!("{line}");
        }
        Ok(())
    }

    fn game(&self, round: u32) -> Result<(), Failure> {
        let models = self.open(1, 1 << 30)?;
        for (line, said) in ["cold", "seen once", "known", "known"].iter().enumerate() {
            let system = Turn { role: Role::System, text: words(SYSTEM_WORDS, 1) };
            let user = Turn { role: Role::User, text: words(LINE_WORDS, 100 * round + line as u32 + 2) };
            let prompt = Prompt::new(vec![system, user], REPLY_TOKENS, sampling(7));
            let (wall, cpu, read, written) = self.ask(&[(&models[0], prompt)])?;
            println!(
                "{}",
                json!({"case": "game", "round": round, "system": said, "read": read, "written": written, "wall_s": wall, "cpu_s": cpu})
            );
        }
        Ok(())
    }

    /// New versions opened while an answer is being written: how long each takes, and the longest time between two of the answer's tokens, then and
    /// before.
    fn swap(&self, round: u32) -> Result<(), Failure> {
        let ticks = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&ticks);
        let student = self.student(0, false, Box::new(move |_| heard.lock().expect("a tick").push(Instant::now())))?;
        let (dir, model) = (scratch(), student.model("site".to_owned(), None)?);
        let versions = (0..10).map(|number| self.adapter(&dir, number)).collect::<Result<Vec<_>, _>>()?;
        let answer = model.answer(prompt(20, round, 200));
        std::thread::sleep(Duration::from_secs(5));
        let (began, mut opened) = (Instant::now(), Vec::new());
        for version in &versions {
            let clock = Clock::start()?;
            student.model("next".to_owned(), Some(version))?;
            opened.push(1000.0 * clock.wall());
        }
        let ended = Instant::now();
        self.waiting.block_on(answer)?;
        let ticks = ticks.lock().expect("ticks").clone();
        let longest = |from: Option<Instant>, to: Instant| {
            let pairs = ticks.windows(2).filter(|pair| from.is_none_or(|from| pair[1] >= from) && pair[0] <= to);
            1000.0 * pairs.map(|pair| (pair[1] - pair[0]).as_secs_f64()).fold(0.0, f64::max)
        };
        opened.sort_by(f64::total_cmp);
        let line = json!({"case": "swap", "round": round, "versions": opened.len(), "opening_ms": opened[opened.len() / 2],
            "opening_max_ms": opened.last(), "gap_max_ms": longest(Some(began), ended), "gap_max_before_ms": longest(None, began)});
        println!("{line}");
        std::fs::remove_dir_all(&dir)?;
        Ok(())
    }

    fn json(&self, round: u32) -> Result<(), Failure> {
        let models = self.open(1, 0)?;
        for form in [Form::Text, Form::JsonSchema(SCHEMA.to_owned()), Form::JsonSchema(SCHEMA.to_owned())] {
            let name = if form == Form::Text { "text" } else { "json_schema" };
            let prompt = Prompt { form, ..prompt(SYSTEM_WORDS, round, 200) };
            let (wall, cpu, read, written) = self.ask(&[(&models[0], prompt)])?;
            println!(
                "{}",
                json!({"case": "json", "round": round, "form": name, "read": read, "written": written, "wall_s": wall, "cpu_s": cpu})
            );
        }
        Ok(())
    }
}

fn scratch() -> PathBuf {
    std::env::temp_dir().join(format!("speed-{}", std::process::id()))
}

fn sampling(seed: u64) -> Sampling {
    Sampling::Random { temperature: 1.0, top_p: 1.0, seed: Some(seed) }
}

fn prompt(count: usize, seed: u32, max_tokens: u32) -> Prompt {
    Prompt::new(vec![Turn { role: Role::User, text: words(count, seed) }], max_tokens, sampling(7))
}

/// Common words, each a token of Gemma's, in an order of its own for every seed.
fn words(count: usize, seed: u32) -> String {
    const WORDS: [&str; 8] = ["the", "old", "mill", "is", "near", "our", "north", "gate"];
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut word = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        WORDS[(state >> 16) as usize % WORDS.len()]
    };
    (0..count).map(|_| word()).collect::<Vec<_>>().join(" ")
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

    fn wall(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    fn cpu(&self) -> Result<f64, Failure> {
        Ok(cpu_s()? - self.cpu)
    }
}

fn memory() -> Result<String, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let lines =
        status.lines().filter(|line| ["VmHWM", "VmRSS", "RssAnon", "RssFile"].iter().any(|key| line.starts_with(key)));
    Ok(lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join(", "))
}
