//! Gathers what lies on this machine: library, base, memory, disks, certificates, modes. What it means is [`super::machine`]'s to say. Changes nothing.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use jobs::Backend;
use rustix::fs::{Access, access, statvfs};
use student::Runtime;

use super::machine::{self, Disk};
use crate::app;
use crate::app::secrets;
use crate::commands::findings;
use crate::finding::{Finding, State};
use crate::settings::Settings;

/// The library, loaded.
pub(super) fn of_library(settings: &Settings) -> Vec<Finding> {
    let found = findings::of_library(settings);
    let loaded = |found: Finding| if found.state == State::Ok { library(Path::new(&found.said)) } else { found };
    found.map(loaded).into_iter().collect()
}

/// The base's weights, and memory beside them.
pub(super) fn of_weights(settings: &Settings) -> Vec<Finding> {
    let student = &settings.student;
    let needed = student.enabled && (student.backend == Backend::Local || settings.learns());
    let weighed = |bytes| match bytes {
        0 => Finding::fail(
            "weights",
            format!("{} holds no .safetensors file", student.base.display()),
            "put the base's weights there, or set student.enabled = false",
        ),
        bytes => machine::memory(bytes, train::available_bytes()),
    };
    needed.then(|| weighed(weights_bytes(&student.base))).into_iter().collect()
}

/// Loading it says whether it is ONNX Runtime, for this processor, and not too old.
fn library(path: &Path) -> Finding {
    let wanted = student::library::WANTED;
    let loaded = Runtime::load(path).map(|_| format!("{} loads ({wanted} is wanted)", path.display()));
    Finding::of(
        "ONNX Runtime",
        loaded.map_err(|error| error.to_string()),
        "`make setup` fetches the version that is wanted",
    )
}

fn weights_bytes(base: &Path) -> u64 {
    let entries = std::fs::read_dir(base).into_iter().flatten().flatten();
    let weights = entries.filter(|entry| entry.path().extension().is_some_and(|extension| extension == "safetensors"));
    // A link is as large as what it leads to.
    weights.filter_map(|entry| std::fs::metadata(entry.path()).ok()).map(|file| file.len()).sum()
}

/// Disks, certificates, modes, the second program.
pub(super) fn of_machine(settings: &Settings) -> Vec<Finding> {
    let mut found = Vec::new();
    let guard_mb = if settings.capture.enabled { settings.capture.free_mb_min } else { 0 };
    for (name, folder, guard_mb) in
        [("data.dir", &settings.data.dir, guard_mb), ("data.registry", &settings.data.registry, 0)]
    {
        found.push(match disk(name, folder, guard_mb) {
            Ok(facts) => machine::disk(&facts),
            Err(error) => Finding::fail(name, format!("{}: {error}", folder.display()), format!("change {name}")),
        });
    }
    let (proxy, admin) = (&settings.proxy, &settings.admin);
    let pairs = [
        ("proxy.tls_cert_file", proxy.tls_cert_file.as_deref().zip(proxy.tls_key_file.as_deref())),
        ("admin.tls_cert_file", admin.tls_cert_file.as_deref().zip(admin.tls_key_file.as_deref())),
    ];
    found.extend(pairs.into_iter().filter_map(|(name, pair)| Some(certificate(name, pair?))));
    found.push(machine::permissions(&private(settings)));
    found.push(match sandbox::beside_current_exe() {
        Ok(_) => Finding::ok("apprentice-verify", "beside this program"),
        Err(error) => {
            Finding::warn("apprentice-verify", error.to_string(), "only `apprentice generate autoif` needs it")
        }
    });
    found
}

/// The disk that a folder lies on, or will.
fn disk(name: &'static str, folder: &Path, guard_mb: u64) -> std::io::Result<Disk> {
    let whole = std::path::absolute(folder)?;
    // What cannot be looked at is there, and its own disk will say why.
    let there = whole.ancestors().find(|folder| folder.try_exists().unwrap_or(true)).unwrap_or_else(|| Path::new("/"));
    let room = statvfs(there)?;
    let writable = there.is_dir() && access(there, Access::WRITE_OK | Access::EXEC_OK).is_ok();
    let free_bytes = room.f_bavail.saturating_mul(room.f_frsize);
    Ok(Disk { name, folder: folder.to_owned(), writable, free_bytes, guard_mb })
}

fn certificate(name: &'static str, (certificate, key): (&Path, &Path)) -> Finding {
    let ends = net::Tls::open(certificate, key).and_then(|_| net::certificates_end(certificate));
    match ends {
        Ok(ends) => machine::certificate(name, ends, app::now_ms() / 1_000),
        Err(error) => Finding::fail(name, error.to_string(), "correct both files"),
    }
}

/// What is private, as far as it is there, and its modes.
fn private(settings: &Settings) -> Vec<(PathBuf, u32)> {
    let (proxy, admin, data) = (&settings.proxy, &settings.admin, &settings.data.dir);
    let keys = [&proxy.tls_key_file, &admin.tls_key_file].into_iter().flatten().cloned();
    let all = [data.clone(), data.join(secrets::TOKEN_FILE)].into_iter().chain(keys);
    all.filter_map(|path| Some((path.clone(), std::fs::metadata(&path).ok()?.permissions().mode()))).collect()
}
