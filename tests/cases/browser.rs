//! The page in a real browser: what a person sees, does with a mouse, by the keyboard alone, and without scripts.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use handover::State;
use harness::learnt;
use harness::program::{Apprentice, World};
use harness::script;
use harness::teacher::ScriptedTeacher;
use harness::wait::eventually;
use serde_json::{Value, json};

use crate::PROGRAM;
use crate::cases::clients::{NODE_VERSION, client};

/// Programs that are Chromium, by their names.
const CHROMIUM: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// Tags, a handler, a change of direction, an escape of terminals.
const HOSTILE: &str = "<img src=//evil.example/x onerror=alert(1)><script>alert(2)</script>\u{202e}\u{1b}[31m'\"&amp;";

/// A browser with its driver; none where they could not be had, which is said aloud.
struct Browser {
    modules: PathBuf,
    chromium: PathBuf,
}

impl Browser {
    fn find() -> Option<Self> {
        let modules = client(&format!("openai-node-{NODE_VERSION}"))?.join("node_modules");
        let folders = std::env::var_os("PATH").unwrap_or_default();
        let named = std::env::var_os("CHROMIUM").map(PathBuf::from);
        let here = || std::env::split_paths(&folders).flat_map(|dir| CHROMIUM.map(|name| dir.join(name)));
        let Some(chromium) = named.or_else(|| here().find(|path| path.is_file())) else {
            // Not by a macro, whose words the test runner would keep to itself.
            std::io::stderr().write_all(b"\nSKIPPED: no Chromium (Debian: apt-get install chromium)\n").unwrap();
            return None;
        };
        Some(Self { modules, chromium })
    }

    /// Begins a task of `tests/browser/operator.cjs`.
    fn begin(&self, proxy: &Apprentice, task: &[&str]) -> Child {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/browser/operator.cjs");
        let base = format!("http://{}", proxy.admin);
        let mut node = Command::new("node");
        node.env("NODE_PATH", &self.modules).env("CHROMIUM", &self.chromium);
        node.arg(script).args([&base, &proxy.token()]).args(task).stdout(Stdio::piped()).stderr(Stdio::piped());
        node.spawn().unwrap()
    }

    fn run(&self, proxy: &Apprentice, task: &[&str]) -> Value {
        ended(self.begin(proxy, task))
    }
}

fn ended(task: Child) -> Value {
    let Output { status, stdout, stderr } = task.wait_with_output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    serde_json::from_slice(&stdout).unwrap()
}

/// Requests that are no near-duplicates of each other: they differ in letters, not only in numbers.
fn asked(number: usize) -> String {
    let name: String =
        format!("{number:x}").chars().map(|digit| char::from(b'a' + digit.to_digit(16).unwrap() as u8)).collect();
    json!({"model": "gpt-5-mini", "messages": [{"role": "user", "content": format!("Where is the sea, {name}?")}]})
        .to_string()
}

/// A teacher that says what the student says.
fn agreeing() -> ScriptedTeacher {
    ScriptedTeacher::start(|_| script::says(learnt::SAYS))
}

/// A world whose site `shop` has a student that stands at `state`.
fn world(teacher: &ScriptedTeacher, state: State) -> World {
    let mut world = World::new(PROGRAM, &teacher.base_url());
    learnt::with_students(&mut world);
    world
        .set("handover.audit_share_shadow", 1.0)
        .set("handover.audit_share_serving", 1.0)
        .set("site.comparison", "exact");
    let version = learnt::publish(&world, "shop", 1);
    learnt::prove(&world, "shop", &version, 0.5, state);
    world
}

