//! How many evaluations two workers do in a second, limits on: one function applied to one input is one evaluation. One line
//! of JSON for each row.
//!
//! usage: cargo run --release -p sandbox --example evaluations_a_second (after cargo build --release -p sandbox)

#![expect(clippy::print_stdout, reason = "the rows are for a terminal")]

use std::error::Error;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt, stream};
use sandbox::{Outcome, Pool, Settings, beside_current_exe};
use serde::Deserialize;

/// Measured time of one row, at least.
const ROW: Duration = Duration::from_secs(3);
/// Requests at once, two for each worker so that none waits for us.
const AT_ONCE: usize = 4;

#[derive(Deserialize)]
struct Corpus {
    functions: Vec<Function>,
}

#[derive(Deserialize)]
struct Function {
    source: String,
    inputs: Vec<String>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/verifiers.json");
    let corpus: Corpus = serde_json::from_slice(&std::fs::read(path)?)?;
    let pool = Pool::start(Settings::new(beside_current_exe()?)).await?;
    row("sandbox_evaluations_many_inputs", &pool, &corpus, usize::MAX).await?;
    row("sandbox_evaluations_one_input", &pool, &corpus, 1).await
}

/// All functions over and over, `inputs_max` of their inputs in one request.
async fn row(name: &str, pool: &Pool, corpus: &Corpus, inputs_max: usize) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let (mut evaluations, mut killed) = (0_usize, 0_usize);
    while start.elapsed() < ROW {
        let requests = stream::iter(&corpus.functions)
            .map(|function| {
                let inputs = function.inputs.get(..inputs_max.min(function.inputs.len())).unwrap_or_default();
                pool.evaluate(&function.source, "evaluate", inputs)
            })
            .buffer_unordered(AT_ONCE);
        let outcomes: Vec<Vec<Outcome>> = requests.try_collect().await?;
        evaluations += outcomes.iter().map(Vec::len).sum::<usize>();
        killed += outcomes.iter().flatten().filter(|outcome| matches!(outcome, Outcome::Crashed { .. })).count();
    }
    let a_second = f64::from(u32::try_from(evaluations)?) / start.elapsed().as_secs_f64();
    println!(r#"{{"name":"{name}","value":{a_second:.0},"unit":"evaluations/s"}}"#);
    if killed > 0 { Err(format!("{killed} workers died").into()) } else { Ok(()) }
}
