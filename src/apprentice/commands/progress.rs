//! How far a long command is: a bar on standard error where that is a terminal, once the command has taken a while. Elsewhere it says nothing,
//! and nowhere does it touch what the command prints.

use std::io::IsTerminal;
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A command that is done by then shows no bar.
const PATIENCE: Duration = Duration::from_secs(2);
const DRAWN_EVERY: Duration = Duration::from_millis(200);
const COUNTED: &str = "{prefix:20} [{bar:30}] {pos}/{len} {per_sec} ETA {eta}  {msg}";
/// For what does not say how far it is.
const UNCOUNTED: &str = "{prefix} {spinner} {elapsed}  {msg}";

/// A bar that is gone when this is.
pub(crate) struct Bar(Option<ProgressBar>);

impl Bar {
    /// Begins to measure the time of `what`; of how many steps is said once it is known.
    pub(crate) fn new(what: &str) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()).with_prefix(what.to_owned());
        bar.set_style(style(UNCOUNTED));
        let later = bar.clone();
        thread::spawn(move || {
            thread::sleep(PATIENCE);
            if !later.is_finished() {
                later.set_draw_target(ProgressDrawTarget::stderr());
                later.enable_steady_tick(DRAWN_EVERY);
            }
        });
        Self(Some(bar))
    }

    /// Whether there is a terminal to show it on.
    pub(crate) fn is_shown(&self) -> bool {
        self.0.is_some()
    }

    /// Something else begins.
    pub(crate) fn stage(&self, what: &str) {
        if let Some(bar) = &self.0 {
            bar.reset();
            bar.set_prefix(what.to_owned());
        }
    }

    /// `done` steps of `of`, with a word on how it goes.
    pub(crate) fn at(&self, done: u64, of: u64, message: String) {
        if let Some(bar) = &self.0 {
            if bar.length() != Some(of) {
                bar.set_length(of);
                bar.set_style(style(COUNTED));
            }
            bar.set_position(done);
            bar.set_message(message);
        }
    }

    /// Another word on how it goes.
    pub(crate) fn word(&self, message: String) {
        if let Some(bar) = &self.0 {
            bar.set_message(message);
        }
    }

    /// Prints what must not run into the bar.
    pub(crate) fn beside<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.0 {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ")
}
