//! How far a maker is: a bar on a terminal, a line now and then elsewhere. Standard error only.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use generate::run::{Meter, Price, Reading};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::output::eprint_line;

const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Between two lines where nobody watches a bar.
const LINE_EVERY: Duration = Duration::from_secs(10);
const BAR: &str = "{prefix:20} [{bar:30}] {pos}/{len} {per_sec} ETA {eta}  {msg}";

/// Shows until it is ended.
pub(super) struct Shown {
    bar: Option<ProgressBar>,
    task: JoinHandle<()>,
}

/// Begins to show what `meter` counts.
pub(super) fn show(meter: Arc<Meter>, price: Price) -> Shown {
    let bar = std::io::stderr().is_terminal().then(|| {
        let style = ProgressStyle::with_template(BAR).unwrap_or_else(|_| ProgressStyle::default_bar());
        ProgressBar::new(0).with_style(style.progress_chars("=> "))
    });
    let task = tokio::spawn(watch(meter, price, bar.clone()));
    Shown { bar, task }
}

impl Shown {
    pub(super) fn end(self) {
        self.task.abort();
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

async fn watch(meter: Arc<Meter>, price: Price, bar: Option<ProgressBar>) {
    let (mut stage, mut told) = (String::new(), Instant::now());
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let reading = meter.read();
        match &bar {
            Some(bar) => {
                if stage != reading.stage {
                    stage.clone_from(&reading.stage);
                    bar.reset();
                    bar.set_prefix(stage.clone());
                }
                bar.set_length(reading.planned);
                bar.set_position(reading.done);
                bar.set_message(message(&reading, price));
            }
            None if told.elapsed() >= LINE_EVERY => {
                told = Instant::now();
                let Reading { stage, done, planned, .. } = &reading;
                eprint_line(&format!("{stage} {done}/{planned}  {}", message(&reading, price)));
            }
            None => {}
        }
    }
}

fn message(reading: &Reading, price: Price) -> String {
    let Reading { kept, dropped, failed, replayed, spent_usd, .. } = reading;
    let mut message = format!("kept {kept} dropped {dropped}");
    if price != Price::default() {
        message.push_str(&format!(" ${spent_usd:.4}"));
    }
    if *replayed > 0 {
        message.push_str(&format!(" replayed {replayed}"));
    }
    if *failed > 0 {
        message.push_str(&format!(" no answer {failed}"));
    }
    message
}
