//! How a run starts.

use gemma::Weights;
use rand_chacha::rand_core::SeedableRng;

use super::*;
use crate::model::Model;
use crate::tests::golden;

#[test]
fn an_untrained_adapter_changes_nothing_but_can_learn() {
    let config = Config::load(&golden()).unwrap();
    let method = Method::LowRank { rank: 4, scale: 2.0, first: 0 };
    let list = method.parameters(&config, &mut ChaCha8Rng::seed_from_u64(1));
    assert_eq!(list.iter().map(|p| p.values.len()).sum::<usize>(), config.lora_parameters(4));
    for pair in list.chunks(2) {
        let bound = 1.0 / (pair[0].shape.1 as f32).sqrt();
        let largest = pair[0].values.iter().fold(0.0f32, |a, v| a.max(v.abs()));
        assert!(largest <= bound && largest > 0.9 * bound, "{}: {largest}", pair[0].name);
        assert!(pair[1].values.iter().all(|v| *v == 0.0), "{} starts at zero", pair[1].name);
    }
    let mut model = Model::<f32>::load(config, &Weights::load(&golden()).unwrap(), 8).unwrap();
    let before = model.logits(&[2, 10, 20]).unwrap();
    model.bind(method, &list).unwrap();
    assert_eq!(model.logits(&[2, 10, 20]).unwrap(), before);
}

#[test]
fn a_new_models_heads_hand_on_what_they_attend_to() {
    let config = Config::load(&golden()).unwrap();
    let list = Method::Full.parameters(&config, &mut ChaCha8Rng::seed_from_u64(1));
    assert_eq!(list.len(), 7 * config.num_hidden_layers + 1);
    let (v, o) = (&list[2], &list[3]);
    // Head 3 of 4 uses the second of two value heads.
    let (head, feature, within) = (3, 5, 7);
    let from_o = o.values[feature * o.shape.1 + head * config.head_dim + within];
    let from_v = v.values[(config.head_dim + within) * v.shape.1 + feature];
    assert_eq!(from_o, from_v);
}

#[test]
fn too_few_parameters_are_refused() {
    let config = Config::load(&golden()).unwrap();
    let method = Method::LowRank { rank: 4, scale: 2.0, first: 0 };
    let list = method.parameters(&config, &mut ChaCha8Rng::seed_from_u64(1));
    let mut model = Model::<f32>::load(config, &Weights::load(&golden()).unwrap(), 8).unwrap();
    assert!(model.bind(method, &list[..list.len() - 1]).is_err());
}
