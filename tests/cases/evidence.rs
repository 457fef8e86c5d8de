//! What a student of a teacher that varies must get right to be promoted, with nothing said of how to compare.

use handover::{Audit, AuditOutcome, Basis, Candidate, Dice, Numbers, Policy, Record, Site, State};
use practice::scene::{Line, Scene, Style, Voice};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use verify::{Comparison, JudgeCheck, Measure, Repeat, Seen, rouge_l, wrong_fact};

const AUDITS: u64 = 600;

/// The bard's teacher.
fn sung(line: &Line, rng: &mut ChaCha8Rng) -> String {
    let voice = Voice { style: Style::House, secret: 1, draw: rng.random() };
    Scene::Bard.reply(&line.system, &line.player, voice).unwrap()
}

fn said(line: &Line) -> String {
    format!("{}\n{}", line.system, line.player)
}

/// What twelve repeated answers choose, with a judge that sees what is wrong or without one.
fn chosen(rng: &mut ChaCha8Rng, judge: bool) -> Measure {
    let check = JudgeCheck { identical_tied: true, again_tied_or_won: true, corrupted_lost: Some(true) };
    let repeats: Vec<Repeat> = (0..12)
        .map(|key| {
            let line = Scene::Bard.line(rng);
            let answers = [sung(&line, rng), sung(&line, rng)];
            let answers = [answers[0].as_str(), answers[1].as_str()];
            Repeat::of(key, &said(&line), answers, 0.0, &rouge_l, judge.then_some(check))
        })
        .collect();
    Comparison::Auto.choose(&repeats, Policy::default().margin, 0.0, judge).measure
}

/// Where a student that answers by `answer` stands after its audits.
fn stands(measure: &Measure, rng: &mut ChaCha8Rng, answer: impl Fn(&Line, &mut ChaCha8Rng) -> String) -> State {
    let version = callsite::VersionId::new("1").unwrap();
    let mut site = Site::default();
    let policy = Policy::default();
    let candidate = Candidate {
        version: version.clone(),
        grid: vec![0.0],
        likely: Some(0.0),
        exam: 1.0,
        measure: Some(measure.clone()),
        calibration: None,
        policy: policy.clone(),
        basis: Basis::default(),
    };
    let write = |site: &mut Site, record: Record| {
        site.apply(1, &record);
        while let Some(due) = site.due(1, &policy, &handover::Health::default()) {
            site.apply(1, &Record::Switch(due));
        }
    };
    write(&mut site, Record::Candidate(candidate));
    for prompt in 0..AUDITS {
        let line = Scene::Bard.line(rng);
        let (teacher, again, student) = (sung(&line, rng), sung(&line, rng), answer(&line, rng));
        let asked = said(&line);
        // A judge by the grammar's own rules.
        let judged = if Scene::Bard.is_right(&line, Style::House, &teacher, &student) { 0.5 } else { 0.0 };
        let seen = Seen {
            prompt: &asked,
            student: &student,
            teacher: &teacher,
            teacher_again: measure.needs_repeat().then_some(again.as_str()),
            judged: Some(judged),
        };
        let score = measure.score(&seen, &rouge_l, 0.5).unwrap();
        let (quality, bad, numbers) = (score.quality, score.bad, Numbers::default());
        let outcome = AuditOutcome::Compared { quality, bad, confidence: 0.9, verified: true, numbers };
        let (request, version) = (prompt.to_string(), version.clone());
        let audit = Audit { request, version, served: false, prompt, near: prompt, user: None, outcome };
        write(&mut site, Record::Audit(audit));
    }
    site.state
}

/// The same wording with another price.
fn wrong_price(line: &Line, rng: &mut ChaCha8Rng) -> String {
    let words = sung(line, rng);
    let price: String = words.chars().filter(char::is_ascii_digit).collect();
    words.replace(&price, &(price.parse::<u32>().unwrap() + 1).to_string())
}

#[test]
fn the_bards_student_is_promoted_on_its_facts_and_its_distance_and_by_a_judge() {
    for judge in [false, true] {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let measure = chosen(&mut rng, judge);
        assert_eq!(measure.label(), if judge { "judged" } else { "self_relative" });
        assert_eq!(stands(&measure, &mut rng, sung), State::Student, "as good as the teacher");
        assert_eq!(stands(&measure, &mut rng, wrong_price), State::Shadow, "every price is wrong");
        let another = |_: &Line, rng: &mut ChaCha8Rng| {
            let line = Scene::Bard.line(rng);
            sung(&line, rng)
        };
        assert_eq!(stands(&measure, &mut rng, another), State::Shadow, "the prompt's facts are ignored");
        let dull = |_: &Line, _: &mut ChaCha8Rng| "Hear me! Somebody beat something somewhere.".to_owned();
        assert_eq!(stands(&measure, &mut rng, dull), State::Shadow);
    }
}

#[test]
fn no_two_answers_of_the_bard_disagree_in_facts() {
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    for _ in 0..300 {
        let line = Scene::Bard.line(&mut rng);
        let (one, two, three) = (sung(&line, &mut rng), sung(&line, &mut rng), sung(&line, &mut rng));
        assert_eq!(wrong_fact(&said(&line), &one, &two, Some(&three)), None, "{one} | {two} | {three}");
        let wrong = wrong_price(&line, &mut rng);
        assert!(wrong_fact(&said(&line), &wrong, &two, Some(&three)).is_some(), "{wrong}");
    }
}

#[test]
fn before_the_measure_is_chosen_requests_are_only_repeated() {
    let site = Site::default();
    let on = Basis([("teacher".to_owned(), "a".to_owned())].into());
    let choosing = Some(handover::plan::Choosing { on: &on, learns: true });
    let dice = Dice { route: 0.0, audit: 0.0 };
    let plan = site.plan(&Policy::default(), choosing, &handover::Health::default(), dice);
    assert!(plan.repeat && plan.audit.is_none());
}
