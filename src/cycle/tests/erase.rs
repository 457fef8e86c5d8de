use std::collections::BTreeMap;

use capture::{Distillable, Exchange, Source};
use curriculum::{HELD_OUT_FILE, Lineage, TRAIN_FILE};
use dataset::read_chat;
use uuid::Uuid;

use super::{begun, outcome, site};
use crate::{ErasedLessons, Gone, erase};

/// What a player of `shop` asked and was told.
fn exchange(n: u128, player: &str) -> Exchange {
    let message = serde_json::json!({"role": "user", "content": player});
    let choice =
        serde_json::json!({"index": 0, "message": {"content": format!("to {player}")}, "finish_reason": "stop"});
    Exchange {
        id: Uuid::from_u128(n),
        site: site("shop"),
        at_ms: 1,
        api: wire::Api::Chat,
        source: Source::Teacher,
        status: 200,
        stream: false,
        complete: true,
        retry: false,
        distillable: Distillable::Yes,
        user: None,
        redacted: false,
        request: serde_json::json!({"model": "m", "messages": [message]}).to_string(),
        response: serde_json::json!({"model": "t", "choices": [choice]}).to_string(),
    }
}

/// A line of a lesson's data as it is drawn from that exchange.
fn line(player: &str) -> String {
    format!(
        "{{\"messages\":[{{\"role\":\"user\",\"content\":\"{player}\"}},{{\"role\":\"assistant\",\"content\":\"to {player}\"}}]}}\n"
    )
}

#[test]
fn what_was_erased_leaves_the_data_of_lessons_and_who_learnt_from_it_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (with, expired, without, damaged) =
        (begun(dir.path(), "shop"), begun(dir.path(), "shop"), begun(dir.path(), "shop"), begun(dir.path(), "shop"));
    let draw = |lesson: &crate::folder::Folder, ids: (u128, u128), files: &[(&str, &[&str])]| {
        std::fs::create_dir_all(lesson.curriculum()).unwrap();
        let (first, last) = (Some(Uuid::from_u128(ids.0)), Some(Uuid::from_u128(ids.1)));
        let lineage = Lineage { first, last, ..Lineage::default() };
        files::replace_json(&lesson.curriculum().join("lineage.json"), &lineage).unwrap();
        for (name, players) in files {
            let lines: String = players.iter().map(|player| line(player)).collect();
            std::fs::write(lesson.curriculum().join(name), lines).unwrap();
        }
    };
    draw(&with, (1, 9), &[(TRAIN_FILE, &["alice", "bob", "carol"]), (HELD_OUT_FILE, &["alice two"])]);
    with.end(&outcome(Some("1-a"))).unwrap();
    // Its data went by its retention; from when to when it was drawn is still known.
    draw(&expired, (4, 6), &[]);
    expired.end(&outcome(Some("2-b"))).unwrap();
    draw(&without, (7, 9), &[(TRAIN_FILE, &["bob"])]);
    draw(&damaged, (1, 9), &[(TRAIN_FILE, &["alice"])]);
    let aside = damaged.dir.with_extension("damaged");
    std::fs::rename(&damaged.dir, &aside).unwrap();

    let mut gone: BTreeMap<_, Gone> = BTreeMap::new();
    for exchange in [exchange(2, "alice"), exchange(5, "alice two")] {
        gone.entry(site("shop")).or_default().add(&exchange);
    }
    gone.entry(site("inn")).or_default().add(&exchange(3, "bob"));
    let erased = erase(dir.path(), &gone).unwrap();
    let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let expected = ErasedLessons {
        examples: 2,
        lessons: named(&["shop/1", "shop/2"]),
        versions: named(&["shop@1-a", "shop@2-b"]),
    };
    assert_eq!(erased, expected);
    let left = |lesson: &crate::folder::Folder, name| read_chat(&lesson.curriculum().join(name)).unwrap().len();
    assert_eq!((left(&with, TRAIN_FILE), left(&with, HELD_OUT_FILE), left(&without, TRAIN_FILE)), (2, 0, 1));
    assert!(!aside.join("curriculum").try_exists().unwrap());
    assert_eq!(erase(dir.path(), &gone).unwrap().examples, 0);
}
