mod assemble;
mod calling;
mod near_duplicates;

use callsite::VersionId;
use capture::{Appended, CaptureError, Distillable, Exchange, Source};
use dataset::{ChatExample, read_chat};
use uuid::Uuid;

use crate::*;

struct Fixed(Vec<Exchange>);

impl CaptureStore for Fixed {
    fn append(&self, _: Vec<Exchange>) -> Result<Appended, CaptureError> {
        Ok(Appended::default())
    }
    fn scan(&self, _: &SiteId, after: Option<Uuid>, visit: &mut dyn FnMut(Exchange)) -> Result<(), CaptureError> {
        self.0.iter().filter(|exchange| after.is_none_or(|after| exchange.id > after)).cloned().for_each(visit);
        Ok(())
    }
    fn sites(&self) -> Result<BTreeSet<SiteId>, CaptureError> {
        Ok(self.0.iter().map(|exchange| exchange.site.clone()).collect())
    }
}

fn exchange(n: u64, player: &str, answer: &str) -> Exchange {
    let message = serde_json::json!({"role": "user", "content": player});
    let choice = serde_json::json!({"index": 0, "message": {"content": answer}, "finish_reason": "stop"});
    Exchange {
        id: Uuid::from_u128(u128::from(n)),
        site: SiteId::new("shop").unwrap(),
        at_ms: n,
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
        response: serde_json::json!({"model": "teacher-1", "choices": [choice]}).to_string(),
    }
}

fn built(
    exchanges: Vec<Exchange>,
    after: Option<u64>,
    settings: DatasetSettings,
) -> (Lineage, Vec<ChatExample>, Vec<ChatExample>) {
    let dir = tempfile::tempdir().unwrap();
    let site = SiteId::new("shop").unwrap();
    let lineage = build(&Fixed(exchanges), &site, after, settings, dir.path()).unwrap();
    (
        lineage,
        read_chat(&dir.path().join("train.jsonl")).unwrap(),
        read_chat(&dir.path().join("held_out.jsonl")).unwrap(),
    )
}

const ALL_TRAIN: DatasetSettings = DatasetSettings { examples_max: 1000, held_out_fraction: 0.0, held_out_max: 0 };

#[test]
fn what_cannot_be_learnt_from_is_left_out_and_counted() {
    let mut cut = exchange(2, "b", "y");
    cut.complete = false;
    let mut own = exchange(3, "c", "z");
    own.source = Source::Student(VersionId::new("1").unwrap());
    let mut forbidden = exchange(4, "d", "z");
    forbidden.distillable = Distillable::Unknown;
    let (lineage, train, _) = built(vec![exchange(1, "a", "x"), cut, own, forbidden], None, ALL_TRAIN);
    assert_eq!(train.len(), 1);
    assert_eq!(train[0].messages.last().unwrap().text, "x");
    let expected = [("incomplete", 1), ("not-the-teacher", 1), ("terms-not-accepted", 1)];
    assert_eq!(lineage.left_out, expected.map(|(reason, count)| (reason.to_owned(), count)).into());
    assert_eq!((lineage.seen, lineage.teacher.as_str(), lineage.site.as_str()), (4, "teacher-1", "shop"));
}

#[test]
fn a_repeated_prompt_counts_once_with_the_latest_answer() {
    let (lineage, train, _) = built(vec![exchange(1, "a", "old"), exchange(2, "a", "new")], None, ALL_TRAIN);
    assert_eq!(train.len(), 1);
    assert_eq!(train[0].messages[1].text, "new");
    assert_eq!(lineage.left_out["repeated"], 1);
}

#[test]
fn exchanges_up_to_the_cut_are_not_drawn() {
    let all: Vec<Exchange> = (1..=10).map(|n| exchange(n, &n.to_string(), "x")).collect();
    assert_eq!(built(all, Some(7), ALL_TRAIN).1.len(), 3);
}

#[test]
fn the_split_is_by_prompt_about_as_large_as_asked_and_stable_as_the_log_grows() {
    let all: Vec<Exchange> = (1..=400).map(|n| exchange(n, &n.to_string(), "x")).collect();
    let settings = DatasetSettings { examples_max: 1000, held_out_fraction: 0.2, held_out_max: 1000 };
    let (_, _, before) = built(all[..300].to_vec(), None, settings);
    let (lineage, train, after) = built(all, None, settings);
    assert_eq!(train.len() + after.len(), 400);
    assert!((50..=110).contains(&lineage.held_out), "{}", lineage.held_out);
    assert!(before.iter().all(|example| after.contains(example)));
}

#[test]
fn the_newest_are_taken() {
    let all: Vec<Exchange> = (1..=50).map(|n| exchange(n, &n.to_string(), "x")).collect();
    let (_, train, _) = built(all, None, DatasetSettings { examples_max: 5, ..ALL_TRAIN });
    let players: Vec<&str> = train.iter().map(|example| example.messages[0].text.as_str()).collect();
    assert_eq!(players, ["46", "47", "48", "49", "50"]);
}

