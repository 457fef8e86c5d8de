//! Judges what this machine has: disk, memory, ports, permissions, certificates, clock. Facts in, findings out: no I/O, no clock.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::finding::Finding;

const MB: u64 = 1 << 20;
const DAY_S: u64 = 86_400;
/// Room on a disk over what the guard asks for, below which it will soon be reached.
const ROOM_MB: u64 = 2_048;
/// A lesson takes about so many times the base's file (measured at Gemma 3 1B's shape), serving half of it in 8 bits.
const LESSON_TIMES: u64 = 3;
/// Days before a certificate's end at which it is said.
const CERTIFICATE_DAYS: u64 = 21;
/// Seconds that two clocks may differ: signatures and certificates allow as much.
const CLOCK_S: u64 = 300;
/// What others than the owner and its group may do.
const OTHERS: u32 = 0o007;

/// A folder's disk.
pub(super) struct Disk {
    pub(super) name: &'static str,
    pub(super) folder: PathBuf,
    pub(super) writable: bool,
    pub(super) free_bytes: u64,
    /// `capture.free_mb_min` where it holds.
    pub(super) guard_mb: u64,
}

pub(super) fn disk(disk: &Disk) -> Finding {
    let Disk { name, folder, writable, free_bytes, guard_mb } = disk;
    let (free_mb, folder) = (free_bytes / MB, folder.display());
    let said = format!("{folder}: {free_mb} MB free");
    if !writable {
        return Finding::fail(
            name,
            format!("{folder} cannot be written"),
            format!("give it to whoever runs `serve`, or change {name}"),
        );
    }
    if free_mb < *guard_mb {
        let said = format!("{said}, and below capture.free_mb_min = {guard_mb} nothing is kept");
        return Finding::fail(name, said, "make room, or lower capture.free_mb_min or capture.total_mb");
    }
    if free_mb < guard_mb + ROOM_MB {
        return Finding::warn(name, said, "make room: the exchange log, the graph and versions of students grow");
    }
    Finding::ok(name, said)
}

/// Memory beside the base's weight files.
pub(super) fn memory(weights_bytes: u64, available_bytes: Option<u64>) -> Finding {
    let name = "memory";
    let Some(available) = available_bytes else {
        return Finding::warn(name, "not known here", "watch it while a lesson runs");
    };
    let said = format!("{} MB available, the base's files have {} MB", available / MB, weights_bytes / MB);
    if available < weights_bytes / 2 {
        return Finding::fail(
            name,
            said,
            "too little even to serve in 8 bits: a smaller base, more memory, or student.enabled = false",
        );
    }
    if available < weights_bytes.saturating_mul(LESSON_TIMES) {
        let todo = "lessons may be refused: set lessons.train.recompute = true, quantize or layers; `apprentice train JOB --dry-run` says what they take";
        return Finding::warn(name, said, todo);
    }
    Finding::ok(name, said)
}

/// What is at an address that is to be listened on.
pub(super) enum Port {
    Free,
    /// By a running apprentice, or by who knows whom.
    Taken {
        apprentice: bool,
    },
    Refused(String),
}

pub(super) fn port(name: &'static str, address: SocketAddr, port: &Port) -> Finding {
    match port {
        Port::Free if address.port() == 0 => Finding::ok(name, format!("{address}: the system chooses a port")),
        Port::Free => Finding::ok(name, format!("{address} is free")),
        Port::Taken { apprentice: true } => Finding::ok(name, format!("{address}: an apprentice is running there")),
        Port::Taken { apprentice: false } => Finding::fail(
            name,
            format!("{address} is taken by another program"),
            format!("stop it (`ss -ltnp` shows it), or choose another {name}"),
        ),
        Port::Refused(problem) => {
            Finding::fail(name, format!("{address} cannot be listened on: {problem}"), format!("choose another {name}"))
        }
    }
}

/// A certificate's end; seconds of Unix time.
pub(super) fn certificate(name: &'static str, ends_s: u64, now_s: u64) -> Finding {
    let days = ends_s.saturating_sub(now_s) / DAY_S;
    if ends_s <= now_s {
        let days = (now_s - ends_s) / DAY_S;
        return Finding::fail(
            name,
            format!("ended {days} days ago"),
            "renew it: clients refuse it; the new files are read without a restart",
        );
    }
    let said = format!("good for another {days} days");
    if days < CERTIFICATE_DAYS {
        return Finding::warn(name, said, "renew it: the new files are read without a restart");
    }
    Finding::ok(name, said)
}

/// Files and folders that hold what is private, with their modes.
pub(super) fn permissions(private: &[(PathBuf, u32)]) -> Finding {
    let open: Vec<String> =
        private.iter().filter(|(_, mode)| mode & OTHERS != 0).map(|(path, _)| path.display().to_string()).collect();
    if open.is_empty() {
        return Finding::ok("permissions", "what is private is closed to others");
    }
    Finding::warn(
        "permissions",
        format!("others can get at {}", open.join(", ")),
        format!("chmod -R o= {}", open.join(" ")),
    )
}

/// This machine's clock beside the day on which the program was built and the teacher's clock; seconds of Unix time.
pub(super) fn clock(now_s: u64, built_s: Option<u64>, teacher_s: Option<u64>) -> Finding {
    let (name, todo) =
        ("clock", "set it, or have it set (`timedatectl set-ntp true`): certificates and retention go by it");
    if let Some(built) = built_s.filter(|built| now_s + CLOCK_S < *built) {
        return Finding::fail(
            name,
            format!("it is {} days before this program was built", (built - now_s) / DAY_S),
            todo,
        );
    }
    match teacher_s.map(|teacher| teacher.abs_diff(now_s)) {
        Some(apart) if apart > CLOCK_S => Finding::warn(name, format!("{apart} s apart from the teacher's"), todo),
        Some(apart) => Finding::ok(name, format!("{apart} s apart from the teacher's")),
        None => Finding::ok(name, "later than this program; the teacher's is not known"),
    }
}

#[cfg(test)]
mod tests;
