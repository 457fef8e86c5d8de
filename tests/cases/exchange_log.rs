//! The exchange log in its owner's hands: looked at, checked, copied, erased from, bounded, and nobody else's to read.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use harness::kept::{exchanges, files};
use harness::program::{Exit, World, places_of};
use harness::script;
use harness::teacher::ScriptedTeacher;
use harness::wait::eventually;

use crate::PROGRAM;

fn teacher() -> ScriptedTeacher {
    ScriptedTeacher::start(|_| script::says("Yes, it is."))
}

fn asked(user: &str, text: &str) -> String {
    format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{text}"}}],"user":"{user}"}}"#)
}

/// Runs `apprentice capture` with these arguments.
fn capture(world: &World, arguments: &[&str]) -> Exit {
    let config = world.config();
    let mut all = vec!["capture", "--config", config.to_str().unwrap()];
    all.extend_from_slice(arguments);
    world.run(&all)
}

/// The modes of everything below `dir` that others could use.
fn open_to_others(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(path) = open.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.permissions().mode() & 0o077 != 0 {
            found.push(format!("{} {:o}", path.display(), metadata.permissions().mode()));
        }
        if metadata.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    found
}

#[test]
fn what_is_kept_is_its_owners_alone_whatever_the_umask_and_what_lay_there_before() {
    let teacher = teacher();
    let world = World::new("/bin/sh", &teacher.base_url()).through(&["-c", "umask 000; exec \"$0\" \"$@\"", PROGRAM]);
    let proxy = world.start();
    assert_eq!(proxy.chat("shop", &asked("alice", "hello")).status(), 200);
    proxy.captured(1);
    assert_eq!(open_to_others(&world.data()), Vec::<String>::new());
    assert!(!proxy.log().contains("others could read"), "{}", proxy.log());
    assert_eq!(proxy.stop().code, Some(0));
    // As an earlier version left it.
    let token = world.data().join("admin-token");
    fs::set_permissions(&token, PermissionsExt::from_mode(0o644)).unwrap();
    fs::set_permissions(world.data().join("capture"), PermissionsExt::from_mode(0o755)).unwrap();
    let proxy = world.start();
    proxy.logs("others could read what is kept here");
    proxy.logs("made_private=2");
    assert_eq!(open_to_others(&world.data()), Vec::<String>::new());
}

#[test]
fn the_log_is_shown_checked_and_copied_with_and_without_a_running_proxy() {
    let teacher = teacher();
    let world = World::new(PROGRAM, &teacher.base_url());
    let nothing = capture(&world, &["stats"]);
    assert!(nothing.code == Some(1) && nothing.stderr.contains("there is no exchange log in"), "{nothing:?}");
    let proxy = world.start();
    for number in 0..3 {
        assert_eq!(proxy.chat("shop", &asked("alice", &number.to_string())).status(), 200);
    }
    assert_eq!(proxy.chat("tavern", &asked("bob", "ale")).status(), 200);
    proxy.captured(4);
    let (admin, token) = (format!("http://{}", proxy.admin), world.data().join("admin-token"));
    let running = ["--admin", admin.as_str(), "--token-file", token.to_str().unwrap()];
    let with = |arguments: &[&'static str]| {
        let all: Vec<&str> = arguments.iter().copied().chain(running).collect();
        capture(&world, &all)
    };
    let shown = |exit: &Exit| {
        let row = |site: &str| exit.stdout.lines().find(|line| line.starts_with(site)).unwrap_or_default().to_owned();
        let count = |row: String| row.split_whitespace().nth(1).map(str::to_owned);
        (count(row("shop")), count(row("tavern")))
    };
    let expected = (Some("3".to_owned()), Some("1".to_owned()));
    let stats = with(&["stats"]);
    assert_eq!(shown(&stats), expected, "{stats:?}");
    assert_eq!(with(&["verify"]).code, Some(0));
    let out = world.dir.path().join("out");
    let exported = with(&["export", "--out", "out"]);
    assert!(exported.code == Some(0) && exported.stdout.starts_with("1 segments in out"), "{exported:?}");
    assert_eq!(fs::read_dir(&out).unwrap().count(), 2);
    assert_eq!(proxy.stop().code, Some(0));

    assert_eq!(shown(&capture(&world, &["stats"])), expected);
    let json: serde_json::Value = serde_json::from_str(&capture(&world, &["stats", "--json"]).stdout).unwrap();
    assert_eq!(json["sites"]["shop"]["exchanges"], 3);
    let whole = capture(&world, &["verify"]);
    assert!(whole.code == Some(0) && whole.stdout.starts_with("ok       segment-"), "{whole:?}");
    // A flipped bit in the middle of what was sealed.
    let sealed = files(&world.data()).into_iter().find(|(path, _)| path.extension().is_some_and(|end| end == "sealed"));
    let (path, mut bytes) = sealed.unwrap();
    let block = bytes.windows(4).rposition(|window| window == [0x28, 0xb5, 0x2f, 0xfd]).unwrap();
    bytes[block + 20] ^= 1;
    fs::write(&path, bytes).unwrap();
    let damaged = capture(&world, &["verify"]);
    assert!(damaged.code == Some(1) && damaged.stdout.starts_with("DAMAGED  segment-"), "{damaged:?}");
    assert_eq!(capture(&world, &["export", "--out", "out"]).code, Some(1));
}

