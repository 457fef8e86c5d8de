//! What is shared, and that nothing else is changed by it.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::*;

/// Sequences of a random tree: whatever one has drawn, others may go on from, at any place.
pub(crate) fn random_sequences(rng: &mut ChaCha8Rng, count: usize, longest: usize, vocabulary: u32) -> Vec<Vec<u32>> {
    let mut all: Vec<Vec<u32>> = Vec::new();
    while all.len() < count {
        let mut ids = match all.len() {
            0 => Vec::new(),
            some => {
                let from = &all[rng.random_range(0..some)];
                from[..rng.random_range(0..=from.len())].to_vec()
            }
        };
        let more = rng.random_range(0..longest - ids.len().min(longest - 1));
        ids.extend((0..more.max(1)).map(|_| rng.random_range(0..vocabulary)));
        ids.truncate(longest);
        all.push(ids);
    }
    all
}

fn laid(sequences: &[Vec<u32>]) -> Laid {
    lay_out(&sequences.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

fn run(from: u32, tokens: u32) -> Vec<u32> {
    (from..from + tokens).collect()
}

#[test]
fn a_prefix_is_shared_and_a_prefix_of_some_within_it() {
    let shop = |rest: &[u32]| [&run(0, 20)[..], rest].concat();
    let rope = |rest: &[u32]| shop(&[&run(100, 10)[..], rest].concat());
    let Laid { tree, ids, rows } = laid(&[rope(&[1, 2]), shop(&[200, 201]), rope(&[3]), run(500, 4)]);
    let node = |parent, row, tokens, position| Node { parent, row, tokens, position };
    let expected = [
        node(None, 0, 20, 0),
        node(Some(0), 20, 10, 20),
        node(Some(1), 30, 2, 30),
        node(Some(1), 32, 1, 30),
        node(Some(0), 33, 2, 20),
        node(None, 35, 4, 0),
    ];
    assert_eq!((tree.nodes.as_slice(), tree.tokens(), tree.positions()), (&expected[..], 39, 32));
    assert_eq!((ids.len(), tree.path(3), tree.path(5)), (39, vec![0, 1, 3], vec![5]));
    assert_eq!(rows[2], (0..30).chain([32]).collect::<Vec<u32>>());
}

#[test]
fn little_in_common_is_not_shared_and_the_same_twice_is_there_once() {
    let [short, long] = [SHARED_MIN as u32 - 1, SHARED_MIN as u32].map(|tokens| {
        let with = |last| [&run(0, tokens)[..], &[last]].concat();
        laid(&[with(90), with(91)]).tree.tokens()
    });
    assert_eq!((short, long), (2 * SHARED_MIN, SHARED_MIN + 2));
    let twice = laid(&[run(0, 30), run(0, 30), run(0, 12)]);
    assert_eq!((twice.tree.tokens(), twice.tree.nodes.len()), (30, 2), "one is where another begins");
    assert_eq!(twice.rows[0], twice.rows[1]);
    assert_eq!(laid(&[vec![], run(0, 2)]).tree.tokens(), 2);
    assert_eq!(laid(&[]).tree.positions(), 0);
}

#[test]
fn every_token_of_every_sequence_is_where_its_path_says() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut shared = 0;
    for round in 0..300 {
        let sequences = random_sequences(&mut rng, 1 + round % 9, 60, 1 + round as u32 % 5);
        let Laid { tree, ids, rows } = laid(&sequences);
        let mut next = 0;
        for (at, node) in tree.nodes.iter().enumerate() {
            assert_eq!((node.row, node.tokens > 0), (next, true));
            next += node.tokens;
            let before: usize = tree.path(at).iter().rev().skip(1).map(|at| tree.nodes[*at].tokens).sum();
            assert_eq!(node.position, before);
            assert!(node.parent.is_none_or(|parent| parent < at));
        }
        assert_eq!(next, ids.len());
        for (sequence, rows) in sequences.iter().zip(&rows) {
            let said: Vec<u32> = rows.iter().map(|row| ids[*row as usize]).collect();
            assert_eq!(said, *sequence);
            let ends = tree.nodes.iter().position(|node| node.row + node.tokens == *rows.last().unwrap() as usize + 1);
            let path: Vec<u32> = tree
                .path(ends.unwrap())
                .iter()
                .flat_map(|at| {
                    let node = tree.nodes[*at];
                    node.row as u32..(node.row + node.tokens) as u32
                })
                .collect();
            assert_eq!(path, *rows, "a sequence is a path");
        }
        shared += sequences.iter().map(Vec::len).sum::<usize>() - ids.len();
    }
    assert!(shared > 1_000, "only {shared} tokens were shared: the test shows nothing");
}
