//! The system tests: the built program as users run it, between a scripted teacher and clients of every kind.
//!
//! One module for each behaviour that a user relies on; each test's name is a sentence about it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_apprentice");

mod cases {
    mod adapters;
    mod autoif;
    mod bad_input;
    mod browser;
    mod capturing;
    mod cli;
    mod clients;
    mod docs;
    mod doctor;
    mod evidence;
    mod exchange_log;
    mod fidelity;
    mod finding;
    mod first_minutes;
    mod generating;
    mod health;
    mod hostile;
    mod judging;
    mod killed;
    mod learning;
    mod levels;
    mod limits;
    mod managed;
    mod packages;
    mod page;
    mod parity;
    mod practice;
    mod proxying;
    mod refusing;
    mod reloading;
    mod remote;
    mod responses;
    mod secured;
    mod shutting_down;
    mod steering;
    mod streaming;
    mod switching;
    mod tools;
    mod training;
    mod walk;
    mod watching;
}
