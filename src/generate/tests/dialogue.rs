use crate::bootstrap;
use crate::dialogue::{CollapseLimits, Diversity, Thresholds, collapsed};
use crate::self_growth;
use crate::tests::script::{Script, begin};
use crate::{GenerateError, Item};

const PERSONA: &str = r#"{"id":"p","role":"shopkeeper","name":"Mara","place":"Oakford","voice":"You are merry.","facts":["A rope costs 4 coins."]}"#;

/// Runs a bootstrap of one role whose teacher says `said` one after the other, then nothing new.
async fn scenes(said: Vec<String>, settings: bootstrap::Settings) -> Vec<Item> {
    let dir = tempfile::tempdir().unwrap();
    let (personas, none) = (dir.path().join("personas.jsonl"), dir.path().join("scenes.jsonl"));
    std::fs::write(&personas, PERSONA).unwrap();
    std::fs::write(&none, "").unwrap();
    let script = Script::new(move |_, at| Ok(said.get(at).cloned().unwrap_or_else(|| "nothing".into())));
    let mut run = begin(&dir.path().join("run"), script, None);
    let settings = bootstrap::Settings {
        roles: vec![crate::dialogue::CharacterRole::Shopkeeper],
        personas: Some(personas),
        scenes: Some(none),
        ..settings
    };
    bootstrap::make(&mut run, &settings).await.unwrap();
    run.items().to_vec()
}

fn settings(count: usize) -> bootstrap::Settings {
    bootstrap::Settings { count, turns_max: 3, ..bootstrap::Settings::default() }
}

/// What drops a scene of these lines; nothing for one that stays.
async fn reason(asked: &str, answered: &str) -> Option<String> {
    let items = scenes(vec![format!("Player: {asked}\nCharacter: {answered}")], settings(1)).await;
    items[0].dropped_by().map(|check| check.name.clone())
}

#[tokio::test]
async fn every_gate_has_two_sides() {
    let ask = "What does the long rope cost today?";
    let words = |count: usize| format!("{}.", vec!["rope"; count].join(" "));
    let cases = [
        ("Four coins, friend.", None),
        ("Four coins.", Some("words-min")),
        (&words(60), None),
        (&words(61), Some("words-max")),
        ("It costs four. It is good. It is long. Take it.", None),
        ("It costs four. It is good. It is long. It is dry. Take it.", Some("too-many-sentences")),
        ("As an AI language model I sell nothing.", Some("forbidden-phrase")),
        ("The rope from Oakford costs four coins.", None),
        ("The rope from Redhill costs four coins.", Some("ungrounded")),
        ("What does the long rope cost today, you ask?", Some("echo")),
        ("Look it up on the internet, my friend.", Some("forbidden-knowledge")),
        ("Netting is four coins, my friend.", None),
        ("*smiles* four coins for you, friend.", Some("markup")),
        ("(sighs) four coins for you, friend.", Some("markup")),
        ("Four coins (and a smile), my friend.", None),
    ];
    for (answered, expected) in cases {
        assert_eq!(reason(ask, answered).await.as_deref(), expected, "{answered}");
    }
    let french = "cette corde coûte quatre pièces aujourd'hui, et elle est assez longue pour passer par-dessus le mur.";
    let english = "Would you please tell me what the long rope over there on the wall costs today?";
    assert_eq!(reason(english, french).await.as_deref(), Some("language"));
}

