//! Masks against what every sequence says by itself.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::unseen;
use crate::tree::lay_out;
use crate::tree::tests::random_sequences;

#[test]
fn a_row_sees_what_a_sequence_of_it_has_within_the_window_before_it_and_nothing_else() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut beyond = 0;
    for round in 0..60 {
        let sequences = random_sequences(&mut rng, 1 + round % 7, 40, 1 + round as u32 % 4);
        let laid = lay_out(&sequences.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let n = laid.tree.tokens();
        for window in [1, 7, usize::MAX] {
            let mut expected = vec![1; n * n];
            for rows in &laid.rows {
                for (position, row) in rows.iter().enumerate() {
                    for (at, key) in rows[..=position].iter().enumerate() {
                        if position - at < window {
                            expected[*row as usize * n + *key as usize] = 0;
                        } else {
                            beyond += 1;
                        }
                    }
                }
            }
            assert_eq!(unseen(&laid.tree, window), expected, "window {window}");
        }
    }
    assert!(beyond > 1_000, "{beyond}: the window hid nothing");
}
