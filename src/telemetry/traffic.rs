//! What every call site's requests did in the last hour, for people who look at one: who answered, how long clients waited, how the site was
//! told. Prometheus can compute the same of the counters; a page or a terminal that stands alone asks here.
//!
//! Twelve slots of five minutes a site, about 7 kB; sites are as many as labels are. Time comes in as an argument.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

const SLOT_MS: u64 = 300_000;
const SLOTS: usize = 12;
/// A waiting time lies between two bounds that are this far apart: what is said of it is exact to 12 %.
const STEP: f64 = 1.25;
/// From a millisecond on; the last one holds whatever took longer than three minutes.
const BOUNDS: usize = 56;

/// Who answered a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    Teacher,
    /// The teacher, after a student was asked.
    Escalated,
    Student,
}

/// One site's last hour.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LastHour {
    pub teacher: u64,
    pub escalated: u64,
    pub student: u64,
    /// How long clients waited for the teacher, escalations included, and for the student; `None` without a request.
    pub teacher_wait: Option<Wait>,
    pub student_wait: Option<Wait>,
    /// How its requests were told to be its own, with their numbers; the most frequent first.
    pub recognised_by: Vec<(&'static str, u64)>,
    /// The model that was asked for last.
    pub model: String,
}

/// Half of the requests waited no longer than `p50_ms`, 95 of 100 no longer than `p95_ms`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wait {
    pub p50_ms: f64,
    pub p95_ms: f64,
}

impl LastHour {
    /// All requests.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.teacher + self.escalated + self.student
    }
}

/// Every site's.
#[derive(Debug, Default)]
pub struct Traffic(Mutex<BTreeMap<String, Site>>);

#[derive(Debug, Default)]
struct Site {
    slots: Vec<Slot>,
    model: String,
}

