//! Adapters side by side, and the masks that tell them apart.

use std::sync::Arc;

use gemma::{Adapter, GRAPH_MANIFEST_FILE, GraphFormat, GraphManifest, Linear};

use super::Mix;
use crate::adapter::{Adapters, Bound, Input};
use crate::tests::fixture::{config, golden, tiny};

/// The golden adapter, and one of rank 1 of a single linear.
fn adapters(format: GraphFormat) -> (Vec<Input>, [Arc<Bound>; 2]) {
    let (tiny, config) = (tiny(format), config());
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
    let (inputs, [large, small]) = adapters(GraphFormat::F32);
    let mix = Mix::new(vec![large.clone(), small.clone()], &inputs).unwrap();
    let rows = [Some(small.clone()), None, Some(large.clone()), Some(small)];
    let masks = mix.masks(&inputs, &rows).unwrap();
    assert_eq!(masks.keys().collect::<Vec<_>>(), ["lora_mask.1", "lora_mask.2", "lora_mask.3"]);
    for (parts, mask) in (1..).zip(masks.values()) {
        let row = |left: f32, right: f32| [vec![left; large.rank], vec![right; 1]].concat().repeat(parts);
        let wanted = [row(0.0, 1.0), row(0.0, 0.0), row(1.0, 0.0), row(0.0, 1.0)].concat();
        assert_eq!(mask.extract_tensor().1, wanted, "{parts} parts");
        assert_eq!(mask.extract_tensor().0.to_vec(), [4, (parts * (large.rank + 1)) as i64]);
    }
}

#[test]
fn factors_lie_side_by_side_and_are_zero_where_an_adapter_leaves_a_linear_alone() {
    [GraphFormat::F32, GraphFormat::I8Packed, GraphFormat::I4Packed].into_iter().for_each(lie_side_by_side);
}

fn lie_side_by_side(format: GraphFormat) {
    let (inputs, both) = adapters(format);
    let mix = Mix::new(both.to_vec(), &inputs).unwrap();
    let factors: Vec<_> = mix.factors().collect();
    assert_eq!(factors.len(), inputs.len() * 2, "every input has a pair, or its mask would not fit");
    let total = both[0].rank + both[1].rank;
    for (place, input) in inputs.iter().enumerate() {
        let (a, b) = (factors[place * 2].1.extract_tensor().1, factors[place * 2 + 1].1.extract_tensor().1);
        let panels = input.panels();
        assert_eq!(a.len(), input.width * input.parts() * total);
        assert_eq!(b.len(), panels.count * total * panels.columns);
        let mut first = 0;
        for bound in &both {
            let (own, rank) = (bound.inputs[place].as_ref(), bound.rank);
            // Of each number of the width the ranks', or of each rank all of the width.
            let each = if input.tiled { input.width } else { 1 };
            let size = rank * each;
            for (k, piece) in a.chunks(total * each).enumerate() {
                let wanted =
                    own.map_or_else(|| vec![0.0; size], |own| own.a.extract_tensor().1[k * size..][..size].to_vec());
                assert_eq!(piece[first * each..][..size], wanted);
            }
            let size = rank * panels.columns;
            for (k, panel) in b.chunks(total * panels.columns).enumerate() {
                let wanted =
                    own.map_or_else(|| vec![0.0; size], |own| own.b.extract_tensor().1[k * size..][..size].to_vec());
                assert_eq!(panel[first * panels.columns..][..size], wanted);
            }
            first += rank;
        }
    }
}

#[test]
fn a_mix_knows_its_members() {
    let (inputs, [large, small]) = adapters(GraphFormat::F32);
    let mix = Mix::new(vec![large.clone()], &inputs).unwrap();
    assert!(mix.has_all(&[]) && mix.has_all(std::slice::from_ref(&large)));
    assert!(!mix.has_all(&[large, small]));
}
