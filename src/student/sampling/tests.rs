//! Which token is chosen, and how often.

use packed::{Kernel, Tempered};
use wire::{Decoding, Sampling};

use super::{Cut, Sampler};

const ALL: Cut = Cut { top_k: 0, top_p: 1.0, min_p: 0.0 };

fn sampler(sampling: Sampling) -> Sampler {
    Sampler::new(sampling, &Decoding::default()).unwrap()
}

fn sample(logits: &[f32], temperature: f64, top_p: f64, share: f64) -> u32 {
    drawn(logits, temperature, Cut { top_p, ..ALL }, share)
}

fn drawn(logits: &[f32], temperature: f64, cut: Cut, share: f64) -> u32 {
    super::sample(&Tempered::new(Kernel::portable(), logits, temperature), cut, share)
}

#[test]
fn greedy_takes_the_lowest_id_of_equals() {
    assert_eq!(sampler(Sampling::Greedy).choose(Kernel::portable(), &[1.0, 5.0, 5.0, 4.0]), 1);
}

#[test]
fn a_temperature_of_zero_is_greedy() {
    let sampling = Sampling::Random { temperature: 0.0, top_p: 1.0, seed: Some(1) };
    assert!((0..50).all(|_| sampler(sampling).choose(Kernel::portable(), &[0.0, 0.1, 0.05]) == 1));
}

#[test]
fn equal_seeds_draw_equally_and_others_differ() {
    let logits: Vec<f32> = (0..40_u8).map(|i| f32::from(i % 7)).collect();
    let run = |seed| -> Vec<u32> {
        let mut sampler = sampler(Sampling::Random { temperature: 1.0, top_p: 0.95, seed });
        (0..30).map(|_| sampler.choose(Kernel::portable(), &logits)).collect()
    };
    assert_eq!(run(Some(7)), run(Some(7)));
    assert_ne!(run(Some(7)), run(Some(8)));
    assert_ne!(run(None), run(None), "without a seed each answer is drawn anew");
}

#[test]
fn tokens_come_as_often_as_the_softmax_says() {
    // Softmax at temperature 2 of logits 2 ln(1..4) is 1/10 .. 4/10.
    let logits: Vec<f32> = [1.0_f32, 2.0, 3.0, 4.0].iter().map(|weight| 2.0 * weight.ln()).collect();
    let mut sampler = sampler(Sampling::Random { temperature: 2.0, top_p: 1.0, seed: Some(3) });
    let mut counts = [0_u32; 4];
    let draws = 20_000;
    for _ in 0..draws {
        counts[sampler.choose(Kernel::portable(), &logits) as usize] += 1;
    }
    // Chi-square with 3 degrees of freedom: 16.3 is passed once in a thousand seeds.
    let chi: f64 = (1..=4_u32)
        .zip(counts)
        .map(|(weight, count)| {
            let expected = f64::from(draws) * f64::from(weight) / 10.0;
            (f64::from(count) - expected).powi(2) / expected
        })
        .sum();
    assert!(chi < 16.3, "chi-square {chi}, counts {counts:?}");
}

#[test]
fn the_nucleus_is_the_fewest_tokens_that_hold_its_mass() {
    // Probabilities 0.1, 0.5, 0.4: 0.5 alone holds half, 0.5 and 0.4 hold nine tenths.
    let logits: Vec<f32> = [0.1_f32, 0.5, 0.4].iter().map(|p| p.ln()).collect();
    let drawn = |top_p, share| sample(&logits, 1.0, top_p, share);
    assert!([0.0, 0.5, 0.999_999].iter().all(|share| drawn(0.49, *share) == 1));
    assert_eq!([drawn(0.89, 0.0), drawn(0.89, 0.55), drawn(0.89, 0.56), drawn(0.89, 0.999_999)], [1, 1, 2, 2]);
    // All tokens take part, in the order of their ids.
    assert_eq!([drawn(1.0, 0.0), drawn(1.0, 0.11), drawn(1.0, 0.999_999)], [0, 1, 2]);
    assert_eq!(drawn(0.0, 0.999_999), 1, "at least one token is left");
}

