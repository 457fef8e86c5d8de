//! Runs by preferences: they start at the reference, prefer what they should, survive a kill, and stop before harm.

use super::*;

const METHODS: [JobMethod; 2] = [JobMethod::Kto, JobMethod::Dpo];

/// Lines of `method`: a price is desirable, an excuse is not.
fn lines(method: JobMethod, prices: std::ops::Range<u32>, labels: &[bool]) -> String {
    let message = |role: &str, text: &str| format!(r#"[{{"role":"{role}","content":"{text}"}}]"#);
    let line = |price: u32| {
        let item = if price.is_multiple_of(2) { "lantern" } else { "red apple" };
        let prompt = message("user", &format!("How much is the {item}?"));
        let answer = message("assistant", &format!("{price} coins, friend."));
        let excuse = message("assistant", &format!("Wolves at night. {}", "No. ".repeat(price as usize % 5)));
        let label = labels[price as usize % labels.len()];
        match method {
            JobMethod::Dpo => format!(r#"{{"prompt":{prompt},"chosen":{answer},"rejected":{excuse}}}"#),
            _ => {
                let completion = if label { answer } else { excuse };
                format!(r#"{{"prompt":{prompt},"completion":{completion},"label":{label}}}"#)
            }
        }
    };
    prices.map(line).collect::<Vec<_>>().join("\n")
}

pub(super) fn preference_job(dir: &Path, method: JobMethod, max_steps: u32, every: u32) -> TrainJob {
    let mut job = job(dir, method, max_steps, every);
    // 19 items in batches of 6: the last one joins the batch before.
    std::fs::write(&job.train, lines(method, 10..29, &[true, false, false, true])).unwrap();
    std::fs::write(&job.held_out, lines(method, 30..36, &[true, false])).unwrap();
    job.reference = Some(golden().join("adapter"));
    (job.arguments.rank, job.arguments.alpha, job.arguments.learning_rate) = (3, 5.0, 1e-3);
    (job.arguments.warmup_steps, job.arguments.micro_batch_tokens) = (0, Some(150));
    job
}

/// Everything that a run said, times apart.
fn lines_of(job: &TrainJob) -> (Vec<Progress>, Summary) {
    let mut said = Vec::new();
    let summary = run(job, &mut |event| said.push(event.clone())).unwrap();
    (said, summary)
}

fn adapter_bytes(folder: &Path) -> Vec<u8> {
    std::fs::read(folder.join("adapter_model.safetensors")).unwrap()
}

#[test]
fn a_run_begins_where_the_reference_is_to_the_last_bit() {
    for (method, start) in [(JobMethod::Kto, 0.5), (JobMethod::Dpo, 2f64.ln())] {
        let dir = tempfile::tempdir().unwrap();
        let (said, _) = lines_of(&preference_job(dir.path(), method, 4, 0));
        let first = said.iter().find_map(|event| match event {
            Progress::Step { loss, .. } => Some(*loss),
            _ => None,
        });
        assert!((first.unwrap() - start).abs() < 1e-15, "{method:?}: {first:?}");
        let rewards = said.iter().find(|event| matches!(event, Progress::Rewards { .. })).unwrap();
        let zero = Some(0.0);
        let kl = (method == JobMethod::Kto).then_some(0.0);
        let wanted =
            Progress::Rewards { step: 1, rewards_chosen: zero, rewards_rejected: zero, rewards_margins: zero, kl };
        assert_eq!(*rewards, wanted, "{method:?}");
        let Some(Progress::HeldOut { step: 0, loss, .. }) = said.get(1) else { panic!("{:?}", said.get(1)) };
        assert!((loss - start).abs() < 1e-15, "{method:?}: {loss}");
    }
}

#[test]
fn desirable_completions_become_more_probable_and_undesirable_ones_less() {
    for method in METHODS {
        let dir = tempfile::tempdir().unwrap();
        let (said, summary) = lines_of(&preference_job(dir.path(), method, 24, 8));
        let Some(Progress::Rewards { rewards_chosen: Some(chosen), rewards_rejected: Some(rejected), .. }) =
            said.iter().rev().find(|event| matches!(event, Progress::Rewards { .. }))
        else {
            panic!("no rewards");
        };
        assert!(*chosen > 0.1 && *rejected < -0.1, "{method:?}: {chosen} and {rejected}");
        let accuracies: Vec<f64> = said
            .iter()
            .filter_map(|event| match event {
                Progress::HeldOut { rewards_accuracies, .. } => *rewards_accuracies,
                _ => None,
            })
            .collect();
        assert_eq!(accuracies.first(), Some(&0.0), "the reference prefers nothing to itself");
        assert!(*accuracies.last().unwrap() > 0.9, "{method:?}: {accuracies:?}");
        let start = if method == JobMethod::Kto { 0.5 } else { 2f64.ln() };
        assert!(summary.held_out_loss < start - 0.05, "{method:?}: {}", summary.held_out_loss);
    }
}

#[test]
fn a_killed_run_by_preferences_goes_on_as_if_nothing_had_happened() {
    for method in METHODS {
        let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let all = told(&preference_job(whole.path(), method, 10, 4));
        let first = killed_at(&preference_job(parts.path(), method, 10, 4), 5);
        let second = told(&preference_job(parts.path(), method, 10, 4));
        assert_eq!(second.resumed, Some(5));
        assert_eq!([first, second.losses].concat(), all.losses, "{method:?}: the same losses, to the last bit");
        let (one, other) = (all.summary.unwrap(), second.summary.unwrap());
        assert_eq!((one.held_out_loss, one.held_out_exact), (other.held_out_loss, other.held_out_exact));
        assert!(adapter_bytes(&one.out) == adapter_bytes(&other.out), "{method:?}: the same adapter");
    }
}

#[test]
fn another_objective_reference_or_label_begins_afresh() {
    let dir = tempfile::tempdir().unwrap();
    let first = preference_job(dir.path(), JobMethod::Kto, 4, 0);
    let other_reference = |job: &mut TrainJob| {
        let folder = job.out.with_file_name("other");
        let mut adapter = Adapter::load(&golden().join("adapter"), &Config::load(&golden()).unwrap()).unwrap();
        adapter.pairs.values_mut().next().unwrap().b[0] += 0.01;
        adapter.save(&folder).unwrap();
        job.reference = Some(folder);
    };
    let changes: [&dyn Fn(&mut TrainJob); 5] = [
        &|job| job.objective.beta = 0.2,
        &|job| job.objective.desirable_weight = 1.1,
        &|job| job.objective.undesirable_weight = 1.1,
        &other_reference,
        &|job| {
            let text = std::fs::read_to_string(&job.train).unwrap();
            std::fs::write(&job.train, text.replacen("true", "false", 1)).unwrap();
        },
    ];
    for change in changes {
        killed_at(&first, 2);
        let mut other = preference_job(dir.path(), JobMethod::Kto, 4, 0);
        change(&mut other);
        assert!(told(&other).restarted.unwrap().contains("other arguments, another base or other data"));
        std::fs::remove_dir_all(&first.checkpoint).unwrap();
    }
}

#[test]
fn a_run_that_forgets_what_is_desirable_stops_and_leaves_the_reference() {
    let dir = tempfile::tempdir().unwrap();
    let mut job = preference_job(dir.path(), JobMethod::Kto, 50, 2);
    // Only what is undesirable is learnt, far too fast.
    std::fs::write(&job.train, lines(JobMethod::Kto, 10..29, &[false])).unwrap();
    job.arguments.learning_rate = 0.05;
    let (said, summary) = lines_of(&job);
    let stops: Vec<_> = said.iter().filter(|event| matches!(event, Progress::Stopped { .. })).collect();
    let [Progress::Stopped { step, reason }] = stops.as_slice() else { panic!("{stops:?}") };
    assert!(*step < 50 && *step == summary.steps && reason.contains("over the reference's"), "{step}: {reason}");
    let config = Config::load(&golden()).unwrap();
    let load = |folder: &Path| Adapter::load(folder, &config).unwrap().pairs;
    assert!(load(&summary.out) == load(&golden().join("adapter")), "nothing better was found than the start");
    assert_eq!(summary.held_out_loss, 0.5);
    let rewards = said.iter().filter_map(|event| match event {
        Progress::Rewards { rewards_chosen, rewards_rejected, rewards_margins, .. } => {
            Some((rewards_chosen.is_some(), rewards_rejected.is_some(), rewards_margins.is_some()))
        }
        _ => None,
    });
    assert!(rewards.eq(vec![(false, true, false); usize::try_from(*step).unwrap()]), "one side has no rewards");
}

#[test]
fn a_reference_of_another_shape_is_refused_with_what_to_set() {
    let dir = tempfile::tempdir().unwrap();
    let mut job = preference_job(dir.path(), JobMethod::Dpo, 1, 0);
    (job.arguments.rank, job.arguments.alpha) = (4, 5.0);
    let message = run(&job, &mut |_| {}).unwrap_err().to_string();
    assert!(message.contains("set arguments.rank = 3 and arguments.alpha = 5"), "{message}");
    job.reference = Some(dir.path().join("none"));
    let message = run(&job, &mut |_| {}).unwrap_err().to_string();
    assert!(message.contains("none"), "{message}");
}

#[test]
fn micro_batches_give_the_gradient_of_the_whole_batch_by_preferences_too() {
    for method in METHODS {
        let dir = tempfile::tempdir().unwrap();
        let mut job = preference_job(dir.path(), method, 1, 0);
        let gradients = |job: &TrainJob| {
            let mut run = Run::new(job).unwrap();
            run.measure_reference().unwrap();
            run.parameters.iter_mut().for_each(|p| p.values.iter_mut().for_each(|v| *v *= 1.05));
            run.model.bind(run.method, &run.parameters).unwrap();
            let places = run.next_batch();
            let items = run.items(&places);
            let batch: Vec<&Item> = items.iter().collect();
            let z0 = run.passes().z0(&batch).unwrap();
            run.passes().gradients(run.objective.as_ref(), &batch, z0.unwrap_or(0.0), &run.parameters).unwrap()
        };
        job.arguments.micro_batch_tokens = Some(0);
        let (whole, one) = gradients(&job);
        job.arguments.micro_batch_tokens = Some(100);
        let (split, other) = gradients(&job);
        assert!((whole.loss - split.loss).abs() < 1e-5, "{method:?}: {} and {}", whole.loss, split.loss);
        for (one, other) in one.iter().zip(&other) {
            let size: f32 = one.iter().map(|v| v * v).sum::<f32>().sqrt();
            let off: f32 = one.iter().zip(other).map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt();
            assert!(size > 0.0 && off <= size * 1e-4, "{method:?}: {off} of {size}");
        }
    }
}
