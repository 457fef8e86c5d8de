use proptest::prelude::*;

use crate::novelty::Pool;

fn pool(texts: &[String]) -> Pool {
    let mut pool = Pool::default();
    texts.iter().for_each(|text| pool.push(text));
    pool
}

fn text() -> impl Strategy<Value = String> {
    // Few words, so that texts meet; lengths over one block of the bit rows.
    prop::collection::vec("[a-f]|the|old|mill|!|竜", 0..90).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_nearest_text_is_the_one_that_comparing_with_all_of_them_finds(
        texts in prop::collection::vec(text(), 0..30),
        candidate in text(),
    ) {
        let brute = texts.iter().map(|text| verify::rouge_l(&candidate, text)).enumerate();
        let best = brute.fold(None, |best: Option<(usize, f64)>, (index, score)| match best {
            Some((_, most)) if score <= most => best,
            _ => Some((index, score)),
        });
        let found = pool(&texts).nearest(&candidate).map(|nearest| (nearest.index, nearest.rouge_l));
        prop_assert_eq!(found, best);
    }
}

#[test]
fn golden_likenesses() {
    let pool = pool(&["Ask the blacksmith for a better sword.".into(), "Write a rumor about the old mill".into()]);
    let near = |text: &str| pool.nearest(text).unwrap();
    assert!((near("Ask the blacksmith for a cheaper sword").rouge_l - 0.857_142_857).abs() < 1e-9);
    assert!((near("Describe the village elder").rouge_l - 0.181_818_181).abs() < 1e-9);
    assert_eq!(Pool::default().nearest("anything"), None);
}
