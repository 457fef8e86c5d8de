//! Under a service manager: what systemd is told over its socket, and the credentials that it hands over.

use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use harness::client;
use harness::program::World;
use harness::script::{self, Gate};
use harness::teacher::ScriptedTeacher;
use tempfile::TempDir;

use crate::PROGRAM;

const ASKED: &str = r#"{"model":"m","messages":[{"role":"user","content":"Hello"}]}"#;
const STREAMED: &str = r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"Hello"}]}"#;

/// A service manager's end of the socket.
struct Manager {
    _dir: TempDir,
    socket: UnixDatagram,
    path: String,
}

impl Manager {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        Self { _dir: dir, socket, path: path.to_str().unwrap().to_owned() }
    }

    /// The lines of the next message, if one comes within `time`.
    fn told_within(&self, time: Duration) -> Option<Vec<String>> {
        self.socket.set_read_timeout(Some(time)).unwrap();
        let mut bytes = [0; 4096];
        let length = self.socket.recv(&mut bytes).ok()?;
        Some(std::str::from_utf8(&bytes[..length]).unwrap().lines().map(str::to_owned).collect())
    }

    fn told(&self) -> Vec<String> {
        self.told_within(Duration::from_secs(30)).unwrap()
    }
}

fn world(teacher: &ScriptedTeacher, manager: &Manager) -> World {
    let mut world = World::new(PROGRAM, &teacher.base_url());
    world.env("NOTIFY_SOCKET", &manager.path);
    world
}

#[test]
fn it_is_ready_when_both_ports_answer_and_tells_of_a_reload_and_of_its_end() {
    let gate = Gate::default();
    let waiting = gate.clone();
    let teacher = ScriptedTeacher::start(move |_| script::streams_past(&waiting, &["one ", "two"]));
    let manager = Manager::new();
    let world = world(&teacher, &manager);
    let proxy = world.start();
    let addresses = format!("STATUS=proxy http://{}, admin http://{}", proxy.proxy, proxy.admin);
    assert_eq!(manager.told(), ["READY=1".to_owned(), addresses.clone()]);
    // At once, without waiting for anything.
    assert!(TcpStream::connect(proxy.proxy).is_ok());
    assert_eq!(client::ask(proxy.admin, "GET", "/readyz", &[], b"").text(), "ready\n");

    proxy.ask_to_reload();
    let reloading = manager.told();
    assert_eq!(reloading[0], "RELOADING=1", "{reloading:?}");
    let clock: u64 = reloading[1].strip_prefix("MONOTONIC_USEC=").unwrap().parse().unwrap();
    let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
    let uptime_s: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
    assert!(clock > 0 && clock <= (uptime_s * 1e6) as u64 + 1_000_000, "{clock} at {uptime_s} s");
    assert_eq!(manager.told(), ["READY=1".to_owned(), addresses.clone()]);

    // A wrong file changes nothing, and whoever asks for the status hears of it.
    std::fs::write(world.config(), "[nonsense]\n").unwrap();
    proxy.ask_to_reload();
    assert_eq!(manager.told()[0], "RELOADING=1");
    let kept = manager.told();
    assert!(kept[0] == "READY=1" && kept[1].starts_with(&addresses) && kept[1].contains("not read again"), "{kept:?}");

    // Its end is told while a request still runs.
    let mut running = client::Connection::open(proxy.proxy);
    running.send(&client::request("POST", "/v1/chat/completions", &[], STREAMED.as_bytes()));
    assert_eq!(running.head().status, 200);
    proxy.ask_to_stop();
    let stopping = manager.told();
    assert_eq!(stopping[..2], ["STOPPING=1", "EXTEND_TIMEOUT_USEC=40000000"], "{stopping:?}");
    gate.open();
    assert!(running.rest().1, "the running request ends well");
    assert_eq!(proxy.ended().code, Some(0));
    assert_eq!(manager.told_within(Duration::from_millis(1)), None);
}

