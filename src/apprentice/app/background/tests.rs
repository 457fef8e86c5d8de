use std::sync::mpsc;

use super::*;

#[test]
fn its_work_never_changes_threads() {
    let runtime = crate::app::runtime().unwrap();
    let (said, heard) = mpsc::channel();
    runtime.block_on(on_its_own_thread("lessons", async move {
        for _ in 0..20 {
            said.send((thread::current().id(), thread::current().name().map(str::to_owned))).unwrap();
            tokio::time::sleep(Duration::from_millis(1)).await;
            tokio::task::spawn_blocking(|| {}).await.unwrap();
        }
    }));
    let threads: Vec<_> = heard.into_iter().collect();
    assert_eq!(threads.len(), 20);
    assert_eq!(threads[0].1.as_deref(), Some("lessons"));
    assert!(threads.iter().all(|thread| *thread == threads[0]), "{threads:?}");
}

#[test]
fn work_that_panics_ends_too() {
    let runtime = crate::app::runtime().unwrap();
    runtime.block_on(on_its_own_thread("lessons", async { panic!("as the test wants it") }));
}
