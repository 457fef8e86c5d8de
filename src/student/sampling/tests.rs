//! Which token is chosen, and how often.

use wire::Sampling;

use super::{Sampler, sample};

#[test]
fn greedy_takes_the_lowest_id_of_equals() {
    assert_eq!(Sampler::new(Sampling::Greedy).unwrap().choose(&[1.0, 5.0, 5.0, 4.0]), 1);
}

#[test]
fn a_temperature_of_zero_is_greedy() {
    let sampling = Sampling::Random { temperature: 0.0, top_p: 1.0, seed: Some(1) };
    assert!((0..50).all(|_| Sampler::new(sampling).unwrap().choose(&[0.0, 0.1, 0.05]) == 1));
}

#[test]
fn equal_seeds_draw_equally_and_others_differ() {
    let logits: Vec<f32> = (0..40_u8).map(|i| f32::from(i % 7)).collect();
    let run = |seed| -> Vec<u32> {
        let mut sampler = Sampler::new(Sampling::Random { temperature: 1.0, top_p: 0.95, seed }).unwrap();
        (0..30).map(|_| sampler.choose(&logits)).collect()
    };
    assert_eq!(run(Some(7)), run(Some(7)));
    assert_ne!(run(Some(7)), run(Some(8)));
    assert_ne!(run(None), run(None), "without a seed each answer is drawn anew");
}

#[test]
fn tokens_come_as_often_as_the_softmax_says() {
    // Softmax at temperature 2 of logits 2 ln(1..4) is 1/10 .. 4/10.
    let logits: Vec<f32> = [1.0_f32, 2.0, 3.0, 4.0].iter().map(|weight| 2.0 * weight.ln()).collect();
    let mut sampler = Sampler::new(Sampling::Random { temperature: 2.0, top_p: 1.0, seed: Some(3) }).unwrap();
    let mut counts = [0_u32; 4];
    let draws = 20_000;
    for _ in 0..draws {
        counts[sampler.choose(&logits) as usize] += 1;
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
