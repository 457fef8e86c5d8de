//! What a row of the copy curriculum holds.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::row;

#[test]
fn the_learnt_part_repeats_pairs_of_the_random_part() {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    for length in [1, 12, 40, 90] {
        let example = row(&mut rng, 2, 8..500, length);
        assert_eq!(example.ids.len(), length.max(12));
        assert!(example.ids[1..].iter().all(|id| (8..500).contains(id)) && example.ids[0] == 2);
        let (fresh, learnt) = example.ids.split_at(example.completion.start);
        let known = learnt.windows(2).filter(|pair| fresh.windows(2).any(|p| p == *pair)).count();
        // Spans have at least two tokens, so half of the pairs at least lie inside one.
        assert!(known * 3 >= learnt.len().saturating_sub(1), "{known} of {}", learnt.len());
    }
}