#[test]
fn a_start_that_fails_is_never_ready() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let manager = Manager::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut world = world(&teacher, &manager);
    // The proxy's port would do.
    let exit = world.set("admin.listen", taken.local_addr().unwrap().to_string()).fails_to_start();
    assert!(exit.stderr.contains("admin.listen"), "{exit:?}");
    assert_eq!(manager.told_within(Duration::from_millis(1)), None);
}

#[test]
fn a_manager_that_watches_gets_signs_of_life_and_one_that_does_not_gets_none() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let manager = Manager::new();
    let mut world = world(&teacher, &manager);
    let proxy = world.start();
    assert_eq!(manager.told()[0], "READY=1");
    assert_eq!(manager.told_within(Duration::from_millis(500)), None);
    assert_eq!(proxy.stop().code, Some(0));
    assert_eq!(manager.told()[0], "STOPPING=1");

    let proxy = world.env("WATCHDOG_USEC", "300000").set("proxy.threads", 3).start();
    assert_eq!(manager.told()[0], "READY=1");
    let began = Instant::now();
    for _ in 0..10 {
        assert_eq!(manager.told(), ["WATCHDOG=1"]);
    }
    assert!(began.elapsed() >= Duration::from_millis(800), "three for each 300 ms: {:?}", began.elapsed());
    assert_eq!(proxy.stop().code, Some(0));
}

#[test]
fn a_manager_that_is_gone_does_not_end_the_proxy() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let mut world = World::new(PROGRAM, &teacher.base_url());
    let proxy = world.env("NOTIFY_SOCKET", "/nowhere/notify").start();
    proxy.logs("the service manager could not be told");
    assert_eq!(proxy.chat("shop", ASKED).status(), 200);
    assert_eq!(proxy.stop().code, Some(0));
}

#[test]
fn keys_and_the_admin_token_come_from_the_folder_of_credentials_unless_a_variable_is_set() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let mut world = World::new(PROGRAM, &teacher.base_url());
    let folder = world.dir.path().join("credentials");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("TEST_TEACHER_KEY"), "sk-of-the-service\n").unwrap();
    std::fs::write(folder.join("APPRENTICE_ADMIN_TOKEN"), "token-of-the-service\n").unwrap();
    world.env("CREDENTIALS_DIRECTORY", folder.to_str().unwrap());
    let proxy = world.start();
    assert_eq!(proxy.chat("shop", ASKED).status(), 200);
    assert_eq!(teacher.received()[0].header("authorization"), Some("Bearer sk-of-the-service"));
    let authorized = |token: &str| {
        let bearer = format!("Bearer {token}");
        client::ask(proxy.admin, "GET", "/admin/call-sites", &[("authorization", &bearer)], b"").status()
    };
    assert_eq!((authorized("token-of-the-service"), authorized("another")), (200, 401));
    // Commands find it where the program does.
    let listed = world.run(&["sites", "list", "--admin", &format!("http://{}", proxy.admin)]);
    assert!(listed.code == Some(0) && listed.stdout.contains("shop"), "{listed:?}");
    assert_eq!(proxy.stop().code, Some(0));

    let proxy = world.env("TEST_TEACHER_KEY", "sk-of-the-variable").start();
    assert_eq!(proxy.chat("shop", ASKED).status(), 200);
    assert_eq!(teacher.received().last().unwrap().header("authorization"), Some("Bearer sk-of-the-variable"));
    assert_eq!(proxy.stop().code, Some(0));

    // What is there and cannot be read is said, and is not taken for absent.
    std::fs::remove_file(folder.join("APPRENTICE_ADMIN_TOKEN")).unwrap();
    std::fs::create_dir(folder.join("APPRENTICE_ADMIN_TOKEN")).unwrap();
    let exit = world.fails_to_start();
    assert!(exit.stderr.contains("credentials/APPRENTICE_ADMIN_TOKEN"), "{exit:?}");
}
