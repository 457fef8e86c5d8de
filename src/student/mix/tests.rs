//! Adapters side by side, and the masks that tell them apart.

use std::sync::Arc;

use gemma::{Adapter, GRAPH_MANIFEST_FILE, GraphFormat, GraphManifest, Linear};

use super::Mix;
use crate::adapter::{Adapters, Bound, Input};
use crate::tests::fixture::{config, golden, tiny};

/// The golden adapter, and one of rank 1 of a single linear.
fn adapters() -> (Vec<Input>, [Arc<Bound>; 2]) {
    let (tiny, config) = (tiny(GraphFormat::F32), config());
    let manifest: GraphManifest =
        files::read_json(&tiny.dir.path().join("graph").join(GRAPH_MANIFEST_FILE)).unwrap().unwrap();
    let inputs = Input::all(&config, &manifest);
    let mut small = Adapter::load(&golden().join("adapter"), &config).unwrap();
    small.pairs.retain(|place, _| *place == (1, Linear::V));
    for pair in small.pairs.values_mut() {
        pair.a.truncate(pair.a.len() / small.rank);
        pair.b = pair.b.chunks(small.rank).map(|row| row[0]).collect();
    }
    small.rank = 1;
    let dir = tiny.dir.path().join("small");
    small.save(&dir).unwrap();
    let table = Adapters::default();
    let load = |dir: &std::path::Path| table.load(dir, &config, &inputs).unwrap();
    let both = [load(&golden().join("adapter")), load(&dir)];
    (inputs, both)
}

#[test]
fn a_mask_leaves_each_sequence_the_ranks_of_its_own_adapter() {
    let (inputs, [large, small]) = adapters();
    let mix = Mix::new(vec![large.clone(), small.clone()], &inputs).unwrap();
    let rows = [Some(small.clone()), None, Some(large.clone()), Some(small)];
    let masks = mix.masks(&inputs, &rows).unwrap();
    assert_eq!(masks.keys().collect::<Vec<_>>(), ["lora_mask.1", "lora_mask.2", "lora_mask.3"]);
    for (parts, mask) in (1..).zip(masks.values()) {
        let (first, second) = (large.rank * parts, parts);
        let row = |left: f32, right: f32| [vec![left; first], vec![right; second]].concat();
        let wanted = [row(0.0, 1.0), row(0.0, 0.0), row(1.0, 0.0), row(0.0, 1.0)].concat();
        assert_eq!(mask.extract_tensor().1, wanted, "{parts} parts");
        assert_eq!(mask.extract_tensor().0.to_vec(), [4, (first + second) as i64]);
    }
}

#[test]
fn factors_lie_side_by_side_and_are_zero_where_an_adapter_leaves_a_linear_alone() {
    let (inputs, both) = adapters();
    let mix = Mix::new(both.to_vec(), &inputs).unwrap();
    let factors: Vec<_> = mix.factors().collect();
    assert_eq!(factors.len(), inputs.len() * 2, "every input has a pair, or its mask would not fit");
    for (place, input) in inputs.iter().enumerate() {
        let ranks = both.each_ref().map(|bound| input.ranks(bound.rank));
        let (a, b) = (factors[place * 2].1.extract_tensor().1, factors[place * 2 + 1].1.extract_tensor().1);
        let total = ranks[0] + ranks[1];
        assert_eq!((a.len(), b.len()), (input.width * total, total * input.out));
        let mut first = 0;
        for (bound, ranks) in both.iter().zip(ranks) {
            let own = bound.inputs[place].as_ref();
            for (k, row) in a.chunks(total).enumerate() {
                let wanted = own.map_or(vec![0.0; ranks], |factors| {
                    factors.a.extract_tensor().1[k * ranks..(k + 1) * ranks].to_vec()
                });
                assert_eq!(row[first..first + ranks], wanted);
            }
            let below = &b[first * input.out..(first + ranks) * input.out];
            let wanted = own.map_or(vec![0.0; ranks * input.out], |factors| factors.b.extract_tensor().1.to_vec());
            assert_eq!(below, wanted);
            first += ranks;
        }
    }
}

#[test]
fn a_mix_knows_its_members() {
    let (inputs, [large, small]) = adapters();
    let mix = Mix::new(vec![large.clone()], &inputs).unwrap();
    assert!(mix.has_all(&[]) && mix.has_all(std::slice::from_ref(&large)));
    assert!(!mix.has_all(&[large, small]));
}
