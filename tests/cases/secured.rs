//! TLS on the listeners: real clients, renewed certificates, and whoever says nothing.

use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use harness::client::{self, Answer, Connection};
use harness::program::{Apprentice, World};
use harness::script::{self, Gate};
use harness::teacher::ScriptedTeacher;
use harness::tls::Identity;
use harness::wait::eventually;

use crate::PROGRAM;

const ASKED: &str = r#"{"model":"m","messages":[{"role":"user","content":"Hello"}]}"#;
const CHAT: &str = "/s/shop/v1/chat/completions";

/// Puts `identity` where the configuration of both listeners looks for it.
fn certified(world: &mut World, identity: &Identity) {
    let (pem, key) = (world.dir.path().join("own.pem"), world.dir.path().join("own.key"));
    identity.write_pem(&pem);
    identity.write_key(&key);
    for listener in ["proxy", "admin"] {
        world.set(&format!("{listener}.tls_cert_file"), pem.display().to_string());
        world.set(&format!("{listener}.tls_key_file"), key.display().to_string());
    }
}

fn ask(address: SocketAddr, identity: &Identity, method: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
    let mut connection = Connection::open_secure(address, identity).unwrap();
    connection.send(&client::request(method, target, headers, if method == "POST" { ASKED.as_bytes() } else { b"" }));
    connection.answer()
}

fn metric(proxy: &Apprentice, identity: &Identity, line: &str) -> bool {
    ask(proxy.admin, identity, "GET", "/metrics", &[]).text().lines().any(|found| found == line)
}

#[test]
fn both_listeners_speak_tls_and_streams_come_event_by_event() {
    let (gate, identity) = (Gate::default(), Identity::default());
    let waiting = gate.clone();
    let teacher = ScriptedTeacher::start(move |request| {
        if request.json()["stream"] != true {
            return script::says("ok");
        }
        script::streams_past(&waiting, &["one ", "two"])
    });
    let mut world = World::new(PROGRAM, &teacher.base_url());
    certified(&mut world, &identity);
    let proxy = world.start();
    assert_eq!(ask(proxy.proxy, &identity, "POST", CHAT, &[]).text(), script::completion("ok"));

    let mut streaming = Connection::open_secure(proxy.proxy, &identity).unwrap();
    let asked = ASKED.replace("{\"model\"", "{\"stream\":true,\"model\"");
    streaming.send(&client::request("POST", CHAT, &[], asked.as_bytes()));
    assert_eq!(streaming.head().status, 200);
    let (mut seen, mut body) = (String::new(), Vec::new());
    while !seen.contains("one ") {
        let client::Piece::Data(data) = streaming.piece() else { panic!("cut: {seen}") };
        body.extend_from_slice(&data);
        seen = String::from_utf8_lossy(&body).into_owned();
    }
    assert!(!seen.contains("two"), "{seen}");
    gate.open();
    assert!(streaming.rest().1);

    // The command line, which trusts what it is told to trust and nothing else.
    let (admin, token) = (format!("https://{}", proxy.admin), world.data().join("admin-token"));
    let sites = |more: &[&str]| {
        let plain = ["sites", "--admin", &admin, "--token-file", token.to_str().unwrap()];
        world.run(&[&plain[..], more].concat())
    };
    let trusted = sites(&["--ca-file", world.dir.path().join("own.pem").to_str().unwrap()]);
    assert!(trusted.code == Some(0) && trusted.stdout.contains("shop"), "{trusted:?}");
    let stranger = sites(&[]);
    assert!(stranger.code == Some(1) && stranger.stderr.contains("certificate"), "{stranger:?}");
    let started = proxy.stop();
    assert_eq!((started.code, started.stdout.matches("  https://").count()), (Some(0), 2), "{started:?}");
}

#[test]
fn plain_http_is_told_what_is_spoken_here() {
    let mut world = World::new(PROGRAM, "http://127.0.0.1:9/v1");
    certified(&mut world, &Identity::default());
    let proxy = world.start();
    for address in [proxy.proxy, proxy.admin] {
        let answer = client::ask(address, "POST", CHAT, &[], ASKED.as_bytes());
        assert!(answer.status() == 400 && answer.text().contains("begins with https") && answer.clean, "{answer:?}");
    }
}

#[test]
fn a_renewed_certificate_is_shown_to_new_connections_and_a_bad_pair_leaves_the_one_before() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let mut world = World::new(PROGRAM, &teacher.base_url());
    let (old, new) = (Identity::default(), Identity::default());
    certified(&mut world, &old);
    let proxy = world.start();
    let mut before = Connection::open_secure(proxy.proxy, &old).unwrap();
    assert!(
        Connection::open_secure(proxy.proxy, &new).is_err(),
        "the client should trust only the certificate it knows"
    );

    // The certificate of another key: half of a renewal, or a mistake.
    new.write_pem(&world.dir.path().join("own.pem"));
    proxy.logs("is not that of the certificate");
    eventually("the metric to say so", || {
        metric(&proxy, &old, "apprentice_certificate_last_reload_successful{listener=\"proxy\"} 0").then_some(())
    });
    assert!(Connection::open_secure(proxy.proxy, &old).is_ok());

    new.write_key(&world.dir.path().join("own.key"));
    for address in [proxy.proxy, proxy.admin] {
        eventually("the new certificate", || Connection::open_secure(address, &new).ok());
        assert!(Connection::open_secure(address, &old).is_err());
    }
    assert!(metric(&proxy, &new, "apprentice_certificate_last_reload_successful{listener=\"proxy\"} 1"));
    before.send(&client::request("POST", CHAT, &[], ASKED.as_bytes()));
    assert_eq!(before.answer().status(), 200, "a connection that was open goes on");

    // What stays bad is said once, however often it is looked at.
    std::fs::write(world.dir.path().join("own.key"), "no key").unwrap();
    proxy.logs("holds no private key");
    proxy.ask_to_reload();
    proxy.logs("the configuration was not read again");
    let said = proxy.log().matches("a certificate was not read again").count();
    assert_eq!(said, 4, "once a listener for each bad pair: {}", proxy.log());
}

