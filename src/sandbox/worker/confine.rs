//! What the process takes from itself before it reads a function: resources, then every system call that an interpreter of
//! pure functions does not need.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::net::UdpSocket;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, setrlimit, setsid};
use rustix::thread::set_no_new_privs;
use sandbox::protocol::Protections;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

/// Address space beyond the function's memory: the program, the stacks, what glibc reserves for each thread.
const ADDRESS_SPACE_BYTES: usize = 768 * 1024 * 1024;
/// Open files: the three standard ones, and room so that a refusal is the filter's and not this limit's.
const FILES_MAX: u64 = 8;

/// A session of its own, no new privileges, no core files, few open files, bounded address space.
///
/// # Errors
/// Of the system, when it refuses one of these.
pub(crate) fn limit_resources(memory_bytes: usize) -> io::Result<()> {
    // Fails for the leader of a process group, which a spawned process is not; a person's shell makes it one.
    let _own_session = setsid();
    set_no_new_privs(true)?;
    let address_space = u64::try_from(memory_bytes.saturating_add(ADDRESS_SPACE_BYTES)).unwrap_or(u64::MAX);
    for (resource, most) in [(Resource::As, address_space), (Resource::Core, 0), (Resource::Nofile, FILES_MAX)] {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}

/// Ends the process as soon as nobody can write to its input any more, in the midst of a function too. Unlike a signal at
/// the parent's death, this does not depend on which of the parent's threads started the process.
pub(crate) fn end_with_the_parent() {
    let stdin = io::stdin();
    loop {
        let mut watched = [PollFd::new(&stdin, PollFlags::empty())];
        match poll(&mut watched, None) {
            Ok(_) if !watched[0].revents().is_empty() => std::process::abort(),
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

/// Installs the filter, best effort, and tries what it should have closed.
pub(crate) fn close_the_host() -> Protections {
    let filtered = filter().is_some_and(|filter| seccompiler::apply_filter_all_threads(&filter).is_ok());
    let refused = |result: io::Result<()>| result.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied);
    Protections {
        system_calls_filtered: filtered,
        files_closed: refused(File::open("/").map(drop)),
        network_closed: refused(UdpSocket::bind("127.0.0.1:0").map(drop)),
    }
}

/// Allows [`CALLS`]; every other call fails with `EPERM`. Nothing on an architecture that the library does not know.
fn filter() -> Option<BpfProgram> {
    let rules: BTreeMap<i64, Vec<_>> = CALLS.iter().map(|call| (*call, Vec::new())).collect();
    let eperm = u32::try_from(libc::EPERM).ok()?;
    let architecture = std::env::consts::ARCH.try_into().ok()?;
    let filter = SeccompFilter::new(rules, SeccompAction::Errno(eperm), SeccompAction::Allow, architecture).ok()?;
    filter.try_into().ok()
}

/// Reading and writing what is open, memory, time, chance, waiting, and ending.
const CALLS: &[i64] = &[
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_close,
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_madvise,
    libc::SYS_clock_gettime,
    libc::SYS_gettimeofday,
    libc::SYS_getrandom,
    libc::SYS_futex,
    libc::SYS_ppoll,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    libc::SYS_restart_syscall,
    libc::SYS_sched_yield,
    libc::SYS_sigaltstack,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_tgkill,
    libc::SYS_exit,
    libc::SYS_exit_group,
];
