use super::*;

fn curve(steps: std::ops::RangeInclusive<u64>) -> Curve {
    let mut curve = Curve::default();
    steps.for_each(|step| add_step(&mut curve, step, step as f64));
    curve
}

#[test]
fn a_short_run_keeps_every_step() {
    let points: Vec<_> = curve(1..=1_024).train.iter().map(|point| (point.step, point.steps, point.loss)).collect();
    assert_eq!(points.len(), 1_024);
    assert_eq!((points[0], points[1_023]), ((1, 1, 1.0), (1_024, 1, 1_024.0)));
}

#[test]
fn a_long_run_keeps_means_of_all_its_steps() {
    for steps in [1_025, 1_026, 2_050, 100_000] {
        let points = curve(1..=steps).train;
        assert!((512..=1_024).contains(&points.len()), "{steps}: {}", points.len());
        assert_eq!(points.iter().map(|point| point.steps).sum::<u64>(), steps, "none is lost or counted twice");
        assert_eq!(points.last().map(|point| point.step), Some(steps));
        let mean = points.iter().map(|point| point.loss * point.steps as f64).sum::<f64>() / steps as f64;
        assert!((mean - (steps + 1) as f64 / 2.0).abs() < 1e-6, "{steps}: {mean}");
        let first = points[0].steps;
        assert!(points[..points.len() - 1].iter().all(|point| point.steps == first));
    }
}

#[test]
fn an_evaluation_of_the_same_step_takes_the_place_of_the_former() {
    let mut curve = Curve::default();
    let point = |step, loss| HeldOutPoint { step, loss, exact: 0.0 };
    for (step, loss) in [(5, 3.0), (10, 2.0), (10, 1.0)] {
        add_evaluation(&mut curve, point(step, loss));
    }
    assert_eq!(curve.held_out, [point(5, 3.0), point(10, 1.0)]);
}
