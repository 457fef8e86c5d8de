//! What is chosen where the job leaves it open, and that what it says is obeyed.

use jobs::TrainingArguments;

use super::*;
use crate::memory::tests::config;

const RANK_16: Method = Method::LowRank { rank: 16, scale: 2.0, first: 0 };

fn split(
    arguments: &TrainingArguments,
    longest: usize,
    limit_mb: Option<u64>,
    began_with: Option<u32>,
) -> Result<Split, TrainError> {
    let batch = arguments.batch_size as usize;
    let largest = Largest { longest, item: 1, batch };
    Need { config: &config(), arguments, method: RANK_16, largest, limit_mb }.split(began_with)
}

fn chosen(limit_mb: u64) -> (u32, bool) {
    let split = split(&TrainingArguments::default(), 1024, Some(limit_mb), None).unwrap();
    assert!(split.memory_mb <= limit_mb && split.limit_mb == Some(limit_mb), "{split:?}");
    (split.budget, split.recompute)
}

#[test]
fn a_default_lesson_of_a_thousand_tokens_an_example_at_the_1b_shape_fits_in_8_gb() {
    let split = split(&TrainingArguments::default(), 1024, Some(8_000), None).unwrap();
    println!("{split:?}");
    assert_eq!((split.budget, split.recompute, split.at_once), (4096, true, 4096));
    assert!(split.memory_mb <= 8_000);
}

#[test]
fn a_device_is_asked_for_4096_tokens_with_layers_computed_twice_and_refuses_nothing_unless_told() {
    let mut arguments = TrainingArguments { device: Device::Cuda, batch_size: 64, ..TrainingArguments::default() };
    assert_eq!(crate::memory::limit_mb(&arguments), None, "this machine's memory is not the device's");
    let open = split(&arguments, 1024, None, None).unwrap();
    assert_eq!((open.budget, open.recompute, open.at_once), (4096, true, 4096));
    arguments.micro_batch_tokens = Some(16_384);
    let more = split(&arguments, 1024, None, None).unwrap();
    assert_eq!((more.budget, more.at_once), (16_384, 16_384));
    // Attention is dense: four times the tokens, sixteen times the scores.
    assert!(more.memory_mb > 6 * open.memory_mb, "{} MB, {} MB", open.memory_mb, more.memory_mb);
    arguments.micro_batch_tokens = None;
    assert_eq!(split(&arguments, 1024, None, Some(2048)).unwrap().budget, 2048, "as it began");
    assert!(split(&arguments, 1024, Some(open.memory_mb), None).is_ok());
    let message = split(&arguments, 1024, Some(open.memory_mb - 1), None).unwrap_err().to_string();
    assert!(
        message.contains(&format!("about {} MB", open.memory_mb)) && message.contains("memory_max_mb"),
        "{message}"
    );
}

#[test]
fn half_of_the_memory_is_taken_before_layers_are_computed_twice_and_all_of_it_before_there_are_fewer_tokens() {
    let arguments = TrainingArguments::default();
    let of = |limit_mb| split(&arguments, 1024, limit_mb, None);
    let plain = of(None).unwrap();
    assert_eq!((plain.budget, plain.recompute, plain.limit_mb), (4096, false, None), "no limit is known");
    let enough = plain.memory_mb * 2;
    assert_eq!([chosen(enough), chosen(enough - 2)], [(4096, false), (4096, true)]);
    let twice = of(Some(enough - 2)).unwrap().memory_mb;
    assert_eq!([chosen(twice), chosen(twice - 1)], [(4096, true), (2048, true)]);
    // One example at a time, and then no more.
    let least = of(Some(twice - 1)).unwrap();
    let least = (0..).map(|by| least.memory_mb - by).take_while(|mb| of(Some(*mb)).is_ok()).last().unwrap();
    assert_eq!(of(Some(least)).unwrap().at_once, 1024);
    let message = of(Some(least - 1)).unwrap_err().to_string();
    for part in [&format!("about {least} MB"), "(1024 tokens at once)", "lower max_tokens", "raise memory_max_mb"] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn what_the_job_says_is_obeyed_or_refused() {
    let limit_mb = Some(24_000);
    let of = |micro_batch_tokens, recompute, limit_mb| {
        let arguments = TrainingArguments { micro_batch_tokens, recompute, ..TrainingArguments::default() };
        split(&arguments, 1024, limit_mb, None).map(|split| (split.budget, split.recompute))
    };
    assert_eq!(of(Some(1024), Some(true), limit_mb).unwrap(), (1024, true));
    assert_eq!(of(Some(2048), Some(false), limit_mb).unwrap(), (2048, false), "more than half, as told");
    assert_eq!(of(None, Some(false), limit_mb).unwrap(), (4096, false));
    assert_eq!(of(None, Some(false), Some(10_000)).unwrap(), (1024, false), "fewer tokens, but nothing twice");
    assert_eq!(of(Some(0), None, limit_mb).unwrap(), (0, true), "the whole batch");
    let message = of(Some(0), Some(false), limit_mb).unwrap_err().to_string();
    assert!(message.contains("16384 tokens") && message.contains("recompute = true"), "{message}");
    assert!(of(Some(4096), None, Some(4_000)).is_err(), "tokens that were asked for are not made fewer");
}

#[test]
fn a_run_goes_on_with_the_tokens_it_began_with_as_long_as_they_fit() {
    let arguments = TrainingArguments::default();
    assert_eq!(split(&arguments, 1024, Some(64_000), Some(1024)).unwrap().budget, 1024);
    assert!(split(&arguments, 1024, Some(4_000), Some(4096)).is_err());
    // The job's word comes first.
    let told = TrainingArguments { micro_batch_tokens: Some(512), ..arguments };
    assert_eq!(split(&told, 1024, Some(64_000), Some(1024)).unwrap().budget, 512);
}
