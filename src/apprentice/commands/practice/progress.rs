//! What a person sees of practice: a line when something changes, a few lines of figures every few seconds. No line
//! of figures is wider than 100 columns.

use std::collections::BTreeMap;
use std::io;

use cycle::{LessonStep, LessonView};
use handover::State;
use ledger::SiteView;
use practice::scene::Scene;
use practice::traffic::Tally;

use crate::output::{Reader, eprint_line, print_while_read};

/// Seconds between figures.
const FIGURES_EVERY_S: f64 = 5.0;
const BAR: usize = 20;

/// What is said before anything happens.
const LEGEND: [&str; 3] = [
    "every few seconds, of each site: its state, its requests, how many the student answered (local), and",
    "what its lesson does or waits for, or how good its served answers are proven to be and must be;",
    ">> its state changes   -- its measure is chosen, its lesson goes on",
];

/// The display.
#[derive(Debug)]
pub(crate) struct ProgressView {
    /// Standard output is for the figures.
    to_stderr: bool,
    reader: Reader,
    seen: BTreeMap<&'static str, Seen>,
    last_s: f64,
}

/// What was last shown of a site.
#[derive(Debug, Default)]
struct Seen {
    state: State,
    step: Option<LessonStep>,
    measure: Option<&'static str>,
    figures: String,
}

impl ProgressView {
    pub(crate) fn new(to_stderr: bool) -> Self {
        Self { to_stderr, reader: Reader::Reads, seen: BTreeMap::new(), last_s: 0.0 }
    }

    /// Shows a line.
    pub(crate) fn line(&mut self, line: &str) -> io::Result<()> {
        if self.to_stderr {
            eprint_line(line);
        } else {
            self.reader = print_while_read(line)?;
        }
        Ok(())
    }

    /// Nobody looks any more.
    pub(crate) fn is_unread(&self) -> bool {
        self.reader == Reader::Gone
    }

    pub(crate) fn legend(&mut self) -> io::Result<()> {
        LEGEND.iter().try_for_each(|line| self.line(line))
    }

    /// Takes a site's figures and says what has changed.
    pub(crate) fn site(
        &mut self,
        now_s: f64,
        scene: Scene,
        view: &SiteView,
        tally: &Tally,
        lesson: Option<&LessonView>,
        waiting: Option<&str>,
    ) -> io::Result<()> {
        let now = Seen {
            state: view.state,
            step: lesson.map(|lesson| lesson.step),
            measure: view.measure.as_ref().map(|choice| choice.measure.label()),
            figures: figures(scene, view, tally, lesson, waiting),
        };
        let mut news = Vec::new();
        let site = scene.name();
        let before = self.seen.entry(site).or_default();
        if let (None, Some(measure)) = (before.measure, now.measure) {
            news.push(format!("{now_s:6.0} s  -- {site}: answers are compared by the measure `{measure}`"));
        }
        if before.state != now.state {
            news.push(changed(now_s, site, before.state, view));
        }
        if let (Some(lesson), true) = (lesson, before.step != now.step) {
            news.push(lesson_changed(now_s, site, lesson));
        }
        *before = now;
        news.iter().try_for_each(|line| self.line(line))
    }

    /// Shows the figures when it is time.
    pub(crate) fn refresh(&mut self, now_s: f64) -> io::Result<()> {
        if now_s - self.last_s < FIGURES_EVERY_S {
            return Ok(());
        }
        self.last_s = now_s;
        self.line("")?;
        self.line(&heading(now_s))?;
        let figures: Vec<String> = self.seen.values().map(|seen| seen.figures.clone()).collect();
        figures.iter().try_for_each(|line| self.line(line))
    }
}

fn changed(now_s: f64, site: &str, before: State, view: &SiteView) -> String {
    let cause = view.last_switch.as_ref().map_or("", |switch| switch.cause.label());
    let mut text = format!("{now_s:6.0} s  >> {site}: {} -> {} ({cause}", before.label(), view.state.label());
    if let Some(switch) = &view.last_switch
        && let (Some(bound), true) = (switch.lower_bound, switch.audits > 0)
    {
        text.push_str(&format!("; {} audits, lower bound {bound:.3}", switch.audits));
        // What it needed went with the version that left.
        if view.version == switch.version {
            text.push_str(&format!(", needed {:.3}", view.quality_min));
        }
    }
    text.push(')');
    text
}

fn lesson_changed(now_s: f64, site: &str, lesson: &LessonView) -> String {
    let mut text = format!("{now_s:6.0} s  -- {site}: lesson {} {}", lesson.number, lesson.step.label());
    if let (Some(loss), Some(exact)) = (lesson.held_out_loss, lesson.held_out_exact) {
        text.push_str(&format!(", held-out loss {loss:.4}, exact {exact:.3}"));
    }
    if let Some(exam) = lesson.exam {
        text.push_str(&format!(", exam {exam:.3}"));
    }
    if let Some(problem) = &lesson.problem {
        text.push_str(&format!(": {problem}"));
    }
    text
}

fn figures(scene: Scene, view: &SiteView, tally: &Tally, lesson: Option<&LessonView>, waiting: Option<&str>) -> String {
    let proven = view.lower_bound.map(|bound| standing(bound, view.quality_min, view.audits));
    row(scene.name(), view.state, tally, &doing(lesson, proven, waiting))
}

/// What there is to say of a site: its training, else what is proven, else what its lesson does, else what it waits for.
fn doing(lesson: Option<&LessonView>, proven: Option<String>, waiting: Option<&str>) -> String {
    let going_on = lesson.filter(|lesson| !matches!(lesson.step, LessonStep::Published | LessonStep::Failed));
    match (going_on, proven) {
        (Some(lesson), _) if lesson.step == LessonStep::Training => training(lesson),
        (_, Some(proven)) => proven,
        (Some(lesson), None) => format!("lesson {}: {}", lesson.number, lesson.step.label()),
        (None, None) => waiting.unwrap_or("-").to_owned(),
    }
}

/// Above the figures: when they were taken.
fn heading(now_s: f64) -> String {
    format!("  {:<15} state    requests  local", format!("{now_s:.0} s"))
}

fn row(site: &str, state: State, tally: &Tally, tail: &str) -> String {
    let failed = if tally.failed > 0 { format!("{} FAILED  ", tally.failed) } else { String::new() };
    format!("  {site:<15} {:<8} {:>8} {:>6}  {failed}{tail}", state.label(), tally.requests, tally.local)
}

fn training(lesson: &LessonView) -> String {
    let loss = lesson.loss.map_or_else(String::new, |loss| format!(", loss {loss:.3}"));
    format!("lesson {}: step {} of {}{loss}", lesson.number, lesson.steps_done, lesson.steps)
}

fn standing(bound: f64, needed: f64, audits: u64) -> String {
    format!("{} {bound:.3}, needs {needed:.3}; {audits} audits", bar(bound, needed))
}

/// A bar from 0 to 1 with the threshold marked.
fn bar(value: f64, threshold: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "clamped to 0..=BAR"
    )]
    let place = |value: f64| (value.clamp(0.0, 1.0) * BAR as f64) as usize;
    let (filled, mark) = (place(value), place(threshold));
    let cell = |at: usize| {
        if at == mark {
            '|'
        } else if at < filled {
            '#'
        } else {
            '.'
        }
    };
    format!("[{}]", (0..BAR).map(cell).collect::<String>())
}

#[cfg(test)]
mod tests;
