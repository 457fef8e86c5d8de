//! Maps of 20 x 20 cells judged a second on one core, with and without findings, as JSON lines {"name", "value", "unit"}.

mod random;

use std::error::Error;
use std::hint::black_box;
use std::io::{Write, stdout};
use std::time::Instant;

use levels::{Context, LevelRules, Map, check, is_valid};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use random::Walls;
use serde_json::json;

const MAPS: usize = 2_000;
const ROUNDS: usize = 100;

fn main() -> Result<(), Box<dyn Error>> {
    let rules = LevelRules::default();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let maps: Vec<Map> = (0..MAPS).map(|_| random::map(&mut rng, 20, 7, 5, Walls::Half)).collect();
    let sound: Vec<Map> = maps.iter().filter(|map| is_valid(map, rules)).cloned().collect();
    let texts: Vec<String> = maps.iter().map(Map::to_training_json).collect::<Result<_, _>>()?;
    measure("is_valid, random maps", &maps, ROUNDS, |map| is_valid(map, rules))?;
    measure("is_valid, valid maps", &sound, ROUNDS, |map| is_valid(map, rules))?;
    measure("check, every finding", &maps, 5, |map| check(map, rules, Context::default()).is_empty())?;
    measure("parse and is_valid", &texts, 5, |text| Map::parse(text).is_ok_and(|map| is_valid(&map, rules)))?;
    Ok(())
}

fn measure<T>(name: &str, items: &[T], rounds: usize, judge: impl Fn(&T) -> bool) -> std::io::Result<()> {
    let began = Instant::now();
    for _ in 0..rounds {
        items.iter().for_each(|item| {
            black_box(judge(black_box(item)));
        });
    }
    let count = u32::try_from(items.len() * rounds).map_or(f64::INFINITY, f64::from);
    let line = json!({"name": name, "value": (count / began.elapsed().as_secs_f64()).round(), "unit": "maps/s"});
    writeln!(stdout(), "{line}")
}
