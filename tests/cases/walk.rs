//! The whole walk of one call site: learnt, handed over, drifted, taken back, learnt again, handed over again, rolled
//! back by a person. Real HTTP, real lessons, real ONNX Runtime; only the teacher and the players are made up.

use std::time::{Duration, Instant};

use harness::program::{Apprentice, World};
use harness::wait::eventually;
use practice::scene::{Line, Scene, Style, Voice};
use practice::teacher::Teacher;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::PROGRAM;

const SITE: &str = "shopkeeper";
const SCENE: Scene = Scene::Shopkeeper;
const POLICY: &str = include_str!("../../policies/practice.toml");
const BASE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/practice");
/// Trainable prompts before a lesson.
const EXCHANGES: u64 = 240;
/// How long one leg may take on a slow and busy machine: the longest has a lesson in it.
const LEG: Duration = Duration::from_secs(300);
/// Between requests where the site waits for a lesson: players go on, and the lesson finds it quiet enough.
const TRICKLE: Duration = Duration::from_millis(200);
/// Local answers that are held against the truth after each hand-over, and how many of them must be right.
const CHECKED: usize = 50;
const RIGHT_MIN: usize = 45;

/// The players of one site and what they have seen.
struct Players {
    rng: ChaCha8Rng,
    style: Style,
    asked: u32,
    local: u32,
}

/// What came back for one line.
struct Heard {
    local: bool,
    reason: String,
    right: bool,
}

impl Players {
    /// Asks something new. No request may fail, and whoever is said to have answered must be somebody.
    fn ask(&mut self, proxy: &Apprentice) -> Heard {
        let line = SCENE.line(&mut self.rng);
        let body = serde_json::json!({"model": practice::teacher::MODEL, "messages": [
            {"role": "system", "content": line.system}, {"role": "user", "content": line.player}]});
        let answer = proxy.chat(SITE, &body.to_string());
        assert_eq!((answer.status(), answer.clean), (200, true), "{answer:?}\n{}", proxy.log());
        let (route, model) = (answer.header("x-apprentice-route"), answer.header("x-apprentice-model"));
        assert!(matches!(route, "teacher" | "student"), "{answer:?}");
        let local = route == "student";
        assert_eq!(local, model != practice::teacher::MODEL, "route and model tell two stories: {answer:?}");
        self.asked += 1;
        self.local += u32::from(local);
        let said = answer.json()["choices"][0]["message"]["content"].as_str().unwrap().to_owned();
        Heard { local, reason: answer.header("x-apprentice-reason").to_owned(), right: said == self.truth(&line) }
    }

    fn truth(&self, line: &Line) -> String {
        let voice = Voice { style: self.style, secret: 0, draw: 0 };
        SCENE.reply(&line.system, &line.player, voice).unwrap()
    }

    /// Plays until the site stands at `state`, slowly while it waits for a lesson.
    fn play_until(&mut self, proxy: &Apprentice, state: &str) {
        let (began, before) = (Instant::now(), self.asked);
        loop {
            let heard = self.ask(proxy);
            let site = proxy.site(SITE);
            let stands = site["state"].as_str().unwrap();
            if stands == state {
                return;
            }
            assert!(site["lesson"]["problem"].is_null(), "{site}\n{}", proxy.log());
            let waits = site["next_lesson"].as_str().unwrap_or_default();
            assert!(!waits.contains(&format!("of {} trainable", 2 * EXCHANGES)), "no lesson was fruitless: {site}");
            assert!(began.elapsed() < LEG, "never {state}: {site}\n{}", proxy.log());
            if stands == "teacher" {
                assert!(!heard.local, "in Teacher the teacher answers: {site}");
                if u64::from(self.asked - before) > EXCHANGES {
                    std::thread::sleep(TRICKLE);
                }
            }
        }
    }

    /// Local answers to new facts are right, in the way that the teacher speaks now.
    fn local_answers_are_right(&mut self, proxy: &Apprentice) {
        let heard: Vec<Heard> = (0..CHECKED).map(|_| self.ask(proxy)).collect();
        let local = heard.iter().filter(|heard| heard.local).count();
        let right = heard.iter().filter(|heard| heard.local && heard.right).count();
        assert!(local >= RIGHT_MIN && right >= RIGHT_MIN, "{local} of {CHECKED} local, {right} of them right");
    }

    fn is_held(&mut self, proxy: &Apprentice) {
        for _ in 0..20 {
            let heard = self.ask(proxy);
            assert_eq!((heard.local, heard.reason.as_str()), (false, "held"));
        }
        assert_eq!(proxy.site(SITE)["state"], "held");
    }
}

/// A proxy with practice's own policy, one small lesson's worth of exchanges and a real base.
fn world(base_url: &str) -> World {
    let mut world = World::new(PROGRAM, base_url);
    world.merge(POLICY).set("student.enabled", true).set("student.base", BASE);
    world.set("lessons.exchanges_min", i64::try_from(EXCHANGES).unwrap()).set("lessons.check_every_ms", 100);
    // More audits than practice makes: the walk is the point here, not how little evidence costs.
    world.set("handover.audit_share_shadow", 1.0).set("handover.audit_share_serving", 0.25);
    world
}