#[test]
fn the_exam_asks_the_newest_and_no_prompt_changes_sides_when_there_are_too_many() {
    let all: Vec<Exchange> = (1..=400).map(|n| exchange(n, &n.to_string(), "x")).collect();
    let settings = DatasetSettings { examples_max: 1000, held_out_fraction: 0.2, held_out_max: 10 };
    let wide = DatasetSettings { held_out_max: 1000, ..settings };
    let (_, train_wide, apart) = built(all.clone(), None, wide);
    let (lineage, train, held_out) = built(all, None, settings);
    assert_eq!((train, held_out.as_slice()), (train_wide, &apart[apart.len() - 10..]));
    assert_eq!(lineage.left_out["held-out-surplus"], apart.len() - 10);
}

#[test]
fn only_what_a_student_may_learn_counts_and_every_prompt_once() {
    let site = SiteId::new("shop").unwrap();
    let mut tools = exchange(2, "b", "y");
    tools.request = tools.request.replace("\"model\"", "\"tools\":[{\"type\":\"web_search\"}],\"model\"");
    let mut store = Fixed(vec![exchange(1, "a", "x"), tools, exchange(3, "a", "z"), exchange(4, "c", "z")]);
    let mut counter = TrainableCounter::default();
    assert_eq!(counter.count(&store, &site, None).unwrap(), 2);
    store.0.push(exchange(5, "d", "z"));
    assert_eq!(counter.count(&store, &site, None).unwrap(), 3);
    // Another place to count from: a lesson has drawn what came before.
    assert_eq!(counter.count(&store, &site, Some(Uuid::from_u128(3))).unwrap(), 2);
}

#[test]
fn a_prompt_that_ends_with_the_assistant_is_left_out_like_one_with_tools() {
    let mut assistant_last = exchange(1, "a", "x");
    assistant_last.request = r#"{"model":"m","messages":[{"role":"assistant","content":"x"}]}"#.into();
    let (lineage, train, _) = built(vec![assistant_last], None, ALL_TRAIN);
    assert_eq!((train.len(), lineage.left_out["not-for-students"]), (0, 1));
}

#[test]
fn numbers_of_a_dataset_that_cannot_work_are_refused_with_key_value_and_range() {
    let good = DatasetSettings::default();
    assert_eq!(good.problems(), Vec::<String>::new());
    let one = DatasetSettings { examples_max: 1, held_out_max: 1, ..good };
    assert_eq!(one.problems(), Vec::<String>::new());
    assert_eq!(DatasetSettings { examples_max: 0, ..good }.problems(), ["examples_max = 0 must be at least 1"]);
    let no_exam = "held_out_max = 0 must be at least 1: without an exam no version can be tried";
    assert_eq!(DatasetSettings { held_out_max: 0, ..good }.problems(), [no_exam]);
    for fraction in [f64::NAN, -0.1, 0.0, 1.0, 1.5] {
        let problem = format!("held_out_fraction = {fraction} must lie strictly between 0 and 1");
        assert_eq!(DatasetSettings { held_out_fraction: fraction, ..good }.problems(), [problem]);
    }
}

fn made(n: u64, player: &str, answer: &str) -> Exchange {
    Exchange { source: Source::Generated("bootstrap".into()), ..exchange(n, player, answer) }
}

#[test]
fn what_was_made_is_learnt_but_never_in_place_of_what_a_client_got() {
    let exchanges =
        vec![made(1, "a", "made"), exchange(2, "a", "asked"), made(3, "a", "made again"), made(4, "b", "y")];
    let (lineage, train, _) = built(exchanges, None, ALL_TRAIN);
    let answers: Vec<&str> = train.iter().map(|example| example.messages[1].text.as_str()).collect();
    assert_eq!(answers, ["asked", "y"]);
    assert_eq!((lineage.made, lineage.left_out["repeated"]), (1, 2));
    let (lineage, train, _) = built(vec![made(1, "a", "old"), made(2, "a", "new")], None, ALL_TRAIN);
    assert_eq!((train[0].messages[1].text.as_str(), lineage.teacher.as_str()), ("new", "teacher-1"));
}

#[test]
fn what_was_made_is_examined_only_while_clients_have_asked_too_little() {
    let settings = DatasetSettings { examples_max: 1000, held_out_fraction: 0.5, held_out_max: 1000 };
    let held_out_of = |clients: u64| {
        let asked = (0..clients).map(|n| exchange(n, &format!("client {n}"), "asked"));
        let made = (1000..1100).map(|n| made(n, &format!("made {n}"), "made"));
        let (_, _, held_out) = built(asked.chain(made).collect(), None, settings);
        let of_clients = held_out.iter().filter(|example| example.messages[1].text == "asked").count();
        (of_clients, held_out.len() - of_clients)
    };
    // About half of the clients' prompts are held out: around the 20 that suffice.
    let (few, made_beside_few) = held_out_of(30);
    assert!(few < 20 && made_beside_few > 30, "{few} {made_beside_few}");
    let (many, made_beside_many) = held_out_of(60);
    assert!(many >= 20 && made_beside_many == 0, "{many} {made_beside_many}");
}
