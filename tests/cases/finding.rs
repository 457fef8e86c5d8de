//! Clients that name no call site: sites are found from what their prompts have in common.

use harness::client::Answer;
use harness::kept;
use harness::program::{Apprentice, Exit, World, places_of};
use harness::script;
use harness::teacher::ScriptedTeacher;
use harness::wait::eventually;

use crate::PROGRAM;

const BASE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/practice");
const NAMES: [&str; 8] = ["Mara", "Bren", "Tilda", "Oswin", "Greta", "Falk", "Nella", "Rurik"];

/// What a tool asks for a smith's or a herald's line.
fn prompt(role: &str, number: usize) -> String {
    let name = NAMES[number % NAMES.len()];
    let (system, user) = match role {
        "smith" => (format!("You are {name}, smith of glass swords. You ask {number} coins for a blade."), "How much?"),
        _ => {
            (format!("You are {name}, herald of the winter court. Announce guest {number} to the hall."), "Who comes?")
        }
    };
    let user = format!("{user} I am {} the {number}th.", NAMES[(number / 8) % NAMES.len()]);
    serde_json::json!({"model": "m", "messages": [
        {"role": "system", "content": system}, {"role": "user", "content": user}]})
    .to_string()
}

fn ask(proxy: &Apprentice, role: &str, number: usize) -> Answer {
    proxy.post("/v1/chat/completions", &[], &prompt(role, number))
}

fn whose(answer: &Answer) -> (String, String) {
    (answer.header("x-apprentice-site").to_owned(), answer.header("x-apprentice-site-by").to_owned())
}

/// Asks for both roles until both are known, and says under which names.
fn until_found(proxy: &Apprentice) -> [String; 2] {
    let mut number = 0;
    eventually("two call sites", || {
        number += 1;
        let sites = ["smith", "herald"].map(|role| whose(&ask(proxy, role, number)).0);
        sites.iter().all(|site| site != "default").then_some(sites)
    })
}

fn sites(world: &World, proxy: &Apprentice, arguments: &[&str]) -> Exit {
    let (admin, token) = (format!("http://{}", proxy.admin), world.data().join("admin-token"));
    let access = ["sites", "--admin", &admin, "--token-file", token.to_str().unwrap()];
    world.run(&[&access[..], arguments].concat())
}

#[test]
fn sites_are_found_kept_over_a_restart_and_what_they_were_found_from_is_theirs() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let world = World::new(PROGRAM, &teacher.base_url());
    let proxy = world.start();
    let [smith, herald] = until_found(&proxy);
    assert!(smith.starts_with("smith-") && herald.starts_with("herald-"), "{smith} {herald}");
    assert_eq!(whose(&ask(&proxy, "smith", 5_000)), (smith.clone(), "fingerprint".to_owned()));
    eventually("the count of sites", || (proxy.metric("apprentice_sites_found", &[]) > 1.5).then_some(()));
    assert_eq!(proxy.site(&smith)["state"], "teacher");
    assert_eq!(proxy.stop().code, Some(0));
    let kept = kept::exchanges(&world.data(), &smith);
    assert!(kept.len() >= 32, "{} exchanges", kept.len());
    assert!(kept.iter().all(|exchange| exchange.request.contains("smith")));

    let proxy = world.start();
    assert_eq!(whose(&ask(&proxy, "herald", 5_001)), (herald.clone(), "fingerprint".to_owned()));
    assert_eq!(proxy.site(&herald)["site"], herald.as_str());
    assert_eq!(proxy.stop().code, Some(0));
    // A file that says nothing sensible costs the names, not the proxy.
    std::fs::write(world.data().join("found-sites.json"), "{\"version\":1,\"sites\":[{]}").unwrap();
    let proxy = world.start();
    assert_eq!(whose(&ask(&proxy, "smith", 5_002)).0, "default");
    proxy.logs("set aside");
    let aside = |name: &str| name.starts_with("found-sites.damaged-");
    let names = std::fs::read_dir(world.data()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.filter(|name| aside(&name.to_string_lossy())).count(), 1);
}