#[test]
fn a_handshake_that_never_comes_is_not_waited_for() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let (mut world, identity) = (World::new(PROGRAM, &teacher.base_url()), Identity::default());
    certified(&mut world, &identity);
    let proxy = world.set("proxy.header_s", 1).start();
    // Nothing, and the beginning of a first record.
    let (mut silent, mut half) = (TcpStream::connect(proxy.proxy).unwrap(), TcpStream::connect(proxy.proxy).unwrap());
    std::io::Write::write_all(&mut half, &[22, 3, 1]).unwrap();
    for stream in [&mut silent, &mut half] {
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        // Closed or reset, and not still open when the time is up.
        let ended = stream.read(&mut [0; 64]);
        assert!(!ended.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock));
    }
    assert_eq!(ask(proxy.proxy, &identity, "POST", CHAT, &[]).status(), 200);
    proxy.kill();

    // Nor at the end, whatever the limit is.
    let proxy = world.set("proxy.header_s", 600).start();
    let silent = TcpStream::connect(proxy.proxy).unwrap();
    assert_eq!(ask(proxy.proxy, &identity, "POST", CHAT, &[]).status(), 200);
    let began = Instant::now();
    assert_eq!(proxy.stop().code, Some(0));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    drop(silent);
}

#[test]
fn certificates_that_cannot_be_used_stop_the_start_and_say_which_file_is_wrong() {
    let identity = Identity::default();
    let wrong = |break_it: &dyn Fn(&Path), said: &[&str]| {
        let mut world = World::new(PROGRAM, "http://127.0.0.1:9/v1");
        certified(&mut world, &identity);
        break_it(world.dir.path());
        let exit = world.fails_to_start();
        let said = said.iter().chain(&["proxy.tls_cert_file"]);
        said.for_each(|part| assert!(exit.stderr.contains(part), "`{part}` should be in: {}", exit.stderr));
    };
    let write = |path: &Path, text: &str| std::fs::write(path, text).unwrap();
    wrong(&|dir| std::fs::remove_file(dir.join("own.key")).unwrap(), &["cannot read", "own.key"]);
    wrong(&|dir| std::fs::remove_file(dir.join("own.pem")).unwrap(), &["cannot read", "own.pem"]);
    wrong(
        &|dir| write(&dir.join("own.pem"), "DER or something"),
        &["own.pem", "holds no certificate", "BEGIN CERTIFICATE"],
    );
    wrong(&|dir| write(&dir.join("own.key"), ""), &["own.key", "holds no private key", "BEGIN PRIVATE KEY"]);
    wrong(&|dir| Identity::default().write_key(&dir.join("own.key")), &["own.key", "own.pem", "must be of one pair"]);
    let cut = |dir: &Path| {
        let text = std::fs::read_to_string(dir.join("own.pem")).unwrap();
        write(&dir.join("own.pem"), text.split_at(text.len() / 2).0);
    };
    wrong(&cut, &["own.pem", "no whole PEM file"]);
    let scrambled = |dir: &Path| {
        write(&dir.join("own.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    };
    wrong(&scrambled, &["own.pem", "cannot be used"]);

    let mut half = World::new(PROGRAM, "http://127.0.0.1:9/v1");
    let exit = half.set("admin.tls_cert_file", "own.pem").fails_to_start();
    assert!(exit.stderr.contains("admin.tls_cert_file and admin.tls_key_file belong together"), "{exit:?}");
}

#[test]
fn a_teacher_is_trusted_by_the_roots_of_this_machine() {
    let identity = Identity::default();
    let teacher = ScriptedTeacher::start_secure(&identity, |_| script::says("over TLS"));
    let mut world = World::new(PROGRAM, &teacher.base_url());
    let roots = world.dir.path().join("roots.pem");
    identity.write_pem(&roots);
    // Where this is set it names the machine's roots.
    let proxy = world.env("SSL_CERT_FILE", roots.to_str().unwrap()).start();
    assert_eq!(proxy.chat("shop", ASKED).text(), script::completion("over TLS"));
    proxy.kill();

    // A machine without roots believes the built-in ones, and this certificate is none of theirs.
    let proxy = world.env("SSL_CERT_FILE", "no-such.pem").env("SSL_CERT_DIR", "/no-such").start();
    let refused = proxy.chat("shop", ASKED);
    assert!(refused.status() == 502 && refused.text().contains("UnknownIssuer"), "{}", refused.text());
    proxy.kill();

    // A file of the operator's is all that is believed, whatever the machine says.
    let other = world.dir.path().join("other.pem");
    Identity::default().write_pem(&other);
    let only = other.display().to_string();
    let proxy = world.env("SSL_CERT_FILE", roots.to_str().unwrap()).set("teacher.ca_file", only).start();
    assert_eq!(proxy.chat("shop", ASKED).status(), 502);
}
