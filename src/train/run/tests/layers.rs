//! Runs that adapt only the upper layers.

use super::*;

/// The job that adapts the two upper of four layers.
fn upper(dir: &Path, max_steps: u32) -> TrainJob {
    let mut job = job(dir, JobMethod::Sft, max_steps, 4);
    job.arguments.layers = Some(2);
    job
}

#[test]
fn only_the_upper_layers_are_adapted_and_what_they_learn_is_what_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let job = upper(dir.path(), 60);
    let (mut kept, mut losses) = (None, Vec::new());
    let summary = run(&job, &mut |event| match event {
        Progress::LowerLayers { layers, tokens, .. } => kept = Some((*layers, *tokens)),
        Progress::HeldOut { loss, .. } => losses.push(*loss),
        _ => {}
    })
    .unwrap();
    let (layers, tokens) = kept.unwrap();
    assert!(layers == 2 && tokens > 0, "{layers} layers, {tokens} tokens");
    assert!(losses.last().unwrap() < &(losses[0] * 0.9), "{losses:?}");
    let config = Config::load(&job.base).unwrap();
    let adapter = Adapter::load(&summary.out, &config).unwrap();
    assert!(adapter.pairs.len() == 14 && adapter.pairs.keys().all(|(layer, _)| *layer >= 2));
    let text = std::fs::read_to_string(summary.out.join("adapter_config.json")).unwrap();
    let settings: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(settings["layers_to_transform"], serde_json::json!([2, 3]));
    // Read by those who know nothing of kept states.
    let found = evaluated(&job, 60);
    assert!(
        (found.loss - summary.held_out_loss).abs() < 1e-5 * found.loss,
        "{} and {}",
        found.loss,
        summary.held_out_loss
    );
}

#[test]
fn a_killed_one_goes_on_to_the_same_bytes() {
    let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let all = told(&upper(whole.path(), 10));
    let first = killed_at(&upper(parts.path(), 10), 5);
    let second = told(&upper(parts.path(), 10));
    assert_eq!([first, second.losses].concat(), all.losses);
    let bytes = |dir: &Path| std::fs::read(dir.join("out/adapter_model.safetensors")).unwrap();
    assert!(bytes(whole.path()) == bytes(parts.path()));
}

#[test]
fn preferences_go_on_from_an_adapter_of_the_upper_layers_and_refuse_to_forget_lower_ones() {
    let dir = tempfile::tempdir().unwrap();
    let sft = upper(dir.path(), 4);
    run(&sft, &mut |_| {}).unwrap();
    let rows: Vec<String> = (0..6)
        .map(|n| format!(r#"{{"prompt":[{{"role":"user","content":"How much is it?"}}],"completion":[{{"role":"assistant","content":"{n} coins."}}],"label":{}}}"#, n % 2 == 0))
        .collect();
    std::fs::write(dir.path().join("labels.jsonl"), rows.join("\n")).unwrap();
    let labels = dir.path().join("labels.jsonl");
    let mut kto = TrainJob { method: JobMethod::Kto, train: labels.clone(), held_out: labels, ..upper(dir.path(), 3) };
    (kto.reference, kto.out, kto.checkpoint) =
        (Some(sft.out), dir.path().join("kto"), dir.path().join("checkpoint-kto"));
    let found = told(&kto);
    assert!(found.summary.is_ok() && found.losses.len() == 3, "{:?}", found.summary);
    // A reference is what the run starts from, exactly: every log-ratio is 0, and the loss one half.
    assert!((found.losses[0].1 - 0.5).abs() < 1e-6, "{:?}", found.losses);
    kto.arguments.layers = Some(1);
    let error = told(&kto).summary.unwrap_err().to_string();
    assert!(error.contains("set arguments.layers = 2"), "{error}");
}

#[test]
fn more_layers_than_there_are_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut job = upper(dir.path(), 1);
    job.arguments.layers = Some(5);
    let error = told(&job).summary.unwrap_err().to_string();
    assert!(error.contains("layers = 5") && error.contains("the base has 4"), "{error}");
}
