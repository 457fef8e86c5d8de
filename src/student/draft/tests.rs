//! What is looked up, and when it is no longer.

use super::{Draft, Drafts, RETRY};

fn tokens(draft: &Draft) -> &[u32] {
    &draft.tokens
}

#[test]
fn a_text_goes_on_as_it_did_at_its_latest_longest_match() {
    let mut drafts = Drafts::new(4);
    let text = [1, 2, 3, 9, 8, 1, 2, 3, 7, 6, 5, 5, 2, 3];
    assert_eq!(tokens(&drafts.draft(None, &text, 99)), [7, 6, 5], "two tokens are a short match");
    let text = [1, 2, 3, 4, 9, 8, 7, 6, 5, 1, 2, 3, 4];
    assert_eq!(tokens(&drafts.draft(None, &text, 99)), [9, 8, 7, 6], "four are a long one");
    assert_eq!(tokens(&drafts.draft(None, &text, 1)), [9]);
    assert_eq!(tokens(&drafts.draft(None, &text, 0)), [0; 0]);
    assert_eq!(tokens(&drafts.draft(None, &[1, 2, 3, 9, 3], 99)), [0; 0], "one token is no match");
    for short in [&[][..], &[1], &[1, 1]] {
        assert_eq!(tokens(&drafts.draft(None, short, 99)), [0; 0], "{short:?}");
    }
    assert_eq!(tokens(&drafts.draft(None, &[1, 1, 1], 99)), [1], "it may overlap the end");
    assert_eq!(tokens(&Drafts::new(0).draft(None, &text, 99)), [0; 0]);
}

#[test]
fn an_answer_begins_as_the_sites_last_one_did_and_never_as_anothers() {
    let (mut drafts, site, other) = (Drafts::new(8), Some(blake3::hash(b"one")), Some(blake3::hash(b"other")));
    drafts.note(site, &[50, 51, 52, 105, 106, 107, 1, 2, 3, 4], 6);
    drafts.note(site, &[60, 61, 62, 105, 106, 107, 1, 2, 5, 6, 7], 6);
    let prompt = [70, 71, 72, 73, 105, 106, 107];
    assert_eq!(tokens(&drafts.draft(site, &prompt, 99)), [1, 2, 5]);
    assert_eq!(tokens(&drafts.draft(other, &prompt, 99)), [0; 0]);
    assert_eq!(tokens(&drafts.draft(None, &prompt, 99)), [0; 0]);
    let text = [70, 71, 72, 73, 105, 106, 107, 1, 2, 3];
    assert_eq!(tokens(&drafts.draft(site, &text, 99)), [4], "the longer match is the older answer's");
}

#[test]
fn what_is_kept_is_bounded() {
    let mut drafts = Drafts::new(8);
    for answer in 0..1000 {
        drafts.note(None, &[0, 0, 0, 0, 1000 + answer, 2000 + answer, 3], 4);
    }
    for _ in 0..100 {
        drafts.note(None, &vec![7; 5000], 4);
    }
    let site = drafts.sites.get(None).unwrap();
    assert_eq!(site.answers.iter().filter(|answer| answer[4] == 7).count(), 1, "equal answers are kept once");
    assert!(site.answers.len() <= super::ANSWERS_MAX);
    assert!(site.answers.iter().all(|answer| answer.len() <= super::ANSWER_TOKENS_MAX + super::LEAD));
}

#[test]
fn drafts_that_are_never_right_are_made_now_and_then_only() {
    let mut drafts = Drafts::new(8);
    let text = [1, 2, 3, 9, 8, 1, 2];
    let mut made = 0;
    for _ in 0..10 * RETRY {
        let draft = drafts.draft(None, &text, 99);
        made += usize::from(!draft.tokens.is_empty());
        drafts.learn(None, &draft, false);
    }
    assert!((10..30).contains(&made), "{made}");
    for _ in 0..3 * RETRY {
        let draft = drafts.draft(None, &text, 99);
        drafts.learn(None, &draft, true);
    }
    assert!((0..20).all(|_| !drafts.draft(None, &text, 99).tokens.is_empty()), "they are worth it again");
}