#[test]
fn among_equals_the_lower_id_is_in_the_nucleus() {
    assert_eq!(sample(&[1.0, 1.0, 1.0], 1.0, 0.3, 0.999_999), 0);
}

#[test]
fn a_nucleus_of_a_large_vocabulary_is_that_of_a_sorted_list() {
    let logits: Vec<f32> = (0..5000_u32).map(|i| ((i * 7919) % 5000) as f32 * 0.002).collect();
    let mut sorted: Vec<(u32, f64)> = (0..).zip(&logits).map(|(id, logit)| (id, f64::from(*logit).exp())).collect();
    sorted.sort_by(|left, right| right.1.total_cmp(&left.1));
    let total: f64 = sorted.iter().map(|(_, weight)| weight).sum();
    for top_p in [0.001, 0.02, 0.3, 0.9] {
        let mut sum = 0.0;
        let last = sorted.iter().find(|(_, weight)| {
            sum += weight;
            sum >= top_p * total
        });
        assert_eq!(sample(&logits, 1.0, top_p, 0.0), sorted[0].0, "{top_p}");
        assert_eq!(sample(&logits, 1.0, top_p, 1.0 - 1e-12), last.unwrap().0, "{top_p}");
    }
}

/// Every token that can be drawn, in the order of the shares.
fn drawable(logits: &[f32], temperature: f64, cut: Cut) -> Vec<u32> {
    let mut drawn: Vec<u32> = (0..1000_u32).map(|at| drawn(logits, temperature, cut, f64::from(at) / 1000.0)).collect();
    drawn.dedup();
    drawn
}

#[test]
fn the_cuts_leave_the_tokens_that_are_worked_out_by_hand() {
    // Probabilities 0.1, 0.4, 0.3, 0.2.
    let logits: Vec<f32> = [0.1_f32, 0.4, 0.3, 0.2].iter().map(|p| p.ln()).collect();
    let left = |cut| drawable(&logits, 1.0, cut);
    assert_eq!(left(ALL), [0, 1, 2, 3], "in the order of the ids");
    assert_eq!(left(Cut { top_k: 1, ..ALL }), [1]);
    assert_eq!(left(Cut { top_k: 2, ..ALL }), [1, 2]);
    assert_eq!(left(Cut { top_k: 9, ..ALL }), [1, 2, 3, 0]);
    assert_eq!(left(Cut { min_p: 0.4, ..ALL }), [1, 2, 3], "0.1 is less than 0.4 of 0.4");
    assert_eq!(left(Cut { min_p: 0.7, ..ALL }), [1, 2]);
    assert_eq!(left(Cut { min_p: 1.0, ..ALL }), [1]);
    // Of the first two, 0.4 / 0.7 is more than half.
    assert_eq!(left(Cut { top_k: 2, top_p: 0.5, ..ALL }), [1], "the mass of what top-k leaves");
    assert_eq!(left(Cut { top_p: 0.5, ..ALL }), [1, 2]);
    assert_eq!(left(Cut { top_k: 3, top_p: 0.7, min_p: 0.7 }), [1, 2]);
    // At temperature 2 the probabilities are as their roots: 0.2 / 0.4 becomes 0.707.
    assert_eq!(drawable(&logits, 2.0, Cut { min_p: 0.7, ..ALL }), [1, 2, 3], "after the temperature");
}

#[test]
fn cuts_make_no_difference_to_the_most_probable_token() {
    let decoding = Decoding { top_k: 3, min_p: 0.5, ..Decoding::default() };
    assert_eq!(Sampler::new(Sampling::Greedy, &decoding).unwrap().choose(Kernel::portable(), &[1.0, 5.0, 5.0, 4.0]), 1);
}
