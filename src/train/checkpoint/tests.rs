//! Round trip, and damaged files.

use super::*;
use crate::optim::Rule;

fn numbers() -> (Vec<Parameter<f32>>, Optimizer, Vec<Vec<f32>>) {
    let parameter = |i: f32| Parameter { name: format!("p{i}"), shape: (2, 2), values: vec![i, 0.1, -3.5, 1e-9] };
    let list = vec![parameter(1.0), parameter(2.0)];
    let mut optimizer = Optimizer::new(vec![Rule::AdamW, Rule::Muon], &list, 0.0);
    optimizer.first[1][2] = 0.25;
    optimizer.second[0][3] = 7.0;
    (list, optimizer, vec![vec![9.0; 4], vec![8.0; 4]])
}

fn state() -> TrainState {
    let best = Some(Evaluation { step: 3, loss: 0.1, exact: 0.9, preference: None });
    let curve = Curve { train: vec![jobs::LossPoint { step: 5, steps: 5, loss: 0.1 }], held_out: Vec::new() };
    let health = Health::default();
    TrainState {
        fingerprint: "job".into(),
        step: 5,
        processor_s: 2.5,
        energy_j: None,
        seconds: 1.5,
        tokens: 100,
        best,
        evals_since_best: 2,
        budget: 2048,
        health,
        curve,
    }
}

#[test]
fn everything_comes_back_and_no_damage_is_taken_for_a_state() {
    let dir = tempfile::tempdir().unwrap();
    let (mut list, mut optimizer, mut best) = numbers();
    let written = Numbers { parameters: &mut list, optimizer: &mut optimizer, best: &mut best };
    save(dir.path(), &state(), &written).unwrap();

    let mut fresh = numbers().0;
    fresh.iter_mut().for_each(|p| p.values.fill(0.0));
    let empty = fresh.clone();
    let mut other = Optimizer::new(vec![Rule::AdamW, Rule::Muon], &fresh, 0.0);
    let mut found = Vec::new();
    let path = dir.path().join("checkpoint.bin");
    let whole = std::fs::read(&path).unwrap();
    let mut damaged: Vec<Vec<u8>> = (0..whole.len()).step_by(7).map(|length| whole[..length].to_vec()).collect();
    damaged.extend((0..whole.len()).map(|at| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        bytes
    }));
    for bytes in damaged {
        std::fs::write(&path, &bytes).unwrap();
        let numbers = Numbers { parameters: &mut fresh, optimizer: &mut other, best: &mut found };
        let found = load(dir.path(), "job", numbers).unwrap();
        assert!(matches!(&found, Found::Unusable(reason) if reason.contains("damaged")), "{found:?}");
    }
    std::fs::write(&path, &whole).unwrap();
    let numbers = Numbers { parameters: &mut fresh, optimizer: &mut other, best: &mut found };
    let of_another = load(dir.path(), "another", numbers).unwrap();
    assert!(matches!(&of_another, Found::Unusable(reason) if reason.contains("other arguments")), "{of_another:?}");
    assert_eq!((&fresh, found.len()), (&empty, 0), "nothing of an unusable checkpoint is taken");

    let numbers = Numbers { parameters: &mut fresh, optimizer: &mut other, best: &mut found };
    assert_eq!(load(dir.path(), "job", numbers).unwrap(), Found::State(state()));
    assert_eq!((&fresh, &other.first, &other.second, &found), (&list, &optimizer.first, &optimizer.second, &best));
    // What it began with is known before the numbers are read, and only to the same run.
    let began = |run| began_with(dir.path(), run);
    assert_eq!([began("job"), began("another")], [Some(2048), None]);
    std::fs::write(&path, &whole[..60]).unwrap();
    assert_eq!(began("job"), None);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(began("job"), None);
    let numbers = Numbers { parameters: &mut fresh, optimizer: &mut other, best: &mut found };
    assert_eq!(load(dir.path(), "job", numbers).unwrap(), Found::Nothing);
}
