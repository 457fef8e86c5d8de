//! The configuration read again by whoever asks for it: the admin API and the command line do what SIGHUP does.

use harness::program::{Apprentice, Exit, World};
use harness::script;
use harness::teacher::ScriptedTeacher;

use crate::PROGRAM;

const ASKED: &str = r#"{"model":"m","messages":[{"role":"user","content":"Hello"}]}"#;

fn reload(world: &World, proxy: &Apprentice) -> Exit {
    let (admin, token) = (format!("http://{}", proxy.admin), world.data().join("admin-token"));
    world.run(&["reload", "--admin", &admin, "--token-file", token.to_str().unwrap()])
}

#[test]
fn a_reload_says_what_is_in_force_and_what_waits_for_a_restart() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let mut world = World::new(PROGRAM, &teacher.base_url());
    let proxy = world.start();
    assert_eq!(proxy.chat("shop", ASKED).status(), 200);
    proxy.captured(1);
    let answer = proxy.admin("POST", "/admin/reload", "").json();
    assert_eq!((&answer["in_force"], &answer["needs_restart"]), (&serde_json::json!([]), &serde_json::json!([])));

    let private: toml::Table = "capture = false\nretention_days = 3\n".parse().unwrap();
    world.set("sites.shop", private).set("proxy.threads", 3).set("site.max_tokens", 99);
    // A value that is the default one all the same is no change.
    let path = world.set("capture.segment_mb", 256).config();
    let exit = reload(&world, &proxy);
    assert_eq!(exit.code, Some(0), "{exit:?}");
    assert!(exit.stdout.contains(path.to_str().unwrap()), "{exit:?}");
    assert!(exit.stdout.contains("changed and in force: site.max_tokens, sites.shop.capture\n"), "{exit:?}");
    assert!(exit.stdout.contains("waits for a restart: proxy.threads, sites.shop.retention_days\n"), "{exit:?}");
    assert_eq!(proxy.chat("shop", ASKED).status(), 200);
    assert_eq!(proxy.chat("lore", ASKED).status(), 200);
    proxy.captured(2);

    // What waits goes on waiting; what is in force is no news.
    let again = reload(&world, &proxy);
    assert!(
        again.stdout.contains("in force: nothing\n") && again.stdout.contains("restart: proxy.threads, "),
        "{again:?}"
    );
    assert_eq!(proxy.stop().code, Some(0));
    let kept = |site: &str| harness::kept::exchanges(&world.data(), site).len();
    assert_eq!((kept("shop"), kept("lore")), (1, 1));
}

#[test]
fn a_file_with_anything_wrong_changes_nothing_and_the_answer_says_what_is_wrong() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let world = World::new(PROGRAM, &teacher.base_url());
    let proxy = world.start();
    let good = std::fs::read_to_string(world.config()).unwrap();
    let successful = || proxy.metric("apprentice_config_last_reload_successful", &[]);
    assert!(successful() > 0.5);
    // The first half would do; the second does not.
    std::fs::write(world.config(), format!("{good}\n[site]\ncapture = false\nmax_token = 3\n")).unwrap();
    let answer = proxy.admin("POST", "/admin/reload", "");
    let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(answer.status() == 400 && message.contains("did you mean `max_tokens`?"), "{message}");
    assert!(successful() < 0.5);
    let exit = reload(&world, &proxy);
    assert!(exit.code == Some(1) && exit.stderr.contains("max_token = 3"), "{exit:?}");
    assert_eq!(proxy.chat("shop", ASKED).status(), 200);
    proxy.captured(1);

    std::fs::write(world.config(), good).unwrap();
    assert_eq!(reload(&world, &proxy).code, Some(0));
    assert!(successful() > 0.5);
    // It is an operator's to ask for.
    let stranger = harness::client::ask(proxy.admin, "POST", "/admin/reload", &[], b"");
    assert_eq!(stranger.status(), 401);
}
