//! What the system tests are written with: a scripted teacher, the real program, a client that shows bytes.
//!
//! - [`teacher`]: a server whose every byte is scripted and which records what it got;
//! - [`script`]: the bytes and pauses that it is told to send;
//! - [`program`]: the built program as a child process with a folder, a configuration and ports of its own;
//! - [`client`]: HTTP/1.1 by hand, so that chunks, cuts and header lines are seen as they are;
//! - [`learnt`]: call sites that have a student already, made without training;
//! - [`kept`]: the exchanges that a stopped program left on disk; [`wait`]: waiting with a deadline.
//!
//! Knows the program only from outside: its command line, files and sockets. Everything here panics when
//! something goes wrong: that is how a test fails.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

pub mod client;
pub mod kept;
pub mod learnt;
pub mod program;
pub mod script;
pub mod teacher;
pub mod tls;
pub mod wait;