/// State, next state and cause of every switch so far, the first one first.
fn switches(proxy: &Apprentice) -> Vec<String> {
    let mut switches = Vec::new();
    let mut before = String::new();
    loop {
        let page = proxy.admin("GET", &format!("/admin/audit?site={SITE}&limit=1000{before}"), "").json();
        let entries = page.as_array().unwrap();
        let Some(last) = entries.last() else { break };
        before = format!("&before={}", last["seq"]);
        let text = |entry: &serde_json::Value, key: &str| entry[key].as_str().unwrap().to_owned();
        let of_site = entries.iter().filter(|entry| entry["record"] == "switch" && entry["role"] == "incumbent");
        switches.extend(of_site.map(|entry| ["from", "to", "cause"].map(|key| text(entry, key)).join(" ")));
    }
    switches.reverse();
    switches
}

const TO_STUDENT: [&str; 4] =
    ["teacher shadow candidate", "shadow canary evidence", "canary canary evidence", "canary student evidence"];

#[test]
fn a_site_walks_to_the_student_back_by_drift_there_again_and_back_by_a_person() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let teacher = runtime.block_on(Teacher::start(1, Duration::ZERO)).unwrap();
    let world = world(&teacher.base_url());
    let proxy = world.start();
    let mut players = Players { rng: ChaCha8Rng::seed_from_u64(1), style: Style::House, asked: 0, local: 0 };

    let first = players.ask(&proxy);
    assert_eq!((first.local, first.reason.as_str(), first.right), (false, "teacher", true));
    players.play_until(&proxy, "shadow");
    assert_eq!(players.local, 0, "nothing is local before there is evidence");
    for state in ["canary", "student"] {
        players.play_until(&proxy, state);
    }
    players.local_answers_are_right(&proxy);
    let old = proxy.site(SITE)["version"].as_str().unwrap().to_owned();
    assert_eq!(switches(&proxy), TO_STUDENT);

    // The student goes on in the old style until the evidence says that it is wrong.
    runtime.block_on(async { teacher.drift() });
    players.style = Style::Drifted;
    players.play_until(&proxy, "teacher");
    for state in ["shadow", "canary", "student"] {
        players.play_until(&proxy, state);
    }
    players.local_answers_are_right(&proxy);
    let site = proxy.site(SITE);
    assert_ne!(site["version"].as_str(), Some(old.as_str()), "it was learnt again");
    let walk: Vec<&str> = [&TO_STUDENT[..], &["student teacher drift"], &TO_STUDENT].concat();
    assert_eq!(switches(&proxy), walk);

    let reason = r#"{"reason": "players complained", "actor": "ada"}"#;
    let back = proxy.admin("POST", &format!("/admin/call-sites/{SITE}/rollback"), reason);
    let next = players.ask(&proxy);
    assert_eq!((next.local, next.reason.as_str()), (false, "held"), "{back:?}");
    assert_eq!((back.status(), back.json()["written"].as_bool()), (200, Some(true)), "{back:?}");
    players.is_held(&proxy);
    counted(&proxy, &players);

    proxy.kill();
    let proxy = world.start();
    players.is_held(&proxy);
    let site = proxy.site(SITE);
    assert_eq!(site["last_switch"]["reason"], "players complained");
    let discarded = site["discarded_versions"].as_array().unwrap();
    assert_eq!(discarded.len(), 1, "only a rollback discards: {site}");
    let walk: Vec<&str> = [&walk[..], &["student held operator"]].concat();
    assert_eq!(switches(&proxy), walk);
}

/// The metrics tell the same story as the players and the log.
fn counted(proxy: &Apprentice, players: &Players) {
    let transitions = |labels: &[&str]| proxy.metric("apprentice_handover_transitions_total", labels);
    let rollbacks = |cause: &str| proxy.metric("apprentice_rollbacks_total", &[SITE, cause]);
    assert_eq!(transitions(&[SITE]), 10.0);
    assert_eq!(transitions(&[SITE, "to=\"student\"", "cause=\"evidence\""]), 2.0);
    assert_eq!(transitions(&[SITE, "to=\"teacher\"", "cause=\"drift\""]), 1.0);
    assert_eq!((rollbacks("cause=\"drift\""), rollbacks("cause=\"operator\""), rollbacks("cause")), (1.0, 1.0, 2.0));
    // Counted after the answer's last byte.
    let requests = |labels: &[&str]| proxy.metric("apprentice_requests_total", labels);
    eventually("the last request's count", || (requests(&[SITE]) == f64::from(players.asked)).then_some(()));
    assert_eq!(requests(&[SITE, "code=\"200\""]), f64::from(players.asked));
    assert_eq!(requests(&[SITE, "route=\"student\""]), f64::from(players.local));
}
