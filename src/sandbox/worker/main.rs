//! `apprentice-verify`: reads functions from its input, applies them, writes what became of it to its output. Started by
//! `sandbox::Pool`, never by a person.
//!
//! Its global allocator counts what the interpreter takes and ends the process above the limit, which is why it is a
//! program of its own.

mod confine;
mod lacks;
mod python;
mod verdict;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::{Arc, Barrier};
use std::thread;

use sandbox::frame::{self, REQUEST_BYTES_MAX};
use sandbox::protocol::{Greeting, Hello, Limits, PROTOCOL, Reply, Request};

#[global_allocator]
static ALLOCATOR: monty_alloc::LimitedAllocator = monty_alloc::LimitedAllocator;

/// Room for the interpreter's own recursion, which it bounds by depth and not by bytes.
const STACK_BYTES: usize = 64 * 1024 * 1024;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _said = writeln!(io::stderr(), "apprentice-verify: {error}; it is started by apprentice, over pipes");
            ExitCode::FAILURE
        }
    }
}

fn run() -> io::Result<()> {
    let Some(greeting) = frame::read::<Greeting>(&mut io::stdin(), REQUEST_BYTES_MAX)? else { return Ok(()) };
    if greeting.protocol != PROTOCOL {
        return Err(io::Error::other(format!("protocol {}, not {PROTOCOL}", greeting.protocol)));
    }
    confine::limit_resources(greeting.limits.memory_bytes)?;
    // A thread that is still being started makes calls that the filter refuses: the watch stands before it is installed.
    let watching = Arc::new(Barrier::new(2));
    let started = Arc::clone(&watching);
    thread::Builder::new().spawn(move || {
        started.wait();
        confine::end_with_the_parent();
    })?;
    watching.wait();
    let serving = thread::Builder::new().stack_size(STACK_BYTES).spawn(move || serve(greeting.limits))?;
    serving.join().unwrap_or_else(|_panic| Err(io::Error::other("the interpreter panicked")))
}

fn serve(limits: Limits) -> io::Result<()> {
    let protections = confine::close_the_host();
    frame::write(&mut io::stdout(), &Hello { protocol: PROTOCOL, protections })?;
    while let Some(request) = python::unlimited(|| frame::read(&mut io::stdin(), REQUEST_BYTES_MAX))? {
        answer(&request, limits)?;
    }
    Ok(())
}

fn answer(request: &Request<'_>, limits: Limits) -> io::Result<()> {
    let reply = |reply: Reply| frame::write(&mut io::stdout(), &reply);
    let program = match python::compile(&request.source, &request.function, limits) {
        Ok(program) => program,
        Err(message) => return reply(Reply::Refused { message }),
    };
    reply(Reply::Compiled)?;
    for input in request.inputs.iter() {
        reply(Reply::Outcome(python::evaluate(&program, &request.function, input, limits)))?;
    }
    Ok(())
}
