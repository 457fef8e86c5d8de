use crate::Metrics;

#[test]
fn what_was_counted_is_in_the_text() {
    let metrics = Metrics::new().unwrap();
    metrics.requests.with_label_values(&["shop", "teacher", "200"]).inc();
    metrics.lower_bound.with_label_values(&["shop"]).set(0.91);
    let text = metrics.render().unwrap();
    assert!(text.contains(r#"apprentice_requests_total{code="200",route="teacher",site="shop"} 1"#), "{text}");
    assert!(text.contains(r#"apprentice_confidence_lower_bound{site="shop"} 0.91"#));
    assert!(text.contains("apprentice_build_info 1"));
}
