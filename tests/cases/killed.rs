//! The serving program, killed at any moment under load: what it had counted as stored is there, as it was asked and answered.
//!
//! The writer alone is killed in `src/capture/tests/kills.rs`; here everything around it is, too, from the sockets to the start after.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use harness::client;
use harness::kept::exchanges;
use harness::program::World;
use harness::script::{self, Script};
use harness::teacher::{Received, ScriptedTeacher};
use harness::wait::eventually;

use crate::PROGRAM;

/// Of each of the programs that run at the same time, each with a data folder of its own.
const KILLS: u64 = 100;
const PROGRAMS: u64 = 2;
/// Clients of each program.
const CLIENTS: u64 = 3;
/// Letters of an answer: a segment of a mebibyte is full after some lives, so that kills fall into closing and sealing, too.
const LETTERS: u64 = 2_000;
/// A kill falls so long after what was waited for at most: a little more than exchanges wait for company before they are written.
const PAUSE_US_MAX: u64 = 120_000;

/// One question; every one is asked once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Question {
    program: u64,
    life: u64,
    client: u64,
    number: u64,
}

impl Question {
    fn is_streamed(self) -> bool {
        self.number % 3 == 1
    }

    fn body(self) -> String {
        let Self { program, life, client, number } = self;
        let stream = if self.is_streamed() { "\"stream\": true, " } else { "" };
        format!(
            "{{ {stream}\"model\":\"m\", \"messages\":[{{\"role\":\"user\",\"content\":\"{program} {life} {client} {number}\"}}]}}"
        )
    }

    fn read(request: &str) -> Option<Self> {
        let request: serde_json::Value = serde_json::from_str(request).ok()?;
        let content = request["messages"][0]["content"].as_str()?;
        let numbers: Vec<u64> = content.split(' ').map_while(|number| number.parse().ok()).collect();
        let [program, life, client, number] = numbers[..] else { return None };
        Some(Self { program, life, client, number })
    }

    /// Letters that belong to this question alone and that no compression makes small.
    fn answer(self) -> [String; 2] {
        let mut state = self.program ^ self.life << 8 ^ self.client << 24 ^ self.number << 32;
        let mut letters = || -> String {
            (0..LETTERS / 2)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    char::from(b'a' + (state >> 59) as u8 % 26)
                })
                .collect()
        };
        [letters(), letters()]
    }

    fn script(self) -> Script {
        let [first, second] = self.answer();
        if self.is_streamed() { script::streams(&[&first, &second]) } else { script::says(&(first + &second)) }
    }

    /// The body of the answer, without its framing.
    fn response(self) -> String {
        let [first, second] = self.answer();
        if self.is_streamed() {
            script::events(&[&first, &second]).concat()
        } else {
            script::completion(&(first + &second))
        }
    }

    /// Asks; an error is the program's death.
    fn ask(self, address: SocketAddr) -> std::io::Result<()> {
        let target = "/s/shop/v1/chat/completions";
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(&client::request("POST", target, &[("connection", "close")], self.body().as_bytes()))?;
        stream.read_to_end(&mut Vec::new()).map(drop)
    }
}

fn answered(request: &Received) -> Script {
    Question::read(&String::from_utf8_lossy(&request.body)).unwrap().script()
}

#[test]
fn what_is_counted_as_stored_is_there_after_two_hundred_kills_under_load() {
    let teacher = ScriptedTeacher::start(answered);
    thread::scope(|scope| {
        for program in 0..PROGRAMS {
            let teacher = &teacher;
            scope.spawn(move || {
                let mut world = World::new(PROGRAM, &teacher.base_url());
                world.set("capture.segment_mb", 1);
                let counted: Vec<f64> = (0..KILLS).map(|life| killed(&world, program, life)).collect();
                sealed_at_the_next_start(&world);
                all_there(&world, program, &counted);
            });
        }
    });
}

/// One life under load; what the program had counted as stored just before it was killed.
fn killed(world: &World, program: u64, life: u64) -> f64 {
    // A fixed sequence: some are killed while they are still starting and sealing what was left, others after so many commits.
    let draw = (life * PROGRAMS + program).wrapping_mul(7_919);
    let wanted = if life.is_multiple_of(4) { 0.0 } else { (draw % 40 + 1) as f64 };
    let proxy = world.start();
    let counted = || proxy.metric("apprentice_captured_total", &[]);
    let address = proxy.proxy;
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            thread::spawn(move || {
                let mut questions = (0..).map(|number| Question { program, life, client, number });
                questions.find(|question| question.ask(address).is_err());
            })
        })
        .collect();
    eventually("stored exchanges", || (counted() >= wanted).then_some(()));
    thread::sleep(Duration::from_micros(draw.wrapping_mul(104_729) % PAUSE_US_MAX));
    let (last, log) = (counted(), proxy.log());
    proxy.kill();
    clients.into_iter().for_each(|client| client.join().unwrap());
    for said in ["damaged", "set aside", "could not", "cannot", "without its snapshots"] {
        assert!(!log.contains(said), "life {life}: {log}");
    }
    last
}

/// Starts once more, unhurried: what the kills have left is sealed then.
fn sealed_at_the_next_start(world: &World) {
    let proxy = world.start();
    let of_kind = |ending: &str| {
        let names = fs::read_dir(world.data().join("capture")).unwrap().map(|entry| entry.unwrap().path());
        names.filter(|path| path.extension().is_some_and(|end| end == ending)).count()
    };
    eventually("the closed segments to be sealed", || (of_kind("sealed") > 1).then_some(()));
    let exit = proxy.stop();
    assert_eq!(exit.code, Some(0), "{exit:?}");
}

fn all_there(world: &World, program: u64, counted: &[f64]) {
    let verified = world.run(&["capture", "--config", world.config().to_str().unwrap(), "verify"]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
    assert!(verified.stdout.lines().all(|line| line.starts_with("ok ")), "{verified:?}");
    let (mut ids, mut found) = (BTreeSet::new(), BTreeSet::new());
    let mut of_life: BTreeMap<u64, f64> = BTreeMap::new();
    for exchange in exchanges(&world.data(), "shop") {
        let question = Question::read(&exchange.request).unwrap();
        assert_eq!((question.program, &exchange.request), (program, &question.body()));
        assert_eq!(exchange.response, question.response(), "{question:?}");
        assert_eq!((exchange.status, exchange.stream, exchange.complete), (200, question.is_streamed(), true));
        assert!(ids.insert(exchange.id) && found.insert(question), "{question:?} is there twice");
        *of_life.entry(question.life).or_default() += 1.0;
    }
    for (life, counted) in (0..).zip(counted) {
        let found = of_life.get(&life).copied().unwrap_or_default();
        assert!(found >= *counted, "life {life}: {found} found, {counted} counted");
    }
}
