use capture::CaptureError;
use uuid::Uuid;

use crate::*;

struct Fixed(Vec<Exchange>);

impl CaptureStore for Fixed {
    fn append(&self, _: &[Exchange]) -> Result<usize, CaptureError> {
        Ok(0)
    }
    fn scan(&self, _: &SiteId, _: Option<Uuid>, visit: &mut dyn FnMut(Exchange)) -> Result<(), CaptureError> {
        self.0.iter().cloned().for_each(visit);
        Ok(())
    }
    fn count(&self, _: &SiteId, _: Option<Uuid>) -> Result<u64, CaptureError> {
        Ok(self.0.len() as u64)
    }
    fn sites(&self) -> Result<std::collections::BTreeSet<SiteId>, CaptureError> {
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
        source: Source::Teacher,
        status: 200,
        stream: false,
        complete: true,
        retry: false,
        distillable: Distillable::Yes,
        request: serde_json::json!({"model": "m", "messages": [message]}).to_string(),
        response: serde_json::json!({"model": "teacher-1", "choices": [choice]}).to_string(),
    }
}

fn built(exchanges: Vec<Exchange>, after: Option<u64>, draw: Draw) -> (Lineage, Vec<Example>, Vec<Example>) {
    let dir = tempfile::tempdir().unwrap();
    let site = SiteId::new("shop").unwrap();
    let lineage = build(&Fixed(exchanges), &site, after, draw, dir.path()).unwrap();
    (lineage, read(&dir.path().join("train.jsonl")).unwrap(), read(&dir.path().join("held_out.jsonl")).unwrap())
}

const ALL_TRAIN: Draw = Draw { examples_max: 1000, held_out_share: 0.0, held_out_max: 0 };

#[test]
fn what_cannot_be_learnt_from_is_left_out_and_counted() {
    let mut cut = exchange(2, "b", "y");
    cut.complete = false;
    let mut own = exchange(3, "c", "z");
    own.source = Source::Student("1".into());
    let mut forbidden = exchange(4, "d", "z");
    forbidden.distillable = Distillable::Unknown;
    let (lineage, train, _) = built(vec![exchange(1, "a", "x"), cut, own, forbidden], None, ALL_TRAIN);
    assert_eq!(train.len(), 1);
    assert_eq!(train[0].messages.last().unwrap().text, "x");
    let expected = [("incomplete", 1), ("not-the-teacher", 1), ("terms-not-accepted", 1)];
    assert_eq!(lineage.left_out, expected.map(|(reason, count)| (reason.to_owned(), count)).into());
    assert_eq!((lineage.seen, lineage.teacher.as_str()), (4, "teacher-1"));
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
    let draw = Draw { examples_max: 1000, held_out_share: 0.2, held_out_max: 1000 };
    let (_, _, before) = built(all[..300].to_vec(), None, draw);
    let (lineage, train, after) = built(all, None, draw);
    assert_eq!(train.len() + after.len(), 400);
    assert!((50..=110).contains(&lineage.held_out), "{}", lineage.held_out);
    assert!(before.iter().all(|example| after.contains(example)));
}

#[test]
fn the_newest_are_taken() {
    let all: Vec<Exchange> = (1..=50).map(|n| exchange(n, &n.to_string(), "x")).collect();
    let (_, train, _) = built(all, None, Draw { examples_max: 5, ..ALL_TRAIN });
    let players: Vec<&str> = train.iter().map(|example| example.messages[0].text.as_str()).collect();
    assert_eq!(players, ["46", "47", "48", "49", "50"]);
}

#[test]
fn a_damaged_line_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("train.jsonl");
    fs::write(&path, "{\"messages\":[]}\nnonsense\n").unwrap();
    assert!(read(&path).unwrap_err().to_string().contains("train.jsonl line 2"));
}
