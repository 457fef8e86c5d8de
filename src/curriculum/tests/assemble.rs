use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::json;

use crate::apart::{Example, Grouping, group, held_out, quota};
use crate::{AssembleSettings, SetLineage, assemble};

fn example(asked: &str, stratum: &str, user: Option<&str>) -> Example {
    let hash = *blake3::hash(asked.as_bytes()).as_bytes();
    let chat = dataset::ChatExample::new(Vec::new());
    Example { chat, hash, asked: asked.into(), stratum: stratum.into(), user: user.map(Into::into) }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_group_stands_on_both_sides_and_every_stratum_gives_its_share(
        rows in prop::collection::vec((0_u32..400, 0_u32..3, 0_u32..8), 1..200),
        share in 0.05_f64..0.5,
        grouping in prop_oneof![Just(Grouping::Prompt), Just(Grouping::User), Just(Grouping::Template)],
    ) {
        let examples: Vec<Example> = rows
            .iter()
            .map(|(text, stratum, user)| example(&format!("Ask number {text} now"), &format!("s{stratum}"), Some(&format!("u{user}"))))
            .collect();
        let apart = held_out(&examples, grouping, share);
        let mut sides: BTreeMap<[u8; 32], BTreeSet<bool>> = BTreeMap::new();
        for (example, apart) in examples.iter().zip(&apart) {
            sides.entry(group(example, grouping)).or_default().insert(*apart);
        }
        prop_assert!(sides.values().all(|sides| sides.len() == 1));
        // Where every group has one example, each stratum gives its share but for rounding.
        let single = sides.len() == examples.len();
        if single {
            for stratum in ["s0", "s1", "s2"] {
                let of = |held: Option<bool>| examples.iter().zip(&apart)
                    .filter(|(example, apart)| example.stratum == stratum && held.is_none_or(|held| held == **apart)).count() as f64;
                prop_assert!((of(Some(true)) - share * of(None)).abs() <= 0.5 + 1e-9, "{}", stratum);
            }
        }
    }

    #[test]
    fn the_quota_is_the_largest_that_holds(counts in prop::collection::vec(1_usize..60, 1..7), share in 0.1_f64..0.99) {
        let names: Vec<String> = (0..counts.len()).map(|at| format!("s{at}")).collect();
        let table: BTreeMap<&str, usize> = names.iter().map(String::as_str).zip(counts.iter().copied()).collect();
        let holds = |cap: usize| {
            let all: usize = counts.iter().map(|count| (*count).min(cap)).sum();
            counts.iter().all(|count| (*count).min(cap) as f64 <= share * all as f64 + 1e-9)
        };
        let found = quota(&table, share);
        match found {
            Some(cap) => {
                prop_assert!(holds(cap));
                let more = (cap + 1..=60).find(|more| holds(*more));
                let same = |more: usize| counts.iter().all(|count| (*count).min(more) == (*count).min(cap));
                prop_assert!(more.is_none_or(same), "{:?}", more);
            }
            None => prop_assert!((1..=60).all(|cap| !holds(cap))),
        }
    }
}

#[test]
fn templates_and_users_are_told_apart() {
    let same = |left: &str, right: &str| {
        group(&example(left, "", None), Grouping::Template) == group(&example(right, "", None), Grouping::Template)
    };
    assert!(same("Sell 3 ropes to Mara.", "Sell 12 ropes to Oswin."));
    assert!(!same("Sell 3 ropes to Mara.", "Sell 3 lamps to Mara."));
    // The first word of a sentence is no name.
    assert!(!same("Rope, please.", "Lamp, please."));
    let by_user = |user: Option<&str>, text: &str| group(&example(text, "", user), Grouping::User);
    assert_eq!(by_user(Some("a"), "x"), by_user(Some("a"), "y"));
    assert_ne!(by_user(Some("a"), "x"), by_user(Some("b"), "x"));
    assert_ne!(by_user(None, "x"), by_user(None, "y"));
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn file(&self, name: &str, lines: &[serde_json::Value]) -> PathBuf {
        let path = self.0.path().join(name);
        let text: Vec<String> = lines.iter().map(ToString::to_string).collect();
        std::fs::write(&path, text.join("\n") + "\n").unwrap();
        path
    }

    fn assemble(
        &self,
        files: &[PathBuf],
        settings: &AssembleSettings,
    ) -> Result<(PathBuf, SetLineage), crate::CurriculumError> {
        let files: Vec<_> = files.iter().map(|file| (file.clone(), None)).collect();
        assemble(&files, settings, &self.0.path().join("sets"))
    }
}

fn line(asked: &str, said: &str, stratum: &str) -> serde_json::Value {
    let messages = json!([{ "role": "user", "content": asked }, { "role": "assistant", "content": said }]);
    json!({ "messages": messages, "role": stratum })
}

fn long(number: usize) -> String {
    (0..30).map(|at| format!("word{}", number * 1000 + at)).collect::<Vec<_>>().join(" ")
}

fn lines_of(path: &Path) -> usize {
    std::fs::read_to_string(path).unwrap().lines().count()
}

