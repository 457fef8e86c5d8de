use super::*;

fn job(method: Method) -> TrainJob {
    TrainJob {
        method,
        base: "/base".into(),
        train: "/train".into(),
        held_out: "/held_out".into(),
        out: "/sweep".into(),
        checkpoint: "/checkpoint".into(),
        reference: None,
        arguments: jobs::TrainingArguments::default(),
        objective: jobs::ObjectiveArguments::default(),
        pretraining: jobs::Pretraining::default(),
    }
}

#[test]
fn every_value_meets_every_other_once_and_the_scale_stays() {
    let all = combinations(&job(Method::Sft), &[1e-4, 2e-4, 1e-4], &[8, 32]).unwrap();
    let values: Vec<(u32, f64)> = all.iter().map(|one| (one.rank, one.learning_rate)).collect();
    assert_eq!(values, [(8, 1e-4), (8, 2e-4), (32, 1e-4), (32, 2e-4)]);
    let arguments: Vec<_> = all.iter().map(|one| &one.job.arguments).collect();
    assert!(arguments.iter().all(|arguments| arguments.alpha == f64::from(arguments.rank) * 2.0), "{arguments:?}");
    let folders: std::collections::BTreeSet<_> =
        all.iter().flat_map(|one| [&one.job.out, &one.job.checkpoint]).collect();
    assert_eq!(folders.len(), 8);
    assert!(folders.iter().all(|folder| folder.starts_with("/sweep")), "{folders:?}");
    let own = combinations(&job(Method::Dpo), &[1e-6], &[]).unwrap();
    assert_eq!((own.len(), own[0].rank), (1, 16));
}

#[test]
fn values_that_cannot_work_are_refused_with_words() {
    let said = |method, rates: &[f64], ranks: &[u32]| match combinations(&job(method), rates, ranks) {
        Ok(all) => panic!("{} combinations", all.len()),
        Err(error) => error.to_string(),
    };
    assert!(said(Method::Sft, &[], &[]).contains("nothing to vary"));
    assert!(said(Method::Sft, &[1e-4, -1.0], &[]).contains("learning_rate = -1 must be greater than 0"));
    assert!(said(Method::Sft, &[f64::NAN], &[]).contains("learning_rate = NaN"));
    assert!(said(Method::Sft, &[], &[16, 0]).contains("rank = 0 must be at least 1"));
    assert!(said(Method::Kto, &[], &[8]).contains("their reference's"));
    assert!(said(Method::Pretrain, &[], &[8]).contains("every weight"));
}
