//! What the earlier rule lets through: 20,000 random maps, the share that it accepts, and what strict rules find in those.
//!
//! One JSON line a figure: {"name", "value", "unit"}; `value` in percent, with the published figure and the sampling error (95 %) beside it.
//!
//! The publication does not say how long its walls are; two ways to draw them bracket it. Its "unreachable" holds enemies in walls too where
//! the player stands free (it could not lie below "enemy in wall" by so little otherwise); our E13 does not, and has a line of its own.

mod random;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::io::{Write, stdout};

use levels::{Context, Finding, LevelRules, check, prior_art};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use random::Walls;
use serde_json::json;

const MAPS: u32 = 20_000;
const SEED: u64 = 1;
type Defect = fn(&BTreeSet<&str>) -> bool;
/// A defect by the rules that were broken, and what was published of it, in percent.
const DEFECTS: [(&str, Defect, Option<f64>); 8] = [
    ("any strict error", |found| !found.is_empty(), Some(60.9)),
    ("enemy in wall", |found| found.contains("E6"), Some(46.0)),
    (
        "enemy unreachable or in wall, player free",
        |found| !found.contains("E4") && (found.contains("E6") || found.contains("E13")),
        Some(39.1),
    ),
    ("enemy unreachable, itself free", |found| found.contains("E13"), None),
    ("isolated floor", |found| found.contains("E14"), Some(14.1)),
    ("spawn in wall", |found| found.contains("E4"), Some(13.2)),
    ("duplicate enemies", |found| found.contains("E7"), Some(6.4)),
    ("enemy on spawn", |found| found.contains("E8"), Some(2.8)),
];

fn main() -> Result<(), Box<dyn Error>> {
    for (name, walls) in [("ends anywhere", Walls::Ends), ("up to half a side", Walls::Half)] {
        table(name, walls)?;
    }
    Ok(())
}

fn table(name: &str, walls: Walls) -> std::io::Result<()> {
    let rules = LevelRules::default();
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let (mut accepted, mut counts) = (0, BTreeMap::<&str, u32>::new());
    for _ in 0..MAPS {
        let (side, count, enemies) = (rng.random_range(8..=20), rng.random_range(3..=10), rng.random_range(2..=8));
        let map = random::map(&mut rng, side, count, enemies, walls);
        if !prior_art::accepts(&map, rules) {
            continue;
        }
        accepted += 1;
        let findings = check(&map, rules, Context::default());
        let found = findings.iter().filter(|finding| finding.is_error()).map(Finding::rule).collect();
        for (defect, has, _) in DEFECTS {
            *counts.entry(defect).or_default() += u32::from(has(&found));
        }
    }
    line(name, "accepted by the earlier rule", (accepted, MAPS), Some(91.7))?;
    let of = |defect| (counts.get(defect).copied().unwrap_or(0), accepted);
    DEFECTS.iter().try_for_each(|(defect, _, published)| line(name, defect, of(defect), *published))
}

fn line(walls: &str, name: &str, (part, of): (u32, u32), published: Option<f64>) -> std::io::Result<()> {
    let share = f64::from(part) / f64::from(of.max(1));
    let error = 196.0 * (share * (1.0 - share) / f64::from(of.max(1))).sqrt();
    let rounded = |value: f64| (value * 100.0).round() / 100.0;
    let line = json!({
        "name": format!("levels, walls {walls}: {name}"), "value": rounded(share * 100.0), "unit": "percent", "published": published,
        "sampling_error": rounded(error),
    });
    writeln!(stdout(), "{line}")
}
