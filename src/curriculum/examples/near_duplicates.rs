//! Finds the near duplicates among a million made-up texts: seconds and resident memory, one JSON object a line.
//! Usage: near_duplicates [TEXTS]

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measuring program")]

use std::time::Instant;

use curriculum::{NearDuplicates, Signature};

fn text(number: u64) -> String {
    // One of ten repeats an earlier text with a word changed.
    let (seed, changed) = if number % 10 == 9 { (number / 2, true) } else { (number, false) };
    let word =
        |at: u64| format!("w{}", (seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (at * 0x00c2_b2ae_3d27_d4eb)) % 20_000);
    let words: Vec<String> = (0..30).map(word).collect();
    if changed { format!("{} changed", words.join(" ")) } else { words.join(" ") }
}

fn main() {
    let texts: u64 = std::env::args().nth(1).map_or(1_000_000, |count| count.parse().unwrap());
    let (began, mut index, mut found) = (Instant::now(), NearDuplicates::default(), 0_u64);
    for number in 0..texts {
        let signature = Signature::of(&text(number));
        if index.find(&signature, 0.8).is_some() {
            found += 1;
        } else {
            index.insert(signature);
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak_kb: f64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    for (name, value, unit) in [
        ("texts", texts as f64, "texts"),
        ("seconds", seconds, "s"),
        ("peak resident memory", peak_kb / 1e6, "GB"),
        ("near duplicates found", found as f64, "texts"),
    ] {
        println!(r#"{{"name": "near duplicates: {name}", "value": {value:.3}, "unit": "{unit}"}}"#);
    }
}
