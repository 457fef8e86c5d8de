//! `apprentice health`, which an image without any other program has for its health check.

use std::net::TcpListener;

use harness::program::{Exit, World};
use harness::tls::Identity;

use crate::PROGRAM;

/// Nobody answers there.
const NOBODY: &str = "http://127.0.0.1:9";

fn health(world: &World, arguments: &[&str]) -> Exit {
    world.run(&[&["health"], arguments].concat())
}

#[track_caller]
fn assert_ill(exit: &Exit, why: &str) {
    assert!(exit.code == Some(1) && exit.stdout.is_empty() && exit.stderr.contains(why), "{why}: {exit:?}");
}

#[test]
fn a_proxy_that_runs_is_well_and_needs_no_token_to_say_so() {
    let mut world = World::new(PROGRAM, "http://127.0.0.1:9/v1");
    let proxy = world.set("admin.token_env", "TEST_ADMIN_TOKEN").env("TEST_ADMIN_TOKEN", "0123456789abcdef").start();
    let (admin, gateway) = (format!("http://{}", proxy.admin), format!("http://{}", proxy.proxy));
    let exit = health(&world, &["--admin", &admin]);
    assert_eq!((exit.code, exit.stdout.as_str(), exit.stderr.as_str()), (Some(0), "ready\n", ""));
    // The wrong one of the two ports.
    assert_ill(&health(&world, &["--admin", &gateway]), "404");
    assert_eq!(proxy.stop().code, Some(0));
    assert_ill(&health(&world, &["--admin", &admin]), "no answer from");
}

#[test]
fn a_certificate_is_trusted_where_it_is_named() {
    let mut world = World::new(PROGRAM, "http://127.0.0.1:9/v1");
    let identity = Identity::default();
    let (pem, key) = (world.dir.path().join("own.pem"), world.dir.path().join("own.key"));
    identity.write_pem(&pem);
    identity.write_key(&key);
    world.set("admin.tls_cert_file", pem.display().to_string()).set("admin.tls_key_file", key.display().to_string());
    let proxy = world.start();
    let admin = format!("https://{}", proxy.admin);
    assert_eq!(health(&world, &["--admin", &admin, "--ca-file", pem.to_str().unwrap()]).code, Some(0));
    assert_ill(&health(&world, &["--admin", &admin]), "certificate");
    assert_ill(&health(&world, &["--admin", &admin, "--ca-file", "no-such.pem"]), "no-such.pem");
}

#[test]
fn what_answers_nothing_and_what_answers_something_else_is_ill() {
    let world = World::new(PROGRAM, NOBODY);
    // The kernel accepts, and nobody ever reads.
    let hung = TcpListener::bind("127.0.0.1:0").unwrap();
    let admin = format!("http://{}", hung.local_addr().unwrap());
    assert_ill(&health(&world, &["--admin", &admin]), "within 2 s");
    let other = harness::teacher::ScriptedTeacher::start(|_| harness::script::says("ready to serve"));
    let other = other.base_url().replace("/v1", "");
    assert_ill(&health(&world, &["--admin", &other]), "is it the admin listener?");
    assert_ill(&health(&world, &["--admin", NOBODY]), "no answer from");
    assert_ill(&health(&world, &["--admin", "127.0.0.1:8081"]), "must be an address like");
}