#[test]
fn a_person_watches_a_site_go_to_its_student_and_rolls_it_back() {
    let Some(browser) = Browser::find() else { return };
    let teacher = agreeing();
    let world = world(&teacher, State::Shadow);
    let proxy = world.start();
    assert_eq!(proxy.chat("shop", &asked(0)).header("x-apprentice-route"), "teacher");
    let mut task = browser.begin(&proxy, &["watch", "shop"]);
    let (mut said, mut first) = (BufReader::new(task.stdout.take().unwrap()), String::new());
    said.read_line(&mut first).unwrap();
    assert_eq!(first.trim(), r#""shadow""#);
    // Somebody plays until the person has seen enough.
    let mut number = 0;
    while task.try_wait().unwrap().is_none() {
        number += 1;
        assert_eq!(proxy.chat("shop", &asked(number)).status(), 200);
    }
    assert!(task.wait().unwrap().success(), "{}", std::io::read_to_string(task.stderr.take().unwrap()).unwrap());
    let seen: Value = serde_json::from_reader(said).unwrap();
    let shown: Vec<&str> = seen["shown"].as_array().unwrap().iter().map(|badge| badge.as_str().unwrap()).collect();
    assert_eq!((shown[0], shown.last()), ("shadow", Some(&"student")), "{seen}");
    assert_eq!(seen["after"], "held");
    assert!(seen["log"].as_str().unwrap().contains("wrong voice"), "{seen}");
    assert_eq!(proxy.chat("shop", &asked(1_000_000)).header("x-apprentice-route"), "teacher");
}

/// Pairs that both have answered: every served request is audited.
fn pairs(proxy: &Apprentice, count: usize) {
    for number in 0..count {
        assert_eq!(proxy.chat("shop", &asked(number)).header("x-apprentice-route"), "student");
    }
    eventually("the audits", || {
        let audits = proxy.metric("apprentice_audits_total", &[r#"call_site="shop""#, r#"outcome="good""#]);
        (audits >= count as f64).then_some(())
    });
    proxy.captured(2 * u32::try_from(count).unwrap());
}

/// Asks what nobody names until it is found, once with hostile words; the site's name.
fn found(proxy: &Apprentice) -> String {
    let mut number = 0;
    eventually("a found site", || {
        number += 1;
        let system =
            format!("You are Nr. {number}, smith of glass swords. Name a price and praise the blade {HOSTILE}.");
        let messages =
            json!([{"role": "system", "content": system}, {"role": "user", "content": format!("Question {number}?")}]);
        let answer = proxy.post("/v1/chat/completions", &[], &json!({"model": "m", "messages": messages}).to_string());
        let site = answer.header("x-apprentice-site").to_owned();
        (site != "default").then_some(site)
    })
}

#[test]
fn a_person_rates_ten_pairs_by_the_keyboard_names_a_site_and_erases_an_exchange() {
    let Some(browser) = Browser::find() else { return };
    let teacher = agreeing();
    let world = world(&teacher, State::Student);
    let proxy = world.start();
    pairs(&proxy, 10);
    let told = browser.run(&proxy, &["rate", "shop", "10"]);
    assert!(told.as_str().unwrap().contains("the student's was good, the teacher's good"), "{told}");
    let site = proxy.site("shop");
    assert_eq!((&site["rated_good"], &site["rated_bad"]), (&json!(10), &json!(0)));
    let log = proxy.admin("GET", "/admin/audit?site=shop&limit=1000", "").json();
    let ratings: Vec<&Value> = log.as_array().unwrap().iter().filter(|entry| entry["record"] == "rating").collect();
    assert!(ratings.len() == 10 && ratings.iter().all(|rating| rating["actor"] == "Mara"), "{ratings:?}");
    let sum = |whose: &str| {
        let points = &ratings[0]["compared"][whose];
        ["fun", "structure", "adherence"].map(|question| points[question].as_u64().unwrap()).iter().sum::<u64>()
    };
    assert_eq!(sum("student_points") + sum("teacher_points"), 20, "5, 4, 3 left and 2, 1, 5 right");

    let found = found(&proxy);
    let left = browser.run(&proxy, &["name", "smiths", "sea, d?"]);
    assert!(left.as_str().unwrap().contains("Nothing fits."), "{left}");
    let sites = proxy.admin("GET", "/admin/found-sites", "").json();
    assert!(sites.as_array().unwrap().iter().any(|site| site["site"] == "smiths"), "{found}: {sites}");
}

#[test]
fn without_scripts_a_person_does_the_same() {
    let Some(browser) = Browser::find() else { return };
    let teacher = agreeing();
    let world = world(&teacher, State::Student);
    let proxy = world.start();
    pairs(&proxy, 3);
    found(&proxy);
    let seen = browser.run(&proxy, &["plain", "shop", "smiths", "sea, c?"]);
    assert!(seen["rated"].as_str().unwrap().contains("the student's was good"), "{seen}");
    assert_eq!(seen["after"], "held");
    let log = proxy.admin("GET", "/admin/audit?site=shop&limit=1000", "").json();
    let rated = |entry: &&Value| entry["record"] == "rating" && entry["good"] == true && entry["actor"] == "Mara";
    assert_eq!(log.as_array().unwrap().iter().filter(rated).count(), 1);
    assert_eq!(proxy.chat("shop", &asked(99)).header("x-apprentice-route"), "teacher");
}

#[test]
fn every_view_can_be_used_on_a_phone_and_by_everybody_and_hostile_text_does_nothing() {
    let Some(browser) = Browser::find() else { return };
    let teacher = ScriptedTeacher::start(|_| script::says(HOSTILE));
    let world = world(&teacher, State::Student);
    let proxy = world.start();
    for number in 0..3 {
        assert_eq!(proxy.chat("shop", &asked(number)).status(), 200);
    }
    found(&proxy);
    proxy.captured(6);
    let reason = json!({"reason": format!("{HOSTILE}{}", "x".repeat(2_000)), "actor": HOSTILE}).to_string();
    assert_eq!(proxy.admin("POST", "/admin/call-sites/shop/pause", &reason).status(), 200);
    let seen = browser.run(&proxy, &["views", "shop"]);
    assert_eq!((&seen["serious"], &seen["wide"]), (&json!([]), &json!([])));
    assert_eq!(seen["title"], "Call sites - Apprentice");
    // On a quiet machine it is some 100 ms: docs/benchmarks/page.md. Here a machine may be busy.
    assert!(seen["ready_ms"].as_f64().unwrap() < 5_000.0, "{seen}");
}
