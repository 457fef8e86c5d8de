//! How far a maker is: a bar on a terminal, a line now and then elsewhere. Standard error only.

use std::sync::Arc;
use std::time::Duration;

use generate::run::{Meter, Price, Reading};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::commands::progress::Bar;
use crate::output::eprint_line;

const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Between two lines where nobody watches a bar.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Shows until it is ended.
pub(super) struct Shown(JoinHandle<()>);

/// Begins to show what `meter` counts.
pub(super) fn show(meter: Arc<Meter>, price: Price) -> Shown {
    Shown(tokio::spawn(watch(meter, price, Bar::new("begins"))))
}

impl Shown {
    /// The bar goes with the task that draws it.
    pub(super) async fn end(self) {
        self.0.abort();
        self.0.await.unwrap_or_default();
    }
}

async fn watch(meter: Arc<Meter>, price: Price, bar: Bar) {
    let (mut stage, mut told) = (String::new(), Instant::now());
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let reading = meter.read();
        let Reading { done, planned, .. } = &reading;
        if bar.is_shown() {
            if stage != reading.stage {
                stage.clone_from(&reading.stage);
                bar.stage(&stage);
            }
            bar.at(*done, *planned, message(&reading, price));
        } else if told.elapsed() >= LINE_EVERY {
            told = Instant::now();
            eprint_line(&format!("{} {done}/{planned}  {}", reading.stage, message(&reading, price)));
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
