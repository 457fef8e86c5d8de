//! Versions that come and go while others are being served: every answer is its own version's.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;

use export::export_base;
use gemma::{Adapter, GraphFormat};
use wire::{Prompt, Role, Sampling, Turn};

use super::fixture::{config, golden, own_kernel, runtime, wait};
use crate::{Student, StudentConfig};

const SWAPS: usize = 1000;
const VERSIONS: usize = 25;
const STREAMS: usize = 3;

/// Adapters that differ: the golden one, stronger and weaker.
fn versions(dir: &Path) -> Vec<PathBuf> {
    let version = |number: usize| {
        let mut adapter = Adapter::load(&golden().join("adapter"), &config()).unwrap();
        let factor = number as f32 / 4.0 - 3.0;
        adapter.pairs.values_mut().for_each(|pair| pair.b.iter_mut().for_each(|value| *value *= factor));
        let dir = dir.join(number.to_string());
        adapter.save(&dir).unwrap();
        dir
    };
    (0..VERSIONS).map(version).collect()
}

fn prompt(stream: usize) -> Prompt {
    let text = ["How much is the lantern?", "Who are you?", "Good day."][stream % 3];
    Prompt::new(vec![Turn { role: Role::User, text: text.to_owned() }], 6, Sampling::Greedy)
}

/// One call site changes its version a thousand times, some of which have been there before, while three others are served all the time.
#[test]
fn a_thousand_swaps_under_load_lose_no_answer_and_mix_up_none() {
    let dir = tempfile::tempdir().unwrap();
    export_base(&golden(), &dir.path().join("graph"), GraphFormat::I8Packed).unwrap();
    let settings = StudentConfig {
        graph: dir.path().join("graph/model.onnx"),
        base: golden(),
        rows: 4,
        queue: 32,
        threads: 1,
        context: 128,
        prefix_bytes: 1 << 20,
        draft_tokens: 8,
        shortlist: true,
        kernel: own_kernel(),
    };
    let student = Student::open(&runtime(), settings, Box::new(|_| {})).unwrap();
    let versions = versions(dir.path());
    let open = |version: usize| student.model(version.to_string(), Some(&versions[version])).unwrap();
    // What each version says when nobody else is there, of which at least some differ.
    let alone: Vec<Vec<String>> = (0..VERSIONS)
        .map(|version| (0..STREAMS).map(|stream| wait(open(version).answer(prompt(stream))).unwrap().text).collect())
        .collect();
    let mut different = alone.clone();
    different.sort();
    different.dedup();
    assert!(different.len() > VERSIONS / 2, "versions that say the same prove nothing: {}", different.len());

    let (done, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for stream in 0..STREAMS {
            let (model, alone) = (open(stream), &alone[stream][stream]);
            let (done, served) = (&done, &served);
            scope.spawn(move || {
                while !done.load(SeqCst) {
                    assert_eq!(wait(model.answer(prompt(stream))).unwrap().text, *alone, "stream {stream}");
                    served.fetch_add(1, SeqCst);
                }
            });
        }
        // A failed assertion in here must end the streams, too.
        let _end = End(&done);
        for swap in 0..SWAPS {
            // The old one goes when the new one has come, as the program does it.
            let version = (swap * 7) % VERSIONS;
            let model = open(version);
            let answer = wait(model.answer(prompt(swap))).unwrap();
            assert_eq!(answer.text, alone[version][swap % STREAMS], "swap {swap} to version {version}");
        }
    });
    assert!(served.load(SeqCst) > SWAPS / 2, "{} answers beside {SWAPS} swaps", served.load(SeqCst));
}

struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}
