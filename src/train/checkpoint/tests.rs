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

fn state() -> State {
    let best = Some(Best { step: 3, loss: 0.1, exact: 0.9 });
    State { fingerprint: "job".into(), step: 5, seconds: 1.5, tokens: 100, best, since_best: 2 }
}

#[test]
fn everything_comes_back_and_damage_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let (mut list, mut optimizer, mut best) = numbers();
    let written = Numbers { parameters: &mut list, optimizer: &mut optimizer, best: &mut best };
    save(dir.path(), &state(), &written).unwrap();

    let mut fresh = numbers().0;
    fresh.iter_mut().for_each(|p| p.values.fill(0.0));
    let mut other = Optimizer::new(vec![Rule::AdamW, Rule::Muon], &fresh, 0.0);
    let mut found = Vec::new();
    let mut load_here = |fingerprint: &str| {
        let numbers = Numbers { parameters: &mut fresh, optimizer: &mut other, best: &mut found };
        load(dir.path(), fingerprint, numbers)
    };
    assert!(load_here("another").is_err());
    assert_eq!(load_here("job").unwrap(), Some(state()));
    let path = dir.path().join("checkpoint.safetensors");
    let whole = std::fs::read(&path).unwrap();
    for length in [0, 7, 60, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert!(load_here("job").is_err(), "a file of {length} bytes was accepted");
    }
    std::fs::remove_file(&path).unwrap();
    assert_eq!(load_here("job").unwrap(), None);
    assert_eq!((&fresh, &other.first, &other.second, &found), (&list, &optimizer.first, &optimizer.second, &best));
}