#[test]
fn a_person_looks_at_found_sites_and_names_merges_splits_and_ignores_them() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let world = World::new(PROGRAM, &teacher.base_url());
    let proxy = world.start();
    assert!(sites(&world, &proxy, &["found"]).stdout.contains("nothing was found yet"));
    let [smith, herald] = until_found(&proxy);

    let shown = sites(&world, &proxy, &["found"]).stdout;
    for part in [
        smith.as_str(),
        &herald,
        "template system You are … smith of glass swords You ask # coins for a blade",
        "sample   user   How much? I am ",
        "varies   swords You ask … ",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert_eq!(shown.matches("  sample   system ").count(), 6, "{shown}");

    assert_eq!(sites(&world, &proxy, &["name", &smith, "smithy"]).code, Some(0));
    assert_eq!(whose(&ask(&proxy, "smith", 6_000)), ("smithy".to_owned(), "fingerprint".to_owned()));
    assert_eq!(sites(&world, &proxy, &["merge", &herald, "smithy"]).code, Some(0));
    assert_eq!(whose(&ask(&proxy, "herald", 6_000)).0, "smithy");
    let one: serde_json::Value = serde_json::from_str(&sites(&world, &proxy, &["found", "smithy"]).stdout).unwrap();
    assert_eq!((&one["former"], &one["revision"]), (&serde_json::json!([smith, herald]), &serde_json::json!(2)));
    // It holds after a restart too.
    assert_eq!(proxy.stop().code, Some(0));
    let proxy = world.start();
    assert_eq!(whose(&ask(&proxy, "herald", 6_001)).0, "smithy");
    assert_eq!(sites(&world, &proxy, &["split", "smithy"]).code, Some(0));
    assert_ne!(whose(&ask(&proxy, "herald", 6_002)).0, "smithy");
    assert_eq!(sites(&world, &proxy, &["ignore", "smithy"]).code, Some(0));
    assert_eq!(whose(&ask(&proxy, "smith", 6_003)), ("default".to_owned(), "default".to_owned()));
    let refused = sites(&world, &proxy, &["name", "nobody", "x"]);
    assert!(refused.code == Some(1) && refused.stderr.contains("no call site `nobody` was found"), "{refused:?}");
}

#[test]
fn what_is_erased_is_no_longer_shown_of_a_site_nor_found_from_and_its_template_stays() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let world = World::new(PROGRAM, &teacher.base_url());
    let proxy = world.start();
    let [smith, _] = until_found(&proxy);
    // How many samples and templates it has on disk.
    let site = |world: &World| {
        let text = std::fs::read_to_string(world.data().join("found-sites.json")).ok()?;
        let kept: serde_json::Value = serde_json::from_str(&text).unwrap();
        let of_smith = kept["sites"].as_array()?.iter().find(|site| site["name"] == smith.as_str())?;
        Some((of_smith["samples"].as_array()?.len(), of_smith["templates"].as_array()?.len()))
    };
    eventually("the samples", || (site(&world) == Some((3, 1))).then_some(()));
    // What nobody knows yet is remembered as well, and what was just answered still waits to be written.
    let unknown = |number: usize| {
        let text = format!("Canary {number} asks about a thing of no kind.");
        let body = serde_json::json!({"model": "m", "user": "canary", "messages": [{"role": "user", "content": text}]});
        assert_eq!(proxy.post("/v1/chat/completions", &[], &body.to_string()).status(), 200);
    };
    (0..10).for_each(unknown);
    let erased = proxy.admin("POST", "/admin/capture/erase", r#"{"subject":{"user":"canary"}}"#).json();
    assert_eq!(erased["exchanges"], 10, "{erased}");
    assert_eq!(site(&world), Some((0, 1)));
    let list = proxy.admin("GET", "/admin/found-sites", "").json();
    assert!(list.to_string().contains("glass swords"), "{list}");
    // It is as it was for whoever asks on.
    let mut number = 5_000;
    eventually("new samples", || {
        number += 1;
        assert_eq!(whose(&ask(&proxy, "smith", number)).0, smith);
        (site(&world) == Some((3, 1))).then_some(())
    });
    assert_eq!(proxy.stop().code, Some(0));
    assert_eq!(places_of("anary", &world.data(), &[]), Vec::<String>::new());
    // And where nobody serves.
    let config = world.config();
    let erase = ["capture", "--config", config.to_str().unwrap(), "erase", "--site", smith.as_str()];
    assert_eq!(world.run(&erase).code, Some(0));
    assert_eq!(site(&world), Some((0, 1)));
}