#[test]
fn exchanges_are_searched_with_and_without_a_running_proxy() {
    let teacher = ScriptedTeacher::start(|asked| {
        let slow_down = r#"{"error": {"message": "slow down"}}"#;
        let is_refused = asked.json().to_string().contains("dragon");
        if is_refused {
            script::whole("429 Too Many Requests", &[], slow_down.as_bytes())
        } else {
            script::says("Yes, it is.")
        }
    });
    let world = World::new(PROGRAM, &teacher.base_url());
    let proxy = world.start();
    for (site, text, status) in [
        ("shop", "a rope & a hook", 200),
        ("inn", "a rope and a bed", 200),
        ("shop", "a lamp", 200),
        ("inn", "a dragon", 429),
    ] {
        assert_eq!(proxy.chat(site, &asked("alice", text)).status(), status);
    }
    proxy.captured(4);
    let (admin, token) = (format!("http://{}", proxy.admin), world.data().join("admin-token"));
    let running = ["--admin", admin.as_str(), "--token-file", token.to_str().unwrap()];
    let check = |more: &[&str]| {
        let search = |wanted: &[&'static str]| {
            let all: Vec<&str> = ["search"].iter().chain(wanted).chain(more).copied().collect();
            capture(&world, &all)
        };
        let found = |wanted: &[&'static str]| {
            let exit = search(wanted);
            assert_eq!(exit.code, Some(0), "{exit:?}");
            let request = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["request"].to_string();
            exit.stdout.lines().map(request).collect::<Vec<_>>()
        };
        let ropes = found(&["--text", "rope"]);
        assert!(ropes.len() == 2 && ropes[0].contains("hook") && ropes[1].contains("bed"), "{ropes:?}");
        assert_eq!(found(&["--text", "rope & a", "--site", "shop"]).len(), 1, "one line alone");
        assert_eq!(found(&["--status", "bad"]).len(), 1);
        assert_eq!(found(&["--source", "teacher", "--from", "2026-01-01T00:00"]).len(), 4);
        assert!(found(&["--source", "student"]).is_empty() && found(&["--to", "2026-01-01T00:00"]).is_empty());
        let wrong = search(&["--from", "noon"]);
        assert!(wrong.code == Some(1) && wrong.stderr.contains("`noon` is no time like"), "{wrong:?}");
    };
    check(&running);
    assert_eq!(proxy.stop().code, Some(0));
    check(&[]);
}

#[test]
fn a_user_is_erased_by_name_while_the_proxy_runs_and_after() {
    let teacher = teacher();
    let world = World::new(PROGRAM, &teacher.base_url());
    let proxy = world.start();
    for number in 0..4 {
        let user = if number % 2 == 0 { "alice-canary" } else { "bob-canary" };
        assert_eq!(proxy.chat("shop", &asked(user, &format!("{user} {number}"))).status(), 200);
    }
    proxy.captured(4);
    let (admin, token) = (format!("http://{}", proxy.admin), world.data().join("admin-token"));
    let access = ["--admin", admin.as_str(), "--token-file", token.to_str().unwrap()];
    let erase = |arguments: &[&str]| {
        let all: Vec<&str> = ["erase"].iter().chain(arguments).chain(&access).copied().collect();
        capture(&world, &all)
    };
    for (wrong, why) in [
        (vec![], "say what to erase"),
        (vec!["--site", "bad name"], "bad name"),
        (vec!["--site", "shop", "--before", "yesterday"], "a day like 2026-05-01"),
        (vec!["--site", "shop", "--user", "x"], "cannot be used with"),
    ] {
        let exit = erase(&wrong);
        assert!(exit.code != Some(0) && exit.stderr.contains(why), "{exit:?}");
    }
    let erased = erase(&["--user", "alice-canary"]);
    assert!(erased.code == Some(0) && erased.stdout.starts_with("2 exchanges erased; 1 segments"), "{erased:?}");
    assert!(erase(&["--site", "shop", "--before", "1999-12-31"]).stdout.starts_with("0 exchanges erased"));
    // It goes on writing.
    assert_eq!(proxy.chat("shop", &asked("alice-canary", "again")).status(), 200);
    proxy.captured(5);
    assert_eq!(proxy.stop().code, Some(0));
    assert_eq!(exchanges(&world.data(), "shop").len(), 3);
    let erased = erase(&["--user", "alice-canary"]);
    assert!(erased.stdout.starts_with("1 exchanges erased"), "{erased:?}");
    let left = exchanges(&world.data(), "shop");
    assert!(left.len() == 2 && left.iter().all(|exchange| exchange.request.contains("bob-canary")));
    assert_eq!(places_of("alice-canary", &world.data(), &[]), Vec::<String>::new());
}

