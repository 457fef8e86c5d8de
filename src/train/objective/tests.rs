//! The formulas against the golden vectors of the papers' formulas (computed apart, in f64) and finite differences.

use proptest::prelude::*;

use super::*;

fn scored<'a>(sums: &'a [f64], references: &[f64], labels: &[bool]) -> Vec<Scored<'a>> {
    let all = sums.iter().zip(references).zip(labels);
    all.map(|((sum, reference), desirable)| Scored {
        log_probabilities: std::slice::from_ref(sum),
        reference: *reference,
        desirable: *desirable,
    })
    .collect()
}

fn kto(undesirable_weight: f64) -> Box<dyn Objective> {
    of(Method::Kto, ObjectiveArguments { undesirable_weight, ..ObjectiveArguments::default() })
}

fn dpo() -> Box<dyn Objective> {
    of(Method::Dpo, ObjectiveArguments::default())
}

const LABELS: [bool; 4] = [true, true, false, false];
const RATIOS: [f64; 4] = [2.0, -1.0, 1.5, -3.0];

#[test]
fn kto_gives_the_golden_losses() {
    let z0 = z0(&[0.4, -0.2, 0.9, 0.3]);
    assert!((z0 - 0.35).abs() < 1e-12, "{z0}");
    let (sequences, objective) = (scored(&RATIOS, &[0.0; 4], &LABELS), kto(1.0));
    for (sequence, want) in sequences.iter().zip([0.458_843, 0.533_699, 0.528_718, 0.417_025]) {
        let loss = objective.terms(&[*sequence], z0).loss;
        assert!((loss - want).abs() < 1e-6, "{loss} for {want}");
    }
    let terms = objective.terms(&sequences, z0);
    let mean = terms.loss * objective.weight(4, 99);
    assert!((mean - 0.484_571).abs() < 1e-6, "{mean}");
    assert_eq!(terms.right, 2, "the first and the last are on their side of z0");
    let weighted = kto(1.33).terms(&sequences, z0).loss * kto(1.33).weight(4, 99);
    assert!((weighted - 0.562_595).abs() < 1e-6, "{weighted}");
}

#[test]
fn the_reference_point_is_never_below_zero_and_never_no_number() {
    assert_eq!(z0(&[-3.0, 1.0]), 0.0);
    assert_eq!(z0(&[]), 0.0);
    assert_eq!(z0(&[3.0, -1.0]), 1.0);
}

#[test]
fn dpo_gives_the_golden_loss() {
    let loss = dpo().terms(&scored(&[2.0, -1.0], &[0.0; 2], &[true, false]), 0.0).loss;
    assert!((loss - 0.554_355).abs() < 1e-6, "{loss}");
    let far = |chosen| dpo().terms(&scored(&[chosen, 0.0], &[0.0; 2], &[true, false]), 0.0);
    assert_eq!(far(1e6).loss, 0.0);
    assert!((far(-1e6).loss - 1e5).abs() < 1e-6, "neither overflows nor saturates");
    assert_eq!((far(1.0).right, far(0.0).right, far(-1.0).right), (1, 0, 0));
}

#[test]
fn imitation_is_the_mean_over_tokens() {
    let objective = of(Method::Sft, ObjectiveArguments::default());
    let terms = objective.terms(&scored(&[-2.0, -4.0], &[0.0; 2], &[true, true]), 0.0);
    assert_eq!((terms.loss * objective.weight(2, 3), terms.slopes), (2.0, vec![1.0, 1.0]));
}

proptest! {
    // A file of failures below `src/` would be taken for a member.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_constant_added_to_both_log_probabilities_changes_nothing(
        ratios in proptest::array::uniform4(-30.0..30.0f64),
        labels in proptest::array::uniform4(any::<bool>()),
        constant in -500.0..500.0f64,
        z0 in 0.0..20.0f64,
    ) {
        let moved = ratios.map(|ratio| ratio + constant);
        let (one, other) = (scored(&ratios, &[0.0; 4], &labels), scored(&moved, &[constant; 4], &labels));
        for objective in [kto(1.33), dpo()] {
            let (one, other) = (objective.terms(&one, z0), objective.terms(&other, z0));
            prop_assert!((one.loss - other.loss).abs() < 1e-9);
            for (one, other) in one.slopes.iter().zip(&other.slopes) {
                prop_assert!((one - other).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn slopes_are_those_of_finite_differences(
        ratios in proptest::array::uniform4(-30.0..30.0f64),
        labels in proptest::array::uniform4(any::<bool>()),
        z0 in 0.0..20.0f64,
    ) {
        for objective in [kto(1.33), dpo()] {
            let terms = objective.terms(&scored(&ratios, &[0.0; 4], &labels), z0);
            prop_assert_eq!(terms.slopes.len(), 4);
            for at in 0..4 {
                let loss = |delta: f64| {
                    let mut moved = ratios;
                    moved[at] += delta;
                    objective.terms(&scored(&moved, &[0.0; 4], &labels), z0).loss
                };
                let slope = -(loss(1e-4) - loss(-1e-4)) / 2e-4;
                prop_assert!((slope - terms.slopes[at]).abs() < 1e-8, "{} by differences, {}", slope, terms.slopes[at]);
            }
        }
    }
}
