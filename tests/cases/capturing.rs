//! What passes is kept as it was, what must not be kept is not, and keeping never stands in traffic's way.

use capture::{Exchange, Source};
use harness::kept::exchanges;
use harness::program::World;
use harness::script;
use harness::teacher::{Received, ScriptedTeacher};
use harness::wait::eventually;

use crate::PROGRAM;

fn asked(text: &str) -> String {
    format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{text}"}}]}}"#)
}

/// The content of a request's only message.
fn content(request: &Received) -> String {
    request.json()["messages"][0]["content"].as_str().unwrap().to_owned()
}

/// Answers every request with its own words, as a stream when a stream is asked for.
fn echoing() -> ScriptedTeacher {
    ScriptedTeacher::start(|request| {
        let text = format!("you said {}", content(request));
        if request.json()["stream"] == true { script::streams(&[&text]) } else { script::says(&text) }
    })
}

#[test]
fn an_exchange_is_kept_as_it_went_over_the_wire() {
    let teacher = echoing();
    let world = World::new(PROGRAM, &teacher.base_url());
    let proxy = world.start();
    let whole = asked("caf\\u00e9").replace("{\"model\"", "{ \"odd\" : 1.0,\"model\"");
    let streamed = asked("hello").replace("{\"model\"", "{\"stream\":true,\"model\"");
    let answers = [proxy.chat("shop", &whole), proxy.chat("shop", &streamed)];
    let retried = proxy.post("/s/shop/v1/chat/completions", &[("x-stainless-retry-count", "1")], &whole);
    teacher.change(|_| script::whole("429 Too Many Requests", &[], b"{}"));
    assert_eq!(proxy.chat("shop", &whole).status(), 429);
    proxy.captured(4);
    assert_eq!(proxy.stop().code, Some(0));

    let kept = exchanges(&world.data(), "shop");
    let texts = |exchange: &Exchange| (exchange.request.clone(), exchange.response.clone());
    let sent =
        [(&whole, answers[0].text()), (&streamed, answers[1].text()), (&whole, retried.text()), (&whole, "{}".into())];
    assert_eq!(kept.iter().map(texts).collect::<Vec<_>>(), sent.map(|(request, response)| (request.clone(), response)));
    let facts = |exchange: &Exchange| (exchange.status, exchange.stream, exchange.retry, exchange.complete);
    let expected =
        [(200, false, false, true), (200, true, false, true), (200, false, true, true), (429, false, false, true)];
    assert_eq!(kept.iter().map(facts).collect::<Vec<_>>(), expected);
    assert!(
        kept.iter()
            .all(|exchange| exchange.source == Source::Teacher && exchange.distillable == capture::Distillable::Yes)
    );
}

#[test]
fn who_does_not_want_to_be_kept_is_not() {
    let teacher = echoing();
    let mut world = World::new(PROGRAM, &teacher.base_url());
    let private = toml::Table::from_iter([("capture".to_owned(), false.into())]);
    let proxy = world.set("sites.private", private).start();
    let target = "/s/shop/v1/chat/completions";
    assert_eq!(proxy.post(target, &[("x-apprentice-capture", "off")], &asked("secret one")).status(), 200);
    let unstored = asked("secret two").replace("{\"model\"", "{\"store\":false,\"model\"");
    assert_eq!(proxy.post(target, &[], &unstored).status(), 200);
    assert_eq!(proxy.chat("private", &asked("secret three")).status(), 200);
    for word in ["OFF", "false", "0", "no", ""] {
        assert_eq!(proxy.post(target, &[("x-apprentice-capture", word)], &asked("secret four")).status(), 200);
    }
    let twice = [("x-apprentice-capture", "on"), ("x-apprentice-capture", "off")];
    assert_eq!(proxy.post(target, &twice, &asked("secret five")).status(), 200);
    // No chat request as a whole, and its wish all the same.
    let odd = asked("secret six").replace("{\"model\"", "{\"store\":false,\"stream\":\"yes\",\"model\"");
    assert_eq!(proxy.post(target, &[], &odd).status(), 200);
    assert_eq!(proxy.post(target, &[("x-apprentice-capture", "On")], &asked("kept")).status(), 200);
    proxy.captured(1);
    assert_eq!(proxy.stop().code, Some(0));
    let requests: Vec<String> = exchanges(&world.data(), "shop").into_iter().map(|exchange| exchange.request).collect();
    assert_eq!(requests, [asked("kept")]);
    assert_eq!(exchanges(&world.data(), "private"), []);
}

#[test]
fn where_sites_are_not_kept_neither_is_what_names_none_or_is_not_understood() {
    let teacher = echoing();
    for (key, value) in [
        ("site", toml::Table::from_iter([("capture".to_owned(), false.into())])),
        ("sites", toml::toml! { default.capture = false }),
    ] {
        let mut world = World::new(PROGRAM, &teacher.base_url());
        let proxy = world.set(key, value).start();
        assert_eq!(proxy.post("/v1/chat/completions", &[], &asked("unnamed")).status(), 200);
        let odd = asked("odd").replace("{\"model\"", "{\"stream\":\"yes\",\"model\"");
        assert_eq!(proxy.post("/v1/chat/completions", &[], &odd).status(), 200);
        assert_eq!(proxy.stop().code, Some(0));
        assert_eq!(exchanges(&world.data(), "default"), []);
    }
}

#[test]
fn without_capture_nothing_is_written() {
    let teacher = echoing();
    let mut world = World::new(PROGRAM, &teacher.base_url());
    let proxy = world.set("capture.enabled", false).start();
    assert_eq!(proxy.chat("shop", &asked("hello")).status(), 200);
    assert_eq!(proxy.stop().code, Some(0));
    assert_eq!(exchanges(&world.data(), "shop"), []);
}

#[test]
fn a_full_disk_stops_capture_and_not_traffic() {
    let teacher = echoing();
    // No file may grow beyond a mebibyte: writing fails as it does on a full disk.
    let world = World::new("/bin/sh", &teacher.base_url()).through(&[
        "-c",
        "trap '' XFSZ; ulimit -f 2048; exec \"$0\" \"$@\"",
        PROGRAM,
    ]);
    let proxy = world.start();
    let mut state = 1_u64;
    let mut sent = 0;
    eventually("capture to stop", || {
        // Letters that no compression makes small.
        let noise: String = (0..60_000)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                char::from(b'a' + (state >> 59) as u8 % 26)
            })
            .collect();
        sent += 1;
        assert_eq!(proxy.chat("shop", &asked(&noise)).status(), 200, "request {sent}");
        (proxy.metric("apprentice_capture_stopped", &[]) == 1.0).then_some(())
    });
    for number in 0..20 {
        let answer = proxy.chat("shop", &asked(&number.to_string()));
        assert_eq!(answer.text(), script::completion(&format!("you said {number}")));
    }
    assert!(proxy.metric("apprentice_capture_dropped_total", &["stopped"]) >= 20.0, "what is not kept is counted");
    proxy.logs("exchanges could not be stored");
    // The next file has room again.
    eventually("capturing to go on", || {
        assert_eq!(proxy.chat("shop", &asked("more")).status(), 200);
        (proxy.metric("apprentice_capture_stopped", &[]) == 0.0).then_some(())
    });
    assert_eq!(proxy.stop().code, Some(0));
}
