//! What a person sees of practice: a line when something changes, a few lines of figures every few seconds.

use std::collections::BTreeMap;

use callsite::SiteId;
use cycle::{LessonStep, LessonView};
use handover::State;
use ledger::SiteView;
use practice::traffic::Tally;

use crate::{eprint_line, print_line};

/// Seconds between figures.
const FIGURES_EVERY_S: f64 = 5.0;
const BAR: usize = 20;

/// The display.
#[derive(Debug)]
pub(crate) struct ProgressView {
    /// Standard output is for the figures.
    to_stderr: bool,
    states: BTreeMap<SiteId, (State, Option<LessonStep>)>,
    figures: BTreeMap<SiteId, String>,
    last_s: f64,
}

impl ProgressView {
    pub(crate) fn new(to_stderr: bool) -> Self {
        Self { to_stderr, states: BTreeMap::new(), figures: BTreeMap::new(), last_s: 0.0 }
    }

    pub(crate) fn line(&self, line: &str) {
        if self.to_stderr { eprint_line(line) } else { print_line(line) }
    }

    /// Takes a site's figures and says what has changed.
    pub(crate) fn site(
        &mut self,
        now_s: f64,
        view: &SiteView,
        tally: &Tally,
        lesson: Option<LessonView>,
        waiting: Option<String>,
    ) {
        let step = lesson.as_ref().map(|lesson| lesson.step);
        let before = self.states.insert(view.site.clone(), (view.state, step));
        let (state_before, step_before) = before.unwrap_or_default();
        if state_before != view.state {
            self.line(&changed(now_s, state_before, view));
        }
        if step_before != step
            && let Some(lesson) = &lesson
        {
            self.line(&lesson_changed(now_s, &view.site, lesson));
        }
        self.figures.insert(view.site.clone(), figures(view, tally, lesson.as_ref(), waiting.as_deref()));
    }

    /// ProgressViews the figures when it is time.
    pub(crate) fn refresh(&mut self, now_s: f64) {
        if now_s - self.last_s >= FIGURES_EVERY_S {
            self.last_s = now_s;
            self.line(&format!("{now_s:6.0} s"));
            self.figures.values().for_each(|line| self.line(line));
        }
    }
}

fn changed(now_s: f64, before: State, view: &SiteView) -> String {
    let cause = view.last_switch.as_ref().map_or("", |switch| switch.cause.label());
    let mut text = format!("{now_s:6.0} s  >> {}: {} -> {} ({cause}", view.site, before.label(), view.state.label());
    if let Some(switch) = &view.last_switch
        && let (Some(bound), true) = (switch.lower_bound, switch.audits > 0)
    {
        text.push_str(&format!("; {} audits, lower bound {bound:.3}, needed {:.3}", switch.audits, view.quality_min));
    }
    text.push(')');
    text
}

fn lesson_changed(now_s: f64, site: &SiteId, lesson: &LessonView) -> String {
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

fn figures(view: &SiteView, tally: &Tally, lesson: Option<&LessonView>, waiting: Option<&str>) -> String {
    let mut text = format!(
        "          {:<15} {:<8} {:>5} requests, {:>4} local",
        view.site,
        view.state.label(),
        tally.requests,
        tally.local
    );
    if tally.failed > 0 {
        text.push_str(&format!(", {} FAILED", tally.failed));
    }
    match lesson.filter(|lesson| lesson.step == LessonStep::Training) {
        Some(lesson) => {
            let loss = lesson.loss.map_or_else(String::new, |loss| format!(" loss {loss:.3}"));
            text.push_str(&format!("  lesson {} {}/{}{loss}", lesson.number, lesson.steps_done, lesson.steps));
        }
        None if view.state == State::Teacher => text.push_str(&format!("  next lesson {}", waiting.unwrap_or("-"))),
        None => {}
    }
    if let Some(bound) = view.lower_bound {
        text.push_str(&format!(
            "  bound {} {bound:.3}/{:.3} ({} audits)",
            bar(bound, view.quality_min),
            view.quality_min,
            view.audits
        ));
    }
    text
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
