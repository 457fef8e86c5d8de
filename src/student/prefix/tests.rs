//! What is kept of prompts, for whom, and for how long.

use super::{LEAST, Prefixes};
use crate::cache::{Cache, Shape};

const SHAPE: Shape = Shape { layers: 2, kv_heads: 2, head_dim: 4, vocab: 10, capacity: 200, tiled_head: false };

/// A cache in which every number says where it stands.
fn cache() -> Cache {
    let mut cache = Cache::new(SHAPE, 1).unwrap();
    for (place, cached) in cache.tensors.iter_mut().enumerate() {
        for (at, value) in (0_u16..).zip(cached.tensor.extract_tensor_mut().1) {
            *value = f32::from(at) + 10_000.0 * place as f32;
        }
    }
    cache
}

fn prompt(common: u32, own: u32, tokens: usize) -> Vec<u32> {
    (0..common).chain((0..).map(|at| 1000 * own + at)).take(tokens).collect()
}

fn adapter(name: &str) -> blake3::Hash {
    blake3::hash(name.as_bytes())
}

/// Reads `ids` as a student does; how many tokens were there already.
fn read(prefixes: &mut Prefixes, adapter: Option<blake3::Hash>, ids: &[u32]) -> usize {
    let found = prefixes.find(adapter, ids).map_or(0, |found| found.1);
    prefixes.keep(adapter, ids, found, &cache(), 0);
    found
}

#[test]
fn what_two_prompts_have_in_common_is_there_for_the_second_and_alone_is_kept() {
    let mut prefixes = Prefixes::new(1 << 20);
    assert_eq!(read(&mut prefixes, None, &prompt(100, 1, 140)), 0);
    assert_eq!(read(&mut prefixes, None, &prompt(100, 2, 150)), 100);
    assert_eq!(read(&mut prefixes, None, &prompt(100, 3, 120)), 100);
    let bytes = cache().token_bytes();
    // The third has fewer new tokens than are worth keeping, and let the second's own ones go.
    assert_eq!(
        prefixes.bytes(),
        100 * bytes,
        "{:?}",
        prefixes.kept.iter().map(|kept| kept.ids.len()).collect::<Vec<_>>()
    );
}

#[test]
fn the_same_prompt_again_leaves_its_last_token_to_be_read() {
    let mut prefixes = Prefixes::new(1 << 20);
    let ids = prompt(0, 1, 90);
    assert_eq!([0, 1, 2].map(|_| read(&mut prefixes, None, &ids)), [0, 89, 89]);
}

#[test]
fn a_conversation_goes_on_where_it_was() {
    let mut prefixes = Prefixes::new(1 << 20);
    let said = |tokens| prompt(60, 1, tokens);
    assert_eq!([70, 110, 150, 190].map(|tokens| read(&mut prefixes, None, &said(tokens))), [0, 70, 110, 150]);
}

#[test]
fn nothing_is_shared_between_adapters_or_with_the_base() {
    let mut prefixes = Prefixes::new(1 << 20);
    let ids = prompt(100, 1, 140);
    assert_eq!(read(&mut prefixes, None, &ids), 0);
    assert_eq!(read(&mut prefixes, Some(adapter("one")), &ids), 0);
    assert_eq!(read(&mut prefixes, Some(adapter("two")), &ids), 0);
    assert_eq!(read(&mut prefixes, Some(adapter("one")), &ids), 139);
}

#[test]
fn few_tokens_in_common_are_not_worth_it() {
    let mut prefixes = Prefixes::new(1 << 20);
    let common = LEAST as u32 - 1;
    read(&mut prefixes, None, &prompt(common, 1, 140));
    assert_eq!(read(&mut prefixes, None, &prompt(common, 2, 140)), 0);
    assert_eq!(read(&mut prefixes, None, &prompt(0, 9, LEAST)), 0);
    assert_eq!(read(&mut prefixes, None, &[]), 0);
    assert_eq!(read(&mut prefixes, None, &[7]), 0);
}

#[test]
fn the_budget_is_never_passed_and_the_least_lately_used_goes() {
    let bytes = cache().token_bytes();
    let mut prefixes = Prefixes::new(200 * bytes);
    let names = ["one", "two", "three"].map(|name| Some(adapter(name)));
    let ids = prompt(80, 1, 80);
    read(&mut prefixes, names[0], &ids);
    read(&mut prefixes, names[1], &ids);
    read(&mut prefixes, names[0], &ids);
    assert_eq!(read(&mut prefixes, names[2], &ids), 0);
    assert!(prefixes.bytes() <= 200 * bytes);
    assert_eq!(read(&mut prefixes, names[0], &ids), 79, "used lately");
    assert_eq!(prefixes.find(names[1], &ids).map(|found| found.1), None);
    assert_eq!(read(&mut prefixes, None, &prompt(0, 3, 201)), 0, "too long for the budget");
    assert_eq!(read(&mut prefixes, None, &prompt(0, 3, 201)), 0);
    assert_eq!(read(&mut Prefixes::new(0), None, &ids), 0);
}

#[test]
fn a_snapshot_shortened_and_restored_is_what_was_in_the_cache() {
    let mut prefixes = Prefixes::new(1 << 20);
    read(&mut prefixes, None, &prompt(100, 1, 140));
    let (snapshot, tokens) = prefixes.find(None, &prompt(70, 2, 150)).unwrap();
    assert_eq!(tokens, 70);
    let mut restored = Cache::new(SHAPE, 3).unwrap();
    restored.restore(2, snapshot, tokens);
    let mut copied = Cache::new(SHAPE, 3).unwrap();
    copied.copy(2, &cache(), 0, tokens);
    let part = |cache: &Cache, slot: usize| cache.save(slot, tokens).values();
    assert_eq!(part(&restored, 2), part(&cache(), 0));
    assert_eq!(part(&copied, 2), part(&cache(), 0));
}
