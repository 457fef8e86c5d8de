//! The machine keeps its promises in the worlds, and the worlds are what they say.

use handover::betting::Betting;
use handover::{Health, Policy, State};

use crate::chance::{coin, generator, normal, quality};
use crate::driven::{self, Answer, Driven, Grid};
use crate::figures::Goal;
use crate::scenarios::{World, dependence, incumbents, promotion, threshold, timing};
use crate::student::Student;
use crate::*;

fn size(runs: u64, threads: usize) -> Size {
    Size { runs, seed: 7, threads }
}

fn world(runs: u64) -> World {
    World { size: size(runs, 2), policy: Policy::default() }
}

fn value(report: &Report, name: &str) -> f64 {
    report.rows.iter().find(|row| row.name == name).unwrap_or_else(|| panic!("no row {name}")).value.unwrap()
}

#[test]
fn a_student_at_the_bound_is_promoted_no_more_often_than_alpha() {
    let policy = Policy::default();
    let promoted = |runs: Vec<Option<u64>>| runs.iter().flatten().count();
    // 3 sigma above 0.05 * 300.
    let whole = promoted(size(300, 2).map("whole", |rng| promotion::whole(rng, &policy, 0.90)));
    assert!(whole <= 26, "{whole} of 300");
    for (betting, name) in promotion::BETS {
        let alone = promoted(size(300, 2).map(name, |rng| promotion::alone(rng, &policy, betting, 0.90)));
        assert!(alone <= 26, "{name}: {alone} of 300");
    }
    let good = promoted(size(50, 2).map("good", |rng| promotion::whole(rng, &policy, 0.97)));
    assert_eq!(good, 50, "a good one always");
}

#[test]
fn what_is_found_does_not_depend_on_the_number_of_threads() {
    let find = |threads| {
        let world = World { size: size(60, threads), policy: Policy::default() };
        (incumbents::report(&world), dependence::report(&world))
    };
    assert_eq!(find(1), find(2));
    let another = World { size: Size { seed: 8, ..size(60, 1) }, policy: Policy::default() };
    assert_ne!(find(1).0, incumbents::report(&another), "and does depend on the seed");
}

#[test]
fn the_other_gates_err_as_often_as_computed() {
    let report = incumbents::report(&world(2_000));
    // 1 - (1 - 0.85^4)^10, and 0.341 measured before with 2,000 runs.
    let four = value(&report, "promoted, four of four, at 0.85");
    assert!((four - (1.0 - (1.0 - 0.85f64.powi(4)).powi(10))).abs() < 0.01, "{four}");
    let peeking = value(&report, "promoted, peeking, at 0.90");
    assert!((0.29..0.40).contains(&peeking), "{peeking}");
    assert_eq!(value(&report, "promoted, eleven in a row, at 0.90"), 1.0);
}

#[test]
fn a_threshold_that_is_unsafe_is_rarely_proven_and_the_safe_ones_are() {
    let report = threshold::report(&world(400));
    let unsafe_share = value(&report, "threshold gate, ever unsafe within 4,000 audits");
    assert!(unsafe_share <= 0.10 + 3.0 * (0.09f64 / 40.0).sqrt(), "{unsafe_share}");
    let oracle = value(&report, "threshold gate, oracle coverage");
    assert!((oracle - 0.46).abs() < 0.01, "{oracle}");
    let (soon, goal) = (value(&report, "threshold gate, coverage after 500 audits"), 0.35);
    assert!(soon > goal - 0.02, "{soon}");
    let late = value(&report, "threshold gate, coverage after 4000 audits");
    assert!((0.36..oracle).contains(&late), "{late}");
}

#[test]
fn the_made_up_student_is_as_described() {
    let student = Student::new(0.711, 0.79);
    let mut rng = generator(1, "student", 0);
    let answers: Vec<Answer> = (0..20_000).map(|_| student.answer(&mut rng)).collect();
    let share = |holds: &dyn Fn(&Answer) -> bool| {
        f64::from(u32::try_from(answers.iter().filter(|answer| holds(answer)).count()).unwrap()) / 20_000.0
    };
    assert!((share(&|answer| !answer.bad) - 0.711).abs() < 0.012);
    for tau in [0.0, 0.3, 0.6, 0.8, 0.9] {
        let served = student.at(tau);
        assert!((share(&|answer| answer.confidence >= tau) - served.coverage).abs() < 0.012, "{tau}");
        assert!((share(&|answer| answer.confidence >= tau && answer.bad) - served.wrong).abs() < 0.012, "{tau}");
    }
    // The confidence is the probability of being right.
    let sure: Vec<&Answer> = answers.iter().filter(|answer| (0.75..0.85).contains(&answer.confidence)).collect();
    let right = sure.iter().filter(|answer| !answer.bad).count() * 100 / sure.len();
    assert!((77..=83).contains(&right), "{right} %");
    let spread = (0..10_000).map(|_| normal(&mut rng).powi(2)).sum::<f64>() / 10_000.0;
    assert!((spread - 1.0).abs() < 0.05, "{spread}");
}

