//! What a run takes of the machine: processor time, and the energy of the processor's packages where the kernel counts it
//! (powercap, RAPL). The energy is everybody's on the machine, and its counters begin anew every hour or so: whoever wants it
//! looks more often than that.

use std::path::{Path, PathBuf};

const POWERCAP: &str = "/sys/class/powercap";
/// `USER_HZ`, the unit of `/proc/self/stat`, in every Linux ABI.
const TICKS_PER_S: f64 = 100.0;
const MICRO: f64 = 1e-6;

/// Counts from its making on.
pub(crate) struct Meter {
    packages: Vec<Package>,
    processor_s: f64,
}

/// A processor's counter.
struct Package {
    counter: PathBuf,
    /// Where it begins anew, and what it said last, µJ.
    range: u64,
    last: u64,
    used: u64,
}

impl Meter {
    pub(crate) fn start() -> Self {
        Self { packages: packages(Path::new(POWERCAP)), processor_s: processor_s() }
    }

    /// Processor time of this process since the start, seconds.
    pub(crate) fn processor_s(&self) -> f64 {
        processor_s() - self.processor_s
    }

    /// Energy of the packages since the start, joules; `None` where the kernel does not say.
    pub(crate) fn energy_j(&mut self) -> Option<f64> {
        self.packages.iter_mut().for_each(Package::look);
        let used: u64 = self.packages.iter().map(|package| package.used).sum();
        (!self.packages.is_empty()).then_some(used as f64 * MICRO)
    }
}

impl Package {
    fn look(&mut self) {
        if let Some(now) = number(&self.counter) {
            self.used += if now >= self.last { now - self.last } else { self.range.saturating_sub(self.last) + now };
            self.last = now;
        }
    }
}

/// The packages that can be read; parts of them, such as their cores, are counted in them already.
fn packages(folder: &Path) -> Vec<Package> {
    let Ok(entries) = fs_err::read_dir(folder) else { return Vec::new() };
    let zones = entries.flatten().map(|entry| entry.path());
    let is_package =
        |zone: &PathBuf| fs_err::read_to_string(zone.join("name")).is_ok_and(|name| name.starts_with("package-"));
    let package = |zone: PathBuf| {
        let (counter, range) = (zone.join("energy_uj"), number(&zone.join("max_energy_range_uj"))?);
        let last = number(&counter)?;
        Some(Package { counter, range, last, used: 0 })
    };
    zones.filter(is_package).filter_map(package).collect()
}

fn number(path: &Path) -> Option<u64> {
    fs_err::read_to_string(path).ok()?.trim().parse().ok()
}

/// User and system time of this process, all its threads; 0 where it is not known.
fn processor_s() -> f64 {
    let stat = fs_err::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name, which may hold anything, ends with the last bracket; the two times are the twelfth and thirteenth after it.
    let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
    after.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / TICKS_PER_S
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(folder: &Path, zone: &str, name: &str, energy: u64) -> PathBuf {
        let dir = folder.join(zone);
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("name"), format!("{name}\n")).unwrap();
        std::fs::write(dir.join("max_energy_range_uj"), "1000000\n").unwrap();
        std::fs::write(dir.join("energy_uj"), format!("{energy}\n")).unwrap();
        dir.join("energy_uj")
    }

    #[test]
    fn packages_are_summed_over_a_counter_that_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let first = zone(folder.path(), "intel-rapl:0", "package-0", 900_000);
        let second = zone(folder.path(), "intel-rapl:1", "package-1", 0);
        zone(folder.path(), "intel-rapl:0:0", "core", 0);
        let mut meter = Meter { packages: packages(folder.path()), processor_s: 0.0 };
        assert_eq!(meter.energy_j(), Some(0.0));
        std::fs::write(first, "100000").unwrap();
        std::fs::write(&second, "300000").unwrap();
        assert_eq!(meter.energy_j(), Some(0.5));
        std::fs::write(second, "broken").unwrap();
        assert_eq!(meter.energy_j(), Some(0.5), "a counter that cannot be read adds nothing");
    }

    #[test]
    fn a_machine_without_counters_says_nothing() {
        assert_eq!(Meter { packages: packages(Path::new("/nowhere")), processor_s: 0.0 }.energy_j(), None);
    }

    #[test]
    fn processor_time_is_what_was_computed() {
        let meter = Meter::start();
        let mut sum = 0u64;
        while meter.processor_s() < 0.05 {
            sum = std::hint::black_box((0..1_000_000u64).fold(sum, |a, b| a.wrapping_mul(31) ^ b));
        }
        assert!(meter.processor_s() < 3600.0);
    }
}