#[derive(Clone, Debug)]
struct Slot {
    /// Unix time over [`SLOT_MS`].
    number: u64,
    answered: [u32; 3],
    /// By who answered, the student last.
    waits: [[u32; BOUNDS]; 2],
    by: Vec<(&'static str, u32)>,
}

impl Traffic {
    /// Counts a request of `site` that has been answered in so many seconds; `by` says how the site was told.
    pub fn note(&self, (site, by, model): (&str, &'static str, &str), answered: Answered, seconds: f64, now_ms: u64) {
        let mut sites = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !sites.contains_key(site) {
            sites.insert(site.to_owned(), Site::default());
        }
        let Some(site) = sites.get_mut(site) else { return };
        if site.model != model {
            model.clone_into(&mut site.model);
        }
        site.slot(now_ms / SLOT_MS).count(by, answered, seconds * 1000.0);
    }

    /// The hour before `now_ms`, to five minutes; `None` for a site without a request in it.
    #[must_use]
    pub fn last_hour(&self, site: &str, now_ms: u64) -> Option<LastHour> {
        let sites = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let site = sites.get(site)?;
        let since = (now_ms / SLOT_MS + 1).saturating_sub(SLOTS as u64);
        let mut hour = LastHour { model: site.model.clone(), ..LastHour::default() };
        let (mut waits, mut by) = ([[0; BOUNDS]; 2], BTreeMap::<&'static str, u64>::new());
        for slot in site.slots.iter().filter(|slot| slot.number >= since) {
            let [teacher, escalated, student] = slot.answered.map(u64::from);
            hour.teacher += teacher;
            hour.escalated += escalated;
            hour.student += student;
            for (sum, counts) in waits.iter_mut().zip(&slot.waits) {
                sum.iter_mut().zip(counts).for_each(|(sum, count)| *sum += u64::from(*count));
            }
            slot.by.iter().for_each(|(name, count)| *by.entry(name).or_default() += u64::from(*count));
        }
        let [teacher, student] = waits;
        (hour.teacher_wait, hour.student_wait) = (wait(&teacher), wait(&student));
        hour.recognised_by = by.into_iter().collect();
        hour.recognised_by.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        (hour.requests() > 0).then_some(hour)
    }
}

impl Traffic {
    /// The models that were asked for last, of every site.
    #[must_use]
    pub fn models(&self) -> BTreeSet<String> {
        let sites = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sites.values().map(|site| site.model.clone()).collect()
    }
}

impl Site {
    /// The slot of that number, which is the newest or a little older; the oldest makes room.
    fn slot(&mut self, number: u64) -> &mut Slot {
        let at = match self.slots.iter().position(|slot| slot.number == number) {
            Some(at) => at,
            None if self.slots.len() < SLOTS => {
                self.slots.push(Slot::new(number));
                self.slots.len() - 1
            }
            None => {
                let oldest = self.slots.iter().enumerate().min_by_key(|(_, slot)| slot.number);
                let at = oldest.map_or(0, |(at, _)| at);
                self.slots[at] = Slot::new(number);
                at
            }
        };
        &mut self.slots[at]
    }
}

impl Slot {
    fn new(number: u64) -> Self {
        Self { number, answered: [0; 3], waits: [[0; BOUNDS]; 2], by: Vec::new() }
    }

    fn count(&mut self, by: &'static str, answered: Answered, ms: f64) {
        self.answered[answered as usize] += 1;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number, which is clamped")]
        let place = (ms.max(1.0).log(STEP).ceil() as usize).min(BOUNDS - 1);
        self.waits[usize::from(answered == Answered::Student)][place] += 1;
        match self.by.iter_mut().find(|(name, _)| *name == by) {
            Some((_, count)) => *count += 1,
            None => self.by.push((by, 1)),
        }
    }
}

fn wait(counts: &[u64; BOUNDS]) -> Option<Wait> {
    let all: u64 = counts.iter().sum();
    let at = |share: u64| {
        let (mut seen, wanted) = (0, (all * share).div_ceil(100));
        let place = counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        #[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "one of a few bounds")]
        let bound = STEP.powi(place.unwrap_or(BOUNDS - 1) as i32);
        // The middle of its range, by ratio.
        bound / STEP.sqrt()
    };
    (all > 0).then(|| Wait { p50_ms: at(50), p95_ms: at(95) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE_MS: u64 = 60_000;
    /// A day of its own, at the beginning of a slot.
    const NOW_MS: u64 = 1_800_000_000_000 / SLOT_MS * SLOT_MS;

    #[test]
    fn an_hour_is_counted_by_who_answered_and_forgotten_after_it() {
        let traffic = Traffic::default();
        let note = |by, answered, seconds, at_ms| traffic.note(("shop", by, "gpt"), answered, seconds, at_ms);
        assert_eq!(traffic.last_hour("shop", NOW_MS), None);
        note("path", Answered::Teacher, 9.0, NOW_MS);
        for at in 0..100 {
            note("header", Answered::Student, 0.010 + f64::from(at) * 0.001, NOW_MS + 30 * MINUTE_MS);
        }
        note("header", Answered::Escalated, 2.0, NOW_MS + 50 * MINUTE_MS);
        let hour = traffic.last_hour("shop", NOW_MS + 55 * MINUTE_MS).unwrap();
        assert_eq!([hour.teacher, hour.escalated, hour.student, hour.requests()], [1, 1, 100, 102]);
        assert_eq!(hour.recognised_by, [("header", 101), ("path", 1)]);
        assert_eq!(hour.model, "gpt");
        let near = |found: f64, wanted: f64| assert!((found / wanted - 1.0).abs() < 0.13, "{found} is not {wanted}");
        let (student, teacher) = (hour.student_wait.unwrap(), hour.teacher_wait.unwrap());
        near(student.p50_ms, 59.0);
        near(student.p95_ms, 104.0);
        near(teacher.p50_ms, 2000.0);
        near(teacher.p95_ms, 9000.0);

        let later = traffic.last_hour("shop", NOW_MS + 65 * MINUTE_MS).unwrap();
        assert_eq!([later.teacher, later.escalated, later.student], [0, 1, 100], "the first one is an hour old");
        assert_eq!(traffic.last_hour("shop", NOW_MS + 200 * MINUTE_MS), None);
        assert_eq!(traffic.last_hour("tavern", NOW_MS), None);
    }

    #[test]
    fn memory_stays_as_it_is_however_long_a_site_is_asked() {
        let traffic = Traffic::default();
        for slot in 0..1_000 {
            traffic.note(("shop", "path", "m"), Answered::Teacher, 1e9, NOW_MS + slot * SLOT_MS);
            // A request that began in an earlier slot ends now.
            traffic.note(("shop", "path", "m"), Answered::Teacher, 0.0, NOW_MS + slot.saturating_sub(3) * SLOT_MS);
        }
        assert_eq!(traffic.0.lock().unwrap()["shop"].slots.len(), SLOTS);
        let hour = traffic.last_hour("shop", NOW_MS + 999 * SLOT_MS).unwrap();
        assert_eq!(hour.teacher, 12 + 9, "twelve slots, and what came late into nine of them");
        let wait = hour.teacher_wait.unwrap();
        assert!(wait.p50_ms > 150_000.0 && wait.p95_ms < 1e9, "{wait:?}");
    }
}