#[test]
fn what_the_rules_name_is_taken_out_before_it_is_stored_and_keys_always_are() {
    let teacher =
        ScriptedTeacher::start(|_| script::streams(&["ask Jo", "hn Smith, key sk-", "abcdefghijklmnopqrstuv"]));
    let mut world = World::new(PROGRAM, &teacher.base_url());
    world.merge("[capture]\nredact = [{ regex = \"John Smith\", replace = \"[name]\" }, { path = \"$.user\" }]\n");
    let proxy = world.start();
    let body = asked("alice", "I am John Smith, Bearer abcdefghijklmnopqrstuvwxyz")
        .replace("{\"model\"", "{\"stream\":true,\"model\"");
    let answer = proxy.chat("shop", &body);
    assert!(answer.text().contains("hn Smith"), "the client gets what was said: {}", answer.text());
    proxy.captured(1);
    assert_eq!(proxy.metric("apprentice_capture_redacted_total", &[]), 1.0);
    assert_eq!(proxy.stop().code, Some(0));
    let kept = exchanges(&world.data(), "shop").remove(0);
    let request: serde_json::Value = serde_json::from_str(&kept.request).unwrap();
    assert_eq!(request["messages"][0]["content"], "I am [name], [key]");
    assert_eq!((request["user"].as_str(), kept.redacted, kept.user.is_some()), (Some("[redacted]"), true, true));
    assert_eq!(kept.api.read(true, kept.response.as_bytes()).unwrap().text, "ask [name], key [key]");
}

#[test]
fn bodies_too_large_to_keep_pass_and_take_no_memory() {
    let teacher = teacher();
    let mut world = World::new(PROGRAM, &teacher.base_url());
    world.set("capture.queue_mb", 8);
    let proxy = world.start();
    // As pictures are: they do not get smaller, and nobody learns from them.
    let picture = asked("alice", &"iVBORw0KGgo".repeat(3 << 20 >> 4));
    assert!(picture.len() > 2 << 20);
    assert_eq!(proxy.chat("shop", &picture).status(), 200);
    let before = proxy.peak_bytes();
    for _ in 0..40 {
        assert_eq!(proxy.chat("shop", &picture).status(), 200);
        thread::sleep(Duration::from_millis(20));
    }
    let grown = proxy.peak_bytes().saturating_sub(before);
    assert!(grown < 24 << 20, "{} MiB more", grown >> 20);
    eventually("the drops to be counted", || {
        (proxy.metric("apprentice_capture_dropped_total", &["too-large"]) == 41.0).then_some(())
    });
    assert_eq!(proxy.metric("apprentice_captured_total", &[]), 0.0);
}

#[test]
fn the_log_is_measured() {
    let teacher = teacher();
    let world = World::new(PROGRAM, &teacher.base_url());
    let proxy = world.start();
    eventually("the first look", || (proxy.metric("apprentice_capture_stored_bytes", &[]) > 0.0).then_some(()));
    assert_eq!(proxy.metric("apprentice_capture_segments_set_aside", &[]), 0.0);
    assert_eq!(proxy.metric("apprentice_capture_segments", &[]), 0.0);
    assert_eq!(proxy.chat("shop", &asked("alice", "hello")).status(), 200);
    proxy.captured(1);
    assert_eq!(proxy.metric("apprentice_capture_flush_seconds_count", &[]), 1.0);
    assert_eq!(proxy.stop().code, Some(0));
    let mut segments = fs::read_dir(world.data().join("capture")).unwrap().map(|entry| entry.unwrap().path());
    let segment = segments.find(|path| path.is_dir()).unwrap();
    fs::create_dir(segment.with_extension("damaged-1")).unwrap();
    let proxy = world.start();
    eventually("what was set aside", || {
        (proxy.metric("apprentice_capture_segments_set_aside", &[]) == 1.0).then_some(())
    });
    assert_eq!(proxy.metric("apprentice_capture_segments", &[]), 1.0);
}
