use crate::{Metrics, REFERENCE};

#[test]
fn what_was_counted_is_in_the_text() {
    let metrics = Metrics::new().unwrap();
    metrics.requests_total("shop", "teacher", "200").inc();
    metrics.quality_lower_bound("shop").set(0.91);
    metrics.proxy_overhead_seconds("shop").observe(0.0002);
    let text = metrics.render().unwrap();
    assert!(text.contains(r#"apprentice_requests_total{call_site="shop",code="200",route="teacher"} 1"#), "{text}");
    assert!(text.contains(r#"apprentice_quality_lower_bound{call_site="shop"} 0.91"#));
    assert!(text.contains(r#"apprentice_proxy_overhead_seconds_bucket{call_site="shop",le="0.00025"} 1"#));
}

#[test]
fn a_number_that_is_not_known_is_not_exposed() {
    let metrics = Metrics::new().unwrap();
    metrics.confidence_threshold("shop").set_or_remove(None);
    metrics.confidence_threshold("shop").set_or_remove(Some(0.5));
    assert!(metrics.render().unwrap().contains("confidence_threshold"));
    metrics.confidence_threshold("shop").set_or_remove(None);
    assert!(!metrics.render().unwrap().contains("confidence_threshold"));
}

#[test]
fn the_reference_names_every_metric_once_by_prometheus_rules() {
    let mut names: Vec<&str> = REFERENCE.iter().map(|row| row.name).collect();
    assert!(REFERENCE.iter().all(|row| (row.kind == "counter") == row.name.ends_with("_total")));
    assert!(REFERENCE.iter().all(|row| !row.labels.contains(&"site") && row.help.ends_with('.')));
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), REFERENCE.len());
}

#[test]
fn names_that_others_choose_are_kept_apart_up_to_a_number() {
    let metrics = Metrics::new().unwrap();
    let long = "x".repeat(200);
    assert_eq!((metrics.model(""), metrics.model("gpt"), metrics.model(&long)), ("", "gpt", crate::OTHER));
    let kept = (0..1_000).filter(|number| metrics.model(&format!("m-{number}")) != crate::OTHER).count();
    assert_eq!((kept, metrics.model("gpt"), metrics.model("m-0"), metrics.model("late")), (63, "gpt", "m-0", "_other"));
}

#[test]
fn samples_are_summed_by_a_label() {
    let metrics = Metrics::new().unwrap();
    for (site, error, count) in [("shop", "timeout", 2), ("tavern", "timeout", 3), ("shop", "cut", 1)] {
        metrics.teacher_errors_total(site, error).inc_by(count);
    }
    let sums = metrics.sums("apprentice_teacher_errors_total", "error_type");
    assert_eq!(sums.into_iter().collect::<Vec<_>>(), [("cut".to_owned(), 1.0), ("timeout".to_owned(), 5.0)]);
    assert!(metrics.sums("apprentice_teacher_errors_total", "nothing").is_empty());
    assert!(metrics.sums("nothing", "error_type").is_empty());
}
