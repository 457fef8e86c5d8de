//! What a newcomer begins with: a configuration that works, and a program that says what it is.

use std::os::unix::fs::MetadataExt as _;

use harness::program::World;
use harness::script;
use harness::teacher::ScriptedTeacher;

use crate::PROGRAM;

const BASE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/practice");

fn world() -> World {
    World::new(PROGRAM, "http://127.0.0.1:9/v1")
}

#[test]
fn init_writes_a_configuration_once() {
    let world = world();
    let exit = world.run(&["init"]);
    assert_eq!(exit.code, Some(0), "{exit:?}");
    let path = world.dir.path().join("apprentice.toml");
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written.contains("distillable = \"unknown\""), "terms are the owner's to read");

    std::fs::write(&path, "mine").unwrap();
    let exit = world.run(&["init"]);
    assert_eq!(exit.code, Some(1), "{exit:?}");
    assert!(exit.stderr.contains("apprentice.toml"), "{exit:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");

    let exit = world.run(&["init", "other.toml"]);
    assert_eq!(exit.code, Some(0), "{exit:?}");
    assert_eq!(std::fs::read_to_string(world.dir.path().join("other.toml")).unwrap(), written);
}

#[test]
fn what_init_writes_passes_the_check_and_says_what_comes_next() {
    let world = world();
    let exit = world.run(&["init", "--yes"]);
    assert_eq!((exit.code, exit.stderr.as_str()), (Some(0), ""), "{exit:?}");
    for part in ["apprentice doctor", "apprentice serve", "base_url = \"http://127.0.0.1:8080/v1\""] {
        assert!(exit.stdout.contains(part), "`{part}` should be in: {exit:?}");
    }
    let check = world.run(&["check"]);
    assert_eq!(check.code, Some(0), "{check:?}");

    let flags = ["--teacher", "http://127.0.0.1:9/v1", "--model", "m-1", "--key-env", "A_KEY", "--distillable", "yes"];
    let more = ["--base", BASE, "--listen", "127.0.0.1:9090"];
    let exit = world.run(&[&["init", "mine.toml"][..], &flags, &more].concat());
    assert_eq!(exit.code, Some(0), "{exit:?}");
    assert!(exit.stdout.contains("apprentice serve --config mine.toml"), "{exit:?}");
    let check = world.run(&["check", "--config", "mine.toml"]);
    assert_eq!(check.code, Some(0), "{check:?}");
    assert!(check.stdout.contains("ok    base model") && check.stdout.contains("may be learnt from"), "{check:?}");
    let written = std::fs::read_to_string(world.dir.path().join("mine.toml")).unwrap();
    for line in ["listen = \"127.0.0.1:9090\"", "key_env = \"A_KEY\"", "model = \"m-1\""] {
        assert!(written.lines().any(|written| written == line), "{line}");
    }
    assert!(written.contains("# Any OpenAI-compatible base URL."), "it is commented as before");
}

#[test]
fn init_refuses_a_key_in_place_of_its_variable_and_writes_nothing() {
    let world = world();
    let exit = world.run(&["init", "--yes", "--key-env", "sk-secret"]);
    assert_eq!(exit.code, Some(1), "{exit:?}");
    assert!(exit.stderr.contains("--key-env") && exit.stderr.contains("looks like a key"), "{exit:?}");
    assert!(
        !exit.stderr.contains("sk-secret") && !world.dir.path().join("apprentice.toml").try_exists().unwrap(),
        "{exit:?}"
    );
}

#[test]
fn completions_and_manual_pages_know_the_commands() {
    let world = world();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let exit = world.run(&["completions", shell]);
        assert_eq!((exit.code, exit.stderr.as_str()), (Some(0), ""), "{exit:?}");
        assert!(exit.stdout.contains("doctor") && exit.stdout.contains("rollback"), "{shell}: {exit:?}");
    }
    let page = world.run(&["man"]);
    assert_eq!(page.code, Some(0), "{page:?}");
    assert!(page.stdout.contains(".TH apprentice 1") && page.stdout.contains("doctor"), "{page:?}");
    let page = world.run(&["man", "sites", "hold"]);
    assert!(page.stdout.contains("The teacher answers until the hold is released"), "{page:?}");
    let unknown = world.run(&["man", "frobnicate"]);
    assert!(unknown.code == Some(1) && unknown.stderr.contains("frobnicate"), "{unknown:?}");
    // Every page at once, named as `man` looks for them; what is hidden has none.
    let written = world.run(&["man", "--out", "pages"]);
    assert_eq!(written.code, Some(0), "{written:?}");
    let is_there = |name: &str| world.dir.path().join("pages").join(name).try_exists().unwrap();
    assert!(["apprentice.1", "apprentice-serve.1", "apprentice-sites-hold.1"].into_iter().all(is_there));
    assert!(!is_there("apprentice-reference.1"));
    // For everybody, whoever wrote them.
    let mode = |name: &str| world.dir.path().join(name).metadata().unwrap().mode() & 0o777;
    assert_eq!((mode("pages"), mode("pages/apprentice.1")), (0o755, 0o644));
}

