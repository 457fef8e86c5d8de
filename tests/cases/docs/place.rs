//! The place that the documents' commands are run in: a running proxy as an operator has it, with a site that is handed over, found
//! sites, an exchange log, and the files that the documents name.

use handover::State;
use harness::learnt::{self, SAYS};
use harness::program::{Apprentice, World};
use harness::script;
use harness::teacher::{Received, ScriptedTeacher};
use harness::wait::eventually;

use crate::PROGRAM;

pub(super) const ASKED: &str = r#"{"model":"gpt-5-mini","messages":[{"role":"user","content":"Where is the sea?"}]}"#;
const LEVEL: &str = r#"{"level":{"name":1,"difficulty":1,"time":60,"width":5,"height":4,"num_wall":1,"num_enemies":1},"walls":[{"start_pos":{"x":3,"y":1},"end_pos":{"x":3,"y":2}}],"small_obstacles":[{"x":1,"y":4}],"enemies":[{"x":5,"y":1}],"player_pos":{"x":1,"y":1}}"#;
const STRICT: &str = "[handover]\nquality_min = 0.95\nquality_floor = 0.95\nrisk_alpha = 0.05\n";

pub(super) struct Place {
    pub(super) world: World,
    /// Absent while nothing may be running.
    proxy: Option<Apprentice>,
    /// What words of the documents stand for here.
    stands_for: Vec<(&'static str, String)>,
    _teacher: ScriptedTeacher,
}

fn answer(asked: &Received) -> script::Script {
    match asked.target() {
        "/v1/models" => script::json(r#"{"object":"list","data":[{"id":"gpt-5-mini","object":"model"}]}"#),
        _ => script::says(SAYS),
    }
}

/// A prompt of one of two kinds that nobody names.
fn unnamed(kind: &str, number: usize) -> String {
    let names = ["Mara", "Bren", "Tilda", "Oswin", "Greta", "Falk", "Nella", "Rurik"];
    let (name, other) = (names[number % names.len()], names[number / names.len() % names.len()]);
    let (system, user) = match kind {
        "smith" => (format!("You are {name}, smith of glass swords. You ask {number} coins for a blade."), "How much?"),
        _ => {
            (format!("You are {name}, herald of the winter court. Announce guest {number} to the hall."), "Who comes?")
        }
    };
    let messages = serde_json::json!([{"role": "system", "content": system},
        {"role": "user", "content": format!("{user} I am {other} the {number}th.")}]);
    serde_json::json!({"model": "gpt-5-mini", "messages": messages}).to_string()
}

impl Place {
    /// The place for a document that says `text`.
    pub(super) fn for_document(text: &str) -> Self {
        let teacher = ScriptedTeacher::start(answer);
        let mut world = World::new(PROGRAM, &teacher.base_url());
        learnt::with_students(&mut world);
        // A lesson is one that somebody asks for, and finds nothing to learn from.
        world.set("lessons.enabled", true).set("lessons.exchanges_min", 100_000).set("lessons.check_every_ms", 50);
        world.set("handover.audit_share_serving", 1.0).set("capture.free_mb_min", 0);
        world.env("TEST_TEACHER_KEY", "sk-of-the-teacher");
        files(&world);
        let version = learnt::publish(&world, "shopkeeper", 1);
        learnt::prove(&world, "shopkeeper", &version, 0.5, State::Student);
        let mut place = Self { world, proxy: None, stands_for: Vec::new(), _teacher: teacher };
        let proxy = place.running();
        let mut stands_for = vec![("TOKEN", proxy.token())];
        let asked = proxy.chat("shopkeeper", ASKED);
        assert_eq!(asked.header("x-apprentice-route"), "student", "{asked:?}");
        stands_for.push(("REQUEST", asked.header("x-apprentice-request-id").to_owned()));
        let audited = || (proxy.metric("apprentice_audits_total", &["shopkeeper"]) >= 1.0).then_some(());
        eventually("the audit", audited);
        // A lesson that has ended is shown once the folders were looked at.
        eventually("the lesson", || proxy.site("shopkeeper")["lesson"].is_object().then_some(()));
        for number in 0..3 {
            assert_eq!(proxy.chat("tavern", &unnamed("smith", number)).status(), 200);
        }
        if text.contains("FOUND-") || text.contains("found-sites.json") {
            let mut number = 100;
            let found = eventually("two found sites", || {
                number += 1;
                let ask = |kind| proxy.post("/v1/chat/completions", &[], &unnamed(kind, number));
                let sites = ["smith", "herald"].map(|kind| ask(kind).header("x-apprentice-site").to_owned());
                sites.iter().all(|site| site != "default").then_some(sites)
            });
            let kept = place.world.data().join("found-sites.json");
            let are_kept = |text: &String| found.iter().all(|name| text.contains(name));
            eventually("their file", || std::fs::read_to_string(&kept).ok().filter(are_kept));
            stands_for.extend(["FOUND-SITE", "FOUND-OTHER"].into_iter().zip(found));
        }
        place.stands_for = stands_for;
        place
    }

    /// The proxy, started if it is not there.
    pub(super) fn running(&mut self) -> &Apprentice {
        let world = &self.world;
        self.proxy.get_or_insert_with(|| world.start())
    }

    /// Stops the proxy: some commands want the folders for themselves.
    pub(super) fn stop(&mut self) {
        if let Some(proxy) = self.proxy.take() {
            assert_eq!(proxy.stop().code, Some(0));
        }
    }

    /// `text` with this place's own names, ports and token in place of the documents'.
    pub(super) fn here(&mut self, text: &str) -> String {
        let addresses = [("127.0.0.1:8080", self.running().proxy), ("127.0.0.1:8081", self.running().admin)];
        let with_words = self.stands_for.iter().fold(text.to_owned(), |text, (word, here)| text.replace(word, here));
        addresses.iter().fold(with_words, |text, (address, here)| text.replace(address, &here.to_string()))
    }
}

/// The files that commands of the documents name.
fn files(world: &World) {
    let write = |name: &str, text: String| {
        let path = world.dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let chat = |number: usize| {
        let line = serde_json::json!({"messages": [{"role": "user", "content": format!("What does lantern {number} of the {number} old ones cost?")},
            {"role": "assistant", "content": format!("It costs {} coins.", number * 7)}]});
        format!("{line}\n")
    };
    write("examples.jsonl", (0..40).map(chat).collect());
    write("more.jsonl", (30..80).map(chat).collect());
    write("strict.toml", STRICT.to_owned());
    write("map.json", LEVEL.to_owned());
    let rows: String = (0..60).map(|row| format!("prompt {row},{row},{row},0.9\n")).collect();
    write("answers.csv", format!("input,teacher,student,confidence\n{rows}"));
    // A lesson that has ended, of which there is something to see.
    for (name, text) in [
        ("begun.json", r#"{"after_ms":null}"#),
        ("outcome.json", r#"{"version":null,"exam":null,"problem":"an example"}"#),
        ("adapter.report.json", "{}"),
        ("adapter.curve.svg", "<svg/>"),
    ] {
        write(&format!("data/lessons/shopkeeper/1/{name}"), text.to_owned());
    }
    // Where the registry lies unless the configuration says otherwise.
    std::fs::create_dir_all(world.dir.path().join("models")).unwrap();
    std::os::unix::fs::symlink(world.registry(), world.dir.path().join("models/registry")).unwrap();
}
