//! The page of a running proxy: a person watches a site, rolls it back with a reason, and the next request is the teacher's.

use handover::State;
use harness::client;
use harness::learnt;
use harness::program::{Apprentice, World};
use harness::script;
use harness::teacher::ScriptedTeacher;

use crate::PROGRAM;

const ASKED: &str = r#"{"model":"gpt-5-mini","messages":[{"role":"user","content":"Where is the sea?"}]}"#;
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// A browser without scripts: what it is given by forms and cookies.
struct Browser<'a> {
    proxy: &'a Apprentice,
    cookie: String,
}

impl Browser<'_> {
    fn get(&self, target: &str) -> client::Answer {
        client::ask(self.proxy.admin, "GET", target, &[("cookie", &self.cookie)], b"")
    }

    fn post(&self, target: &str, body: &str) -> client::Answer {
        client::ask(self.proxy.admin, "POST", target, &[("cookie", &self.cookie), FORM], body.as_bytes())
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    text.split(before).nth(1).unwrap().split(after).next().unwrap()
}

#[test]
fn a_site_is_rolled_back_from_the_page_and_the_next_request_is_the_teachers() {
    let teacher = ScriptedTeacher::start(move |_| script::says("the teacher's own words"));
    let mut world = World::new(PROGRAM, &teacher.base_url());
    learnt::with_students(&mut world);
    let version = learnt::publish(&world, "shop", 1);
    learnt::prove(&world, "shop", &version, 0.5, State::Student);
    let proxy = world.start();
    assert_eq!(proxy.chat("shop", ASKED).header("x-apprentice-route"), "student");

    let mut browser = Browser { proxy: &proxy, cookie: String::new() };
    let sent_away = browser.get("/");
    assert_eq!((sent_away.status(), sent_away.header("location")), (303, "/sign-in"));
    assert_eq!(browser.post("/sign-in", "token=wrong").status(), 401);
    let entered = browser.post("/sign-in", &format!("token={}&name=Mara", proxy.token()));
    assert_eq!(entered.status(), 303, "{entered:?}");
    browser.cookie = entered.header("set-cookie").split(';').next().unwrap().to_owned();

    let sites = browser.get("/").text();
    assert!(sites.contains("href=\"/sites/shop\"") && sites.contains("answers where it is sure enough"), "{sites}");
    let token = between(&sites, "name=\"form_token\" value=\"", "\"").to_owned();
    let back = browser.post("/sites/shop/steer", &format!("form_token={token}&action=rollback&reason=wrong+voice"));
    assert_eq!((back.status(), back.header("location")), (303, "/sites/shop"), "{back:?}");
    assert_eq!(proxy.chat("shop", ASKED).header("x-apprentice-route"), "teacher");
    let site = browser.get("/sites/shop").text();
    assert!(site.contains("wrong voice") && site.contains("Mara"), "{site}");
    let refused = browser.post("/sites/shop/steer", "form_token=0&action=promote");
    assert_eq!(refused.status(), 403);
}