#[test]
fn the_version_is_short_and_what_a_report_needs_is_long() {
    let world = world();
    let short = world.run(&["--version"]);
    assert_eq!((short.stdout.lines().count(), short.stdout.starts_with("apprentice ")), (1, true), "{short:?}");
    assert_eq!(world.run(&["version"]).stdout, short.stdout);
    let long = world.run(&["version", "--verbose"]).stdout;
    assert!(long.starts_with(&short.stdout), "{long}");
    for what in ["commit", "target", "features", "ONNX Runtime     1.", "student formats  f32", "kernel here"] {
        assert!(long.lines().any(|line| line.starts_with(what)), "{what}: {long}");
    }
}

/// It would go on for ever: another program ends it.
#[test]
fn sites_are_watched_until_somebody_ends_it_or_nobody_reads() {
    let own = world();
    let proxy = own.start();
    let (admin, token) = (format!("http://{}", proxy.admin), own.data().join("admin-token"));
    let arguments = ["sites", "watch", "--admin", &admin, "--token-file", token.to_str().unwrap()];
    let ended = World::new("timeout", "http://127.0.0.1:9/v1").through(&["7", PROGRAM]).run(&arguments);
    assert!(ended.stdout.matches("next lesson").count() >= 2, "{ended:?}");
    assert!(!ended.stdout.contains('\u{1b}'), "no terminal, plain lines: {ended:?}");
    let unread = own.run_unread(&arguments);
    assert_eq!((unread.code, unread.stderr.as_str()), (Some(0), ""), "{unread:?}");
    drop(proxy);
    let nobody = own.run(&arguments);
    assert!(nobody.code == Some(1) && nobody.stderr.contains("apprentice serve"), "{nobody:?}");
}

/// What clients wrote comes back from the admin API: names, samples, templates.
#[test]
fn what_clients_wrote_steers_no_terminal() {
    const SAID: &str = "\u{1b}[2J\u{1b}]0;t\u{7}\u{9b}31m\u{202e}\rx\ny";
    let admin = ScriptedTeacher::start(|asked| {
        let text = [("system", SAID), ("user", SAID)];
        let text: std::collections::BTreeMap<_, _> = text.into_iter().collect();
        let slot = serde_json::json!({"after": SAID, "values": [SAID]});
        let site = serde_json::json!({"site": SAID, "state": SAID, "audits": 1, "standing": SAID, "requests": 2,
            "templates": [text], "samples": [text], "slots": [slot], "next_lesson": SAID});
        script::json(&if asked.target().ends_with("/shop") { site } else { serde_json::json!([site]) }.to_string())
    });
    let mut world = world();
    world.env("APPRENTICE_ADMIN_TOKEN", "t");
    let address = admin.base_url();
    let address = address.trim_end_matches("/v1");
    for action in [&["list"][..], &["found"], &["show", "shop"]] {
        let exit = world.run(&[&["sites", "--admin", address], action].concat());
        assert_eq!(exit.code, Some(0), "{exit:?}");
        assert!(exit.stdout.contains("\\u001b[2J") && exit.stdout.contains("\\u202e"), "{action:?}: {exit:?}");
        let steers = |letter: &char| (letter.is_control() && *letter != '\n') || *letter == '\u{202e}';
        assert_eq!(exit.stdout.chars().find(steers), None, "{action:?}: {exit:?}");
    }
    let list = world.run(&["sites", "--admin", address]).stdout;
    assert_eq!(list.lines().count(), 2, "a name makes no line of its own: {list}");
}
