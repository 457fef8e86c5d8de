//! What facts of the machine lead to.

use super::*;
use crate::finding::State;

const NOW: u64 = 1_800_000_000;

fn disk_of(free_mb: u64, writable: bool) -> Finding {
    disk(&Disk { name: "data.dir", folder: "data".into(), writable, free_bytes: free_mb << 20, guard_mb: 512 })
}

#[test]
fn a_disk_below_its_guard_fails_one_near_it_warns() {
    let state = |free_mb| disk_of(free_mb, true).state;
    assert_eq!(
        [state(511), state(512), state(2_559), state(2_560)],
        [State::Fail, State::Warn, State::Warn, State::Ok]
    );
    assert!(disk_of(511, true).said.contains("capture.free_mb_min = 512"));
    let closed = disk_of(10_000, false);
    assert_eq!((closed.state, closed.said.as_str()), (State::Fail, "data cannot be written"));
}

#[test]
fn memory_is_held_against_what_serving_and_a_lesson_take_of_the_base() {
    let state = |available: Option<u64>| memory(2_000 << 20, available.map(|mb| mb << 20)).state;
    assert_eq!(
        [state(Some(999)), state(Some(1_000)), state(Some(5_999)), state(Some(6_000)), state(None)],
        [State::Fail, State::Warn, State::Warn, State::Ok, State::Warn]
    );
}

#[test]
fn a_port_is_free_ours_or_in_the_way() {
    let at = |text: &str| text.parse::<SocketAddr>().unwrap_or_else(|error| panic!("{error}"));
    let of = |what: Port| port("proxy.listen", at("127.0.0.1:8080"), &what);
    assert_eq!(of(Port::Free).state, State::Ok);
    let ours = of(Port::Taken { apprentice: true });
    assert!(ours.state == State::Ok && ours.said.contains("an apprentice"), "{ours:?}");
    let taken = of(Port::Taken { apprentice: false });
    assert!(
        taken.state == State::Fail && taken.said.contains("8080") && taken.todo.contains("proxy.listen"),
        "{taken:?}"
    );
    assert_eq!(of(Port::Refused("no such address".into())).state, State::Fail);
    assert!(port("proxy.listen", at("127.0.0.1:0"), &Port::Free).said.contains("chooses"));
}

#[test]
fn a_certificate_is_renewed_before_its_end() {
    let state = |ends_s| certificate("proxy.tls_cert_file", ends_s, NOW).state;
    assert_eq!(
        [state(NOW), state(NOW + 1), state(NOW + 21 * DAY_S - 1), state(NOW + 21 * DAY_S)],
        [State::Fail, State::Warn, State::Warn, State::Ok]
    );
    assert!(certificate("proxy.tls_cert_file", NOW - 3 * DAY_S, NOW).said.contains("3 days ago"));
}

#[test]
fn what_others_may_read_is_named_with_what_closes_it() {
    let private = |mode: u32| permissions(&[("data".into(), 0o700), ("data/admin-token".into(), mode)]);
    assert_eq!(private(0o100_600).state, State::Ok);
    assert_eq!(private(0o100_640).state, State::Ok, "its group is the owner's to choose");
    let open = private(0o100_644);
    assert_eq!((open.state, open.todo.as_str()), (State::Warn, "chmod -R o= data/admin-token"));
    assert!(!open.said.contains("data,"), "{open:?}");
}

#[test]
fn a_clock_is_held_against_the_programs_day_and_the_teachers() {
    let state = |built, teacher| clock(NOW, built, teacher).state;
    assert_eq!(state(Some(NOW - 1), Some(NOW + 300)), State::Ok);
    assert_eq!(state(Some(NOW), Some(NOW - 301)), State::Warn);
    assert_eq!(state(Some(NOW), Some(NOW + 301)), State::Warn);
    assert_eq!(state(Some(NOW + 300), None), State::Ok, "another machine's clock wrote the program");
    assert_eq!(state(Some(NOW + 301), Some(NOW)), State::Fail);
    assert_eq!(state(None, None), State::Ok);
}