#[test]
fn suggested_sites_are_not_captured_until_they_are_named() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let mut world = World::new(PROGRAM, &teacher.base_url());
    world.set("callsites.discover", "suggest");
    let proxy = world.start();
    let mut number = 0;
    let listed = eventually("a suggestion", || {
        number += 1;
        assert_eq!(whose(&ask(&proxy, "smith", number)).0, "default");
        let list = proxy.admin("GET", "/admin/found-sites", "").json();
        list.as_array().unwrap().first().map(|found| found["site"].as_str().unwrap().to_owned())
    });
    assert_eq!(sites(&world, &proxy, &["name", &listed, "smithy"]).code, Some(0));
    assert_eq!(whose(&ask(&proxy, "smith", 7_000)).0, "smithy");
    assert_eq!(proxy.stop().code, Some(0));
    assert!(kept::exchanges(&world.data(), "smithy").iter().any(|exchange| exchange.request.contains("7000")));
}

#[test]
fn rules_of_the_configuration_tell_requests_apart_and_a_wrong_one_is_refused_by_its_number() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let mut world = World::new(PROGRAM, &teacher.base_url());
    world.merge(
        "[callsites]\ndiscover = \"off\"\nalias_model = \"gpt-5-mini\"\n[[callsites.match]]\nsite = \"smithy\"\nsystem = \"smith of\"\n",
    );
    let proxy = world.start();
    assert_eq!(whose(&ask(&proxy, "smith", 1)), ("smithy".to_owned(), "rule".to_owned()));
    assert_eq!(whose(&ask(&proxy, "herald", 1)).0, "default");
    let alias = prompt("herald", 2).replace("\"m\"", "\"apprentice::court\"");
    let answer = proxy.post("/v1/chat/completions", &[], &alias);
    assert_eq!(whose(&answer), ("court".to_owned(), "alias".to_owned()));
    let sent = String::from_utf8(teacher.received().pop().unwrap().body).unwrap();
    assert_eq!(sent, prompt("herald", 2).replace("\"m\"", "\"gpt-5-mini\""));
    assert_eq!(proxy.stop().code, Some(0));
    world.merge("[[callsites.match]]\nsite = \"a\"\ntool = \"t\"\n[[callsites.match]]\nsite = \"b\"\n");
    let exit = world.fails_to_start();
    assert!(exit.stderr.contains("callsites.match: rule 2: it says nothing"), "{}", exit.stderr);
}

#[test]
fn junk_names_do_not_push_out_a_configured_site() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let mut world = World::new(PROGRAM, &teacher.base_url());
    world.set("sites.shop.max_tokens", 9);
    let proxy = world.start();
    for number in 0..1_050 {
        let body = prompt("smith", 1).replacen('{', &format!("{{\"metadata\":{{\"prompt_id\":\"junk-{number}\"}},"), 1);
        assert_eq!(proxy.post("/v1/chat/completions", &[], &body).status(), 200);
    }
    assert!(proxy.metric("apprentice_sites_not_admitted_total", &[]) >= 50.0);
    assert_eq!(proxy.site("shop")["state"], "teacher");
    let answer = proxy.chat("shop", &prompt("smith", 1));
    assert_eq!((answer.header("x-apprentice-site"), answer.header("x-apprentice-reason")), ("shop", "teacher"));
    // A site that somebody really uses gets a place.
    let asked: Vec<String> = (0..8).map(|number| whose(&proxy.chat("tavern", &prompt("smith", number))).0).collect();
    assert_eq!((asked.first().unwrap().as_str(), asked.last().unwrap().as_str()), ("default", "tavern"));
    proxy.logs("requests of call sites without a place");
}

#[test]
fn practice_without_names_finds_its_call_sites() {
    let world = World::new(PROGRAM, "http://127.0.0.1:9/v1");
    let only = ["--only", "shopkeeper,fortune-teller"];
    let until = ["practice", "--unnamed", "--until", "requests:100", "--json", "--base", BASE];
    let exit = world.run(&[&until[..], &only].concat());
    assert_eq!(exit.code, Some(0), "{exit:?}");
    let report: serde_json::Value = serde_json::from_str(&exit.stdout).unwrap();
    assert!(report["agreement"].as_f64() >= Some(0.98), "{report:#}");
    let found = |at: usize| report["sites"][at]["found_as"].as_str().unwrap().to_owned();
    assert!(found(0).starts_with("shopkeeper-") && found(1).starts_with("fortune-"), "{report:#}");
}
