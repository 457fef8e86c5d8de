//! `apprentice judge`: answers whose quality is known are put to the configured judge. Keeps nothing; spends what the proxy has
//! left of the day's budget.

use std::path::Path;
use std::process::ExitCode;

use judge::{Agreement, Calibration, Case, Judge, Sentinel, test_retest};
use serde::Deserialize;
use wire::{Prompt, Sampling, Turn};

use crate::output::print_line;
use crate::settings::Settings;
use crate::{Outcome, app};

/// Cases that are put to the judge a second time, and rated by the rubric (science 5.4).
const TWICE: usize = 30;
/// The share of bad answers that the line about risk speaks of.
const RISK_ALPHA: f64 = 0.10;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    prompt: Vec<Turn>,
    reference: String,
    text: String,
    good: bool,
}

/// Asks and prints how often the judge was right.
pub(crate) fn judge(cases: &Path, config: &Path) -> Outcome {
    let settings = Settings::load(config)?;
    let cases = read(cases)?;
    app::runtime()?.block_on(async {
        let judge = app::judges::open(&settings, &app::teacher(&settings)?, &settings.data.dir)?;
        let (before, now_ms) = (judge.spent().amount, app::now_ms());
        let found = Sentinel::new(cases.clone())?.examine(&judge, now_ms).await?;
        let some = cases.get(..TWICE.min(cases.len())).unwrap_or_default();
        let again = test_retest(&judge, some, now_ms).await?;
        let rubric = rated(&judge, some, now_ms).await?;
        told(&found, &again, rubric).iter().try_for_each(|line| print_line(line))?;
        print_line(&format!("it cost {:.4} dollars", judge.spent().amount - before))?;
        Ok(ExitCode::SUCCESS)
    })
}

fn told(found: &Calibration, again: &Agreement, [good, bad]: [f64; 2]) -> Vec<String> {
    let sensitivity = found.sensitivity_lower();
    let relied = if again.suffices() { "" } else { ", which is too seldom to rely on it" };
    vec![
        format!("good answers passed: {} of {}", found.good_passed, found.good),
        format!("bad answers seen:    {} of {} (at least {sensitivity:.3} of all, at 95 %)", found.bad_seen, found.bad),
        format!("right in {:.3} of all; of itself it agrees with {:.3}{relied}", found.accuracy(), again.share()),
        format!("by the rubric good answers are worth {good:.2} and bad ones {bad:.2}"),
        format!(
            "a site that allows risk {RISK_ALPHA} is held to {:.3} of what this judge sees",
            found.alpha_eff(RISK_ALPHA)
        ),
    ]
}

/// Mean quality by the rubric of the good and the bad among `cases`; 0 where there is none.
async fn rated(judge: &Judge, cases: &[Case], now_ms: u64) -> Result<[f64; 2], app::Error> {
    let (mut sums, mut counts) = ([0.0; 2], [0.0; 2]);
    for case in cases {
        let quality = judge.rate(&case.prompt, &case.text, now_ms).await?.quality();
        let at = usize::from(!case.good);
        if let (Some(sum), Some(count)) = (sums.get_mut(at), counts.get_mut(at)) {
            *sum += quality;
            *count += 1.0;
        }
    }
    let [good, bad] = sums;
    let [of_good, of_bad]: [f64; 2] = counts;
    Ok([good / of_good.max(1.0), bad / of_bad.max(1.0)])
}

fn read(path: &Path) -> Result<Vec<Case>, String> {
    let file = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {file}: {error}"))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let case = |(at, line): (usize, &str)| {
        let Line { prompt, reference, text, good } =
            serde_json::from_str(line).map_err(|error| format!("{file}, line {}: {error}", at + 1))?;
        let prompt = Prompt::new(prompt, 1, Sampling::Greedy);
        Ok(Case { prompt, reference, text, good })
    };
    lines.map(case).collect()
}