#[tokio::test]
async fn what_is_no_scene_is_told_apart() {
    let said = [
        "Once upon a time.",
        "Character: Hello there friend.\nPlayer: Hi",
        "Player: Hi there",
        "Player: Hi\nPlayer: Ho\nCharacter: Hello there friend.",
    ];
    let items = scenes(said.map(str::to_owned).to_vec(), settings(4)).await;
    let reasons: Vec<&str> = items[..4].iter().map(|item| item.dropped_by().unwrap().name.as_str()).collect();
    assert_eq!(reasons, ["no-lines", "out-of-turn", "out-of-turn", "out-of-turn"]);
    // Marks, quotation marks, the character's own name, lines that go on, a last word of the player's.
    let odd = "**Player:** \"What is that?\"\n**Mara:** \"A rope of hemp,\nmy friend.\"\nPlayer: Thanks";
    let items = scenes(vec![odd.into()], settings(1)).await;
    let lines: Vec<&str> = items[0].messages.iter().skip(1).map(|turn| turn.text.as_str()).collect();
    assert_eq!(lines, ["What is that?", "A rope of hemp, my friend."], "{:?}", items[0]);
    let long: String = (0..4).map(|at| format!("Player: Word{at}?\nCharacter: A rope number {at}.\n")).collect();
    let items = scenes(vec![long], settings(1)).await;
    assert_eq!(items[0].dropped_by().unwrap().name, "turns", "four turns where three are the most");
}

#[tokio::test]
async fn players_and_characters_do_not_repeat_themselves() {
    let scene = |asked: &str, answered: &str| format!("Player: {asked}\nCharacter: {answered}");
    let said = vec![
        scene("What does the long rope cost today?", "Four coins and not one copper less, friend."),
        scene("what does the LONG rope cost today", "Four coins and not one copper less friend!"),
        // Seven and eight words, six in common: 12/15 = 0.8. Then five in common of seven and eight: 0.67.
        scene("What does the old long rope cost now?", "Take it for three, the hemp is wet."),
        scene("What does that lamp cost today, old friend?", "A lamp is nine coins, oil and all."),
        scene("Is there a cart for sale in this town?", "Four coins and not one copper less, my friend."),
    ];
    let items = scenes(said, settings(5)).await;
    let reasons: Vec<Option<&str>> =
        items[..5].iter().map(|item| item.dropped_by().map(|check| check.name.as_str())).collect();
    assert_eq!(reasons, [None, Some("duplicate"), Some("novelty-asked"), None, Some("novelty-answered")]);
    assert_eq!(items[2].nearest_id.as_deref(), Some(items[0].id.as_str()));
    assert!(items[1].checks.iter().any(|check| check.name == "novelty-asked" && !check.pass), "every filter is asked");
}

#[tokio::test]
async fn no_role_and_act_gets_more_than_its_share() {
    let words = |at: usize| (0..9).map(|part| format!("w{}", at * 31 + part)).collect::<Vec<_>>().join(" ");
    let said = (0..60).map(|at| format!("Player: {}\nCharacter: yes {}", words(at), words(at + 1000))).collect();
    let items = scenes(said, settings(20)).await;
    let kept: Vec<&Item> = items.iter().filter(|item| item.is_kept()).collect();
    assert_eq!(kept.len(), 20);
    let mut acts = std::collections::BTreeMap::new();
    kept.iter().for_each(|item| *acts.entry(item.parsed["act"].to_string()).or_insert(0) += 1);
    assert_eq!((acts.len(), *acts.values().max().unwrap(), *acts.values().min().unwrap()), (9, 3, 2));
}

fn varied(count: usize) -> Vec<String> {
    (0..count)
        .map(|at| format!("word{} tells thing{} of place{} and name{} at hour{}", at, at * 3, at * 7, at * 11, at * 13))
        .collect()
}

#[test]
fn the_measures_of_variety_are_those_of_the_papers() {
    let texts: Vec<String> =
        ["the cat sat on the mat", "the cat sat on the rug", "a dog ran"].map(str::to_owned).to_vec();
    let found = Diversity::of(&texts, 100);
    // tests/oracle/diversity.py
    let expected = [0.6, 0.666_667, 0.514_392, 0.666_667];
    let of = [found.distinct_1, found.distinct_2, found.self_bleu_4, found.openings_repeated];
    for (found, expected) in of.into_iter().zip(expected) {
        assert!((found - expected).abs() < 1e-6, "{of:?}");
    }
    assert_eq!(Diversity::of(&[], 100), Diversity::default());
}