/// The driver does not ask `Site::due` where it thinks that nothing can be due.
#[test]
fn the_driver_finds_every_switch_that_the_machine_finds() {
    for (run, mean) in [0.85, 0.93, 0.97, 1.0].into_iter().enumerate() {
        let mut rng = generator(3, "due", u64::try_from(run).unwrap());
        let mut driven = Driven::new(&Policy::default(), &Grid::even(), &verify::Measure::Exact);
        for audit in 0..800 {
            let mean = if audit < 500 { mean } else { 0.5 };
            let confidence = if audit % 3 == 0 { 0.2 } else { 0.95 };
            driven.audit(Answer { confidence, ..Answer::sure(coin(&mut rng, mean)) });
            assert_eq!(driven.site.due(driven.at_ms, &driven.policy, &Health::default()), None, "{mean} {audit}");
            assert_eq!(driven::due(&driven.site, driven.at_ms, &driven.policy), None);
        }
        assert!(mean < 0.95 || driven.has_drifted(), "{mean}: it did walk");
    }
}

#[test]
fn keys_hold_the_error_where_prompts_come_in_runs_and_without_them_it_is_lost() {
    let report = dependence::report(&world(1_000));
    let share = |how: &str| value(&report, &format!("false promotion, each prompt 20 times in a row, {how}"));
    assert!(share("with prompt keys") <= 0.09 && share("each as a new prompt") > 0.15);
}

#[test]
fn a_site_is_as_small_as_promised_whatever_it_compares_and_wherever_it_stands() {
    let meter = Meter { seconds: &|| 0.0, resident: &|| None };
    for row in timing::sites(&world(1), &meter, 3).iter().filter(|row| row.unit == "bytes") {
        assert!(row.ok && row.goal == Some(8_192.0), "{row:?}");
    }
}

#[test]
fn timings_are_those_of_the_callers_clock_and_state_is_counted() {
    let ticks = std::cell::Cell::new(0.0);
    let clock = || {
        ticks.set(ticks.get() + 1.0);
        ticks.get()
    };
    let mut driven = Driven::plain(&Policy::default());
    let before = timing::site_bytes(&driven.site);
    driven.until(State::Student, 200, || Answer::sure(true)).unwrap();
    assert!(timing::site_bytes(&driven.site) > before);
    assert!(clock() < clock());
    assert_eq!(quality(true) - quality(false), 1.0);
    assert_eq!(Betting::default(), Betting::Mix5);
}

#[test]
fn a_missed_goal_is_named_and_a_reached_one_is_not() {
    let row = |name: &str, value, goal| Row::new(name, value, "audits", (value, value), goal);
    let rows = vec![row("a", 1.0, Goal::AtMost(1.0)), row("b", 2.0, Goal::AtLeast(2.0)), row("c", 9.0, Goal::None)];
    let mut report = Report { rows, ..Report::default() };
    assert!(report.missed().is_empty(), "{:?}", report.missed());
    report.rows.extend([row("d", 1.5, Goal::AtMost(1.0)), row("e", 1.5, Goal::AtLeast(2.0))]);
    report.rows.push(row("f", f64::INFINITY, Goal::AtMost(45.0)));
    assert_eq!(report.missed(), ["d: 1.500 audits, goal 1", "e: 1.500 audits, goal 2", "f: - audits, goal 45"]);
}

#[test]
fn a_policy_is_read_from_its_table_or_from_the_whole_file_and_its_mistakes_are_named() {
    let whole = policy_from_toml("quality_min = 0.95\nquality_floor = 0.9").unwrap();
    assert_eq!(whole, policy_from_toml("[proxy]\nx = 1\n[handover]\nquality_min = 0.95\nquality_floor = 0.9").unwrap());
    assert_eq!(whole, Policy { quality_min: 0.95, ..Policy::default() });
    for (text, named) in
        [("quality_mim = 0.9", "quality_mim"), ("quality_min = 1.5", "quality_min = 1.5"), ("=", "TOML")]
    {
        let error = policy_from_toml(text).unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    }
}
