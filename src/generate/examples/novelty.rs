//! How many candidates a second one core holds against a pool of 10,000 texts, and whether the answers are brute force's: one JSON object
//! a line. Usage: novelty [POOL]

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measuring program")]

use std::time::Instant;

use generate::novelty::Pool;

/// Words as common as in English: the r-th of them with a frequency of about 1 / r.
fn text(number: u64) -> String {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut word = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let unit = (state >> 11) as f64 / (1_u64 << 53) as f64;
        format!("w{}", (3000.0_f64.powf(unit)) as u64)
    };
    (0..8 + number % 25).map(|_| word()).collect::<Vec<_>>().join(" ")
}

fn main() {
    let size: u64 = std::env::args().nth(1).map_or(10_000, |count| count.parse().unwrap());
    let texts: Vec<String> = (0..size).map(text).collect();
    let mut pool = Pool::default();
    texts.iter().for_each(|text| pool.push(text));
    // A third of the candidates is like a text of the pool: its last words are others.
    let like = |number: u64| {
        let words: Vec<&str> = texts[(number % size) as usize].split(' ').collect();
        format!("{} new words here", words[..words.len() * 3 / 4].join(" "))
    };
    let candidates: Vec<String> =
        (0..6000).map(|n| if n % 3 == 0 { like(n * 7) } else { text(n + 10 * size) }).collect();
    let began = Instant::now();
    let found: Vec<f64> = candidates.iter().map(|text| pool.nearest(text).unwrap().rouge_l).collect();
    let seconds = began.elapsed().as_secs_f64();
    let checked = 60;
    let agree = candidates.iter().zip(&found).step_by(candidates.len() / checked).filter(|(candidate, found)| {
        let brute = texts.iter().map(|text| verify::rouge_l(candidate, text)).fold(0.0, f64::max);
        (brute - **found).abs() < 1e-12
    });
    let agree = agree.count();
    let dropped = found.iter().filter(|rouge| **rouge > 0.7).count();
    for (name, value, unit) in [
        ("candidates on one core, pool of 10,000", candidates.len() as f64 / seconds, "1/s"),
        ("agree with brute force", agree as f64 / checked as f64, "share"),
        ("dropped at 0.7", dropped as f64 / candidates.len() as f64, "share"),
    ] {
        println!(r#"{{"name": "novelty: {name}", "value": {value:.3}, "unit": "{unit}"}}"#);
    }
}
