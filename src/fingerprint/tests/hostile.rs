//! Whatever clients send: no panic, bounded memory, bounded sites.

use proptest::prelude::*;
use rand::seq::SliceRandom;

use super::corpora;
use super::finding::{Nothing, ask, finder};
use crate::pool::{Doc, Pool};

#[test]
fn a_chat_window_makes_hardly_a_site() {
    let finder = finder();
    ask(&finder, &corpora::chat(7, 6_000).asked);
    assert!(finder.sites().len() <= 2, "{:?}", finder.views());
}

#[test]
fn huge_texts_are_looked_at_in_part_and_kept_in_part() {
    let finder = finder();
    let (line, lines) = ("word ".repeat(200_000), "x\n".repeat(100_000));
    let (quotes, open) = ("\"".repeat(300_000), "\"a ".repeat(100_000));
    for text in [&line, &lines, &quotes, &open, &"商".repeat(300_000), &"7 ".repeat(300_000)] {
        for _ in 0..3 {
            assert_eq!(finder.look_up(corpora::plain(), text, text, true, 0), None);
        }
    }
    for at in 0..100 {
        let text = format!("{line} {at} {lines}");
        finder.look_up(corpora::plain(), "", &text, true, 0);
    }
    finder.mine(0, &Nothing);
    assert!(finder.sites().len() <= 1);
}

#[test]
fn the_pool_holds_so_many_prompts_and_bytes_and_no_more() {
    let mut pool = Pool::default();
    let filling = "lorem ipsum ".repeat(1_000);
    for at in 0..60_000 {
        let long = if at % 2 == 0 { filling.as_str() } else { "" };
        pool.offer(Doc::new(corpora::plain(), long, &format!("{at}{long}")));
    }
    let bytes: usize = pool.docs().iter().map(|doc| doc.system.len() + doc.user.len()).sum();
    assert!(pool.len() <= 2 * 2_048 && bytes <= 2 * (12 << 20), "{} prompts, {bytes} bytes", pool.len());
    assert!(pool.len() >= 2_048);
}

#[test]
fn of_more_prompts_than_it_holds_the_pool_holds_the_same_in_every_order() {
    let mut numbers: Vec<u32> = (0..5_000).collect();
    let held = |numbers: &[u32]| {
        let mut pool = Pool::default();
        numbers.iter().for_each(|number| pool.offer(Doc::new(corpora::plain(), "", &number.to_string())));
        pool.docs().into_iter().map(|doc| doc.id).collect::<Vec<_>>()
    };
    let before = held(&numbers);
    numbers.shuffle(&mut corpora::rng(3));
    assert_eq!(held(&numbers), before);
}

fn texts() -> impl Strategy<Value = Vec<(String, String)>> {
    let text = prop_oneof![
        "\\PC{0,80}",
        "[a-z \"{}:\\n\u{1}0-9]{0,200}",
        "(You are [A-Z][a-z]{2,5}, [a-z]{3} in [a-z]{3}\\. ){0,3}"
    ];
    prop::collection::vec((text.clone(), text), 0..150)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic_and_the_order_does_not_matter(texts in texts(), seed in 0_u64..1_000) {
        let mined = |texts: &[(String, String)]| {
            let finder = finder();
            for (system, user) in texts {
                finder.look_up(corpora::plain(), system, user, true, 0);
            }
            finder.mine(0, &Nothing);
            let _ = (finder.views(), serde_json::to_string(&finder.sites()).unwrap());
            let names: Vec<_> = finder.sites().into_iter().map(|site| (site.name, site.templates)).collect();
            names
        };
        let mut shuffled = texts.clone();
        shuffled.shuffle(&mut corpora::rng(seed));
        prop_assert_eq!(mined(&texts), mined(&shuffled));
    }

    #[test]
    fn what_a_site_was_found_from_belongs_to_it(count in 40_usize..120, literal in "[a-z]{4,9} [a-z]{4,9} [a-z]{4,9}", values in prop::collection::vec("[a-z]{1,12}", 120)) {
        let finder = finder();
        let prompt = |at: usize| format!("{literal}: {} {at}.", values[at % values.len()]);
        for at in 0..count {
            finder.look_up(corpora::plain(), "", &prompt(at), true, 0);
        }
        let found = finder.mine(0, &Nothing).found;
        // A text of common words alone has nothing to be told by.
        prop_assume!(!found.is_empty());
        let names: Vec<_> = (0..count).map(|at| finder.look_up(corpora::plain(), "", &prompt(at), true, 0)).collect();
        let named = names.iter().flatten().count();
        prop_assert!(named * 10 >= count * 9, "{named} of {count}: {:?}", finder.views());
    }
}