#[test]
fn a_set_that_repeats_itself_has_collapsed_and_an_equally_varied_one_has_not() {
    let (anchors, limits) = (varied(40), CollapseLimits::default());
    assert_eq!(collapsed(&anchors, &varied(40), limits), None);
    let same: Vec<String> = (0..40).map(|_| "the road is long and the night is cold my friend".to_owned()).collect();
    assert!(collapsed(&anchors, &same, limits).unwrap().starts_with("distinct-2 is"));
    let opened: Vec<String> = varied(40).iter().map(|text| format!("well my dear old friend {text}")).collect();
    let why = collapsed(&anchors, &opened, CollapseLimits { self_bleu_4_rise_max: 1.0, ..limits }).unwrap();
    assert!(why.starts_with("repeated openings is 1.000"), "{why}");
    // Too few to say anything.
    assert_eq!(collapsed(&anchors, &same[..19], limits), None);
}

/// A finished bootstrap of forty scenes.
async fn grown_from(dir: &std::path::Path) {
    let script = Script::new(|_, at| {
        let words = |salt: usize| {
            (0..9).map(|part| format!("w{}", (at * 31 + part) * salt % 9973)).collect::<Vec<_>>().join(" ")
        };
        Ok(format!("Player: {}\nCharacter: {}", words(7), words(11)))
    });
    let mut run = begin(dir, script, None);
    let settings = bootstrap::Settings { count: 45, turns_max: 1, ..bootstrap::Settings::default() };
    bootstrap::make(&mut run, &settings).await.unwrap();
    run.finish(None).unwrap();
}

#[tokio::test]
async fn growth_shows_three_anchors_of_four_and_is_stopped_when_it_repeats_itself() {
    let dir = tempfile::tempdir().unwrap();
    grown_from(&dir.path().join("bootstrap")).await;
    let settings = |size| self_growth::Settings {
        from: dir.path().join("bootstrap"),
        sizes: vec![size],
        turns_max: 1,
        round_calls: 30,
        ..self_growth::Settings::default()
    };
    let student = Script::new(|_, at| {
        let words = |salt: usize| {
            (0..9).map(|part| format!("g{}", (at * 37 + part) * salt % 9973)).collect::<Vec<_>>().join(" ")
        };
        Ok(format!("Player: {}\nCharacter: {}", words(7), words(13)))
    });
    let mut run = begin(&dir.path().join("grown"), Script::new(|_, _| Ok(String::new())), Some(student));
    self_growth::make(&mut run, &settings(180)).await.unwrap();
    let grown = |item: &Item| {
        item.parents
            .iter()
            .filter(|id| run.items().iter().any(|other| other.id == **id && other.stage == "grown scenes"))
            .count()
    };
    let most = run.items().iter().map(grown).max().unwrap();
    assert!(
        most <= 1 && run.items().iter().any(|item| grown(item) == 1),
        "one of four at most, and later on there is one"
    );
    assert!(run.items().iter().all(|item| item.parents.len() == 4));
    // New to every gate, and all alike: the same words in another order, the same opening.
    let student = Script::new(|_, at| {
        let asked: Vec<String> = (0..9).map(|part| format!("g{}", (at * 37 + part) * 7 % 9973)).collect();
        let order = (0..8).map(|place| {
            ["road", "rain", "gate", "mill", "lamp", "bell", "salt", "wolf"][(place * (2 * (at % 4) + 1) + at) % 8]
        });
        Ok(format!("Player: {}\nCharacter: so you say {}", asked.join(" "), order.collect::<Vec<_>>().join(" ")))
    });
    let mut run = begin(&dir.path().join("collapsed"), Script::new(|_, _| Ok(String::new())), Some(student));
    let loose = Thresholds { answered_rouge_max: 1.0, ..Thresholds::default() };
    let stopped =
        self_growth::make(&mut run, &self_growth::Settings { thresholds: loose, ..settings(180) }).await.unwrap_err();
    assert!(matches!(&stopped, GenerateError::Collapsed { round: 1, .. }), "{stopped}");
    assert!(run.items().iter().all(|item| !item.is_kept()), "the round is dropped");
    assert!(run.items().iter().any(|item| item.dropped_by().unwrap().name == "collapse"));
}
