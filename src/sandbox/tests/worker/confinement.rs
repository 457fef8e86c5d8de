//! What the kernel says about a worker.

use std::fs;

use sandbox::{Pool, Settings};

use crate::common::{OwnWorker, settings};

fn proc_file(id: u32, name: &str) -> String {
    fs::read_to_string(format!("/proc/{id}/{name}")).unwrap()
}

#[tokio::test]
async fn a_worker_has_no_environment_an_empty_folder_its_own_session_and_no_privileges_to_gain() {
    let own = OwnWorker::new();
    let _pool = Pool::start(Settings { program: own.program(), ..settings() }).await.unwrap();
    let [id] = own.processes()[..] else { panic!("one worker runs") };
    assert_eq!(proc_file(id, "environ"), "");
    let folder = fs::read_link(format!("/proc/{id}/cwd")).unwrap();
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "{}", folder.display());
    let session = proc_file(id, "stat").rsplit(") ").next().unwrap().split(' ').nth(3).unwrap().to_owned();
    assert_eq!(session, id.to_string());
    assert!(proc_file(id, "status").contains("NoNewPrivs:\t1"));
    assert_eq!(fs::read_link(format!("/proc/{id}/fd/2")).unwrap().to_str(), Some("/dev/null"));
}

#[tokio::test]
async fn a_worker_has_no_core_files_few_open_files_and_bounded_memory() {
    let own = OwnWorker::new();
    let pool = Pool::start(Settings { program: own.program(), ..settings() }).await.unwrap();
    let limits = proc_file(own.processes()[0], "limits");
    let limit = |name: &str| {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        line.trim_start_matches(name).split_whitespace().next().unwrap().to_owned()
    };
    assert_eq!(limit("Max core file size"), "0");
    assert_eq!(limit("Max open files"), "8");
    let memory_bytes: usize = limit("Max address space").parse().unwrap();
    assert!(memory_bytes < 1 << 30, "{memory_bytes}");
    drop(pool);
}

#[tokio::test]
async fn the_protections_that_are_reported_are_those_of_the_process() {
    let own = OwnWorker::new();
    let pool = Pool::start(Settings { program: own.program(), ..settings() }).await.unwrap();
    let filtered = proc_file(own.processes()[0], "status").contains("Seccomp:\t2");
    let reported = pool.protections();
    assert_eq!(reported.system_calls_filtered, filtered);
    assert_eq!((reported.files_closed, reported.network_closed), (filtered, filtered));
}