#[test]
fn every_filter_drops_its_own_and_the_set_is_frozen_with_its_lineage() {
    let dir = Folder(tempfile::tempdir().unwrap());
    let mut lines: Vec<_> = (0..40).map(|number| line(&long(number), "an answer", "npc")).collect();
    lines.push(line(&long(3), "another answer", "npc"));
    // One word of thirty-two differs: three shingles of thirty.
    lines.push(line(&long(4).replace("word4000", "otherword"), "an answer", "npc"));
    // Ten of them differ: new enough.
    lines.push(line(&(long(5) + &long(900).chars().take(60).collect::<String>()), "an answer", "npc"));
    lines.push(line(&long(77), "held out elsewhere", "npc"));
    lines.push(json!({ "prompt": "p", "completion": "bad", "label": false }));
    lines.push(json!({ "odd": 1 }));
    let file = dir.file("in.jsonl", &lines);
    let against = vec![dir.file("exam.jsonl", &[line(&long(77), "x", "npc")])];
    let settings = AssembleSettings { against, held_out_share: 0.25, ..AssembleSettings::default() };
    let (folder, lineage) = dir.assemble(&[file], &settings).unwrap();
    let expected = [("contaminated", 1), ("near-duplicate", 1), ("repeated", 1), ("undesirable", 1)];
    assert_eq!(lineage.left_out, expected.map(|(reason, count)| (reason.to_owned(), count)).into());
    assert_eq!((lineage.records, lineage.inputs[0].refused, lineage.train + lineage.held_out), (45, 1, 41));
    assert!(lineage.inputs[0].refused_lines[0].starts_with("line 46: no known form"), "{lineage:?}");
    assert_eq!((lineage.held_out, lineage.version, lineage.parent.clone()), (10, 1, None));
    assert_eq!((lines_of(&folder.join("train.jsonl")), lines_of(&folder.join("held_out.jsonl"))), (31, 10));
    assert!(folder.ends_with(format!("v1-{}", lineage.hash.chars().take(8).collect::<String>())));
}

#[test]
fn what_one_frozen_set_holds_out_no_later_one_learns_even_when_only_its_signatures_are_left() {
    let dir = Folder(tempfile::tempdir().unwrap());
    let all: Vec<_> = (0..40).map(|number| line(&long(number), "an answer", "npc")).collect();
    let file = dir.file("in.jsonl", &all);
    let settings = AssembleSettings { held_out_share: 0.25, ..AssembleSettings::default() };
    let (first, lineage) = dir.assemble(std::slice::from_ref(&file), &settings).unwrap();
    assert_eq!((lineage.train, lineage.held_out), (30, 10));
    for file in [crate::TRAIN_FILE, crate::HELD_OUT_FILE] {
        std::fs::remove_file(first.join(file)).unwrap();
    }
    for against in [first.clone(), first.join(crate::SIGNATURES_FILE)] {
        let apart = AssembleSettings { against: vec![against], held_out_share: 0.0, ..settings.clone() };
        let (_, lineage) = dir.assemble(std::slice::from_ref(&file), &apart).unwrap();
        assert_eq!((lineage.left_out["contaminated"], lineage.train), (10, 30));
    }
    let signatures = first.join(crate::SIGNATURES_FILE);
    let mut bytes = std::fs::read(&signatures).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&signatures, bytes).unwrap();
    let damaged = AssembleSettings { against: vec![first], ..settings };
    let error = dir.assemble(std::slice::from_ref(&file), &damaged).unwrap_err().to_string();
    assert!(error.contains("held_out.minhash is damaged"), "{error}");
    std::fs::remove_file(&signatures).unwrap();
    let error = dir.assemble(&[file], &damaged).unwrap_err().to_string();
    assert!(error.contains("held_out.minhash"), "{error}");
}

#[test]
fn the_same_content_is_one_version_and_other_content_the_next() {
    let dir = Folder(tempfile::tempdir().unwrap());
    let file = dir.file("in.jsonl", &[line(&long(1), "a", "npc"), line(&long(2), "b", "npc")]);
    let (first, lineage) = dir.assemble(std::slice::from_ref(&file), &AssembleSettings::default()).unwrap();
    assert_eq!(
        dir.assemble(std::slice::from_ref(&file), &AssembleSettings::default()).unwrap(),
        (first.clone(), lineage)
    );
    dir.file("in.jsonl", &[line(&long(1), "a", "npc"), line(&long(3), "c", "npc")]);
    let (second, next) = dir.assemble(&[file], &AssembleSettings::default()).unwrap();
    let name = first.file_name().unwrap().to_string_lossy().into_owned();
    assert_eq!((next.version, next.parent.as_deref()), (2, Some(name.as_str())));
    assert!(second != first && first.join("lineage.json").is_file());
}

#[test]
fn a_stratum_keeps_to_its_quota_or_it_is_said_that_none_can_hold() {
    let dir = Folder(tempfile::tempdir().unwrap());
    let lines: Vec<_> = (0..30)
        .map(|at| {
            line(
                &long(at),
                "a",
                if at < 20 {
                    "npc"
                } else if at < 26 {
                    "shop"
                } else {
                    "lore"
                },
            )
        })
        .collect();
    let file = dir.file("in.jsonl", &lines);
    let with = |stratum_share_max| AssembleSettings { stratum_share_max, ..AssembleSettings::default() };
    let (_, lineage) = dir.assemble(std::slice::from_ref(&file), &with(0.5)).unwrap();
    assert_eq!(
        lineage.strata,
        [("lore", 4), ("npc", 10), ("shop", 6)].map(|(name, count)| (name.to_owned(), count)).into()
    );
    assert_eq!(lineage.left_out["quota"], 10);
    let error = dir.assemble(std::slice::from_ref(&file), &with(0.3)).unwrap_err().to_string();
    assert!(error.contains("3 strata cannot each have at most 0.3"), "{error}");
    let none = dir.file("none.jsonl", &[json!({ "prompt": "p", "completion": "c", "label": false })]);
    let error = dir.assemble(&[none], &with(1.0)).unwrap_err().to_string();
    assert!(error.contains("nothing is left to learn from; left out: {\"undesirable\": 1}"), "{error}");
}
