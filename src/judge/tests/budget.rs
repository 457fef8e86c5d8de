//! Money: never more than the limit, whatever happens at once, fails, breaks off or begins anew.

use std::sync::Arc;
use std::time::Duration;

use wire::{Answer, ModelError, Usage};

use super::script::{DAY_MS, NEW_YEAR, Script, answer, counts, judge_with, prompt, settings, wait};
use crate::{Judge, JudgeError, PAIRWISE_OPENING, Spent};

const TODAY: u64 = NEW_YEAR / DAY_MS;
const TIE: &str = "{\"better\": \"tie\"}";

/// What one verdict may cost at most with the tests' prices, learnt from the refusal.
fn worst_of_one_call(text: &str) -> f64 {
    let judge = judge_with(&Script::says(TIE), settings(1.0));
    match wait(judge.prefer(&prompt(), text, "t", NEW_YEAR)) {
        Err(JudgeError::BudgetSpent { needed, limit: 1.0, spent: 0.0, day: TODAY }) => needed,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_byte_of_the_question_is_reserved_as_a_token() {
    let (short, long) = (worst_of_one_call("s"), worst_of_one_call(&format!("s{}", "\u{e9}".repeat(1000))));
    assert_eq!(long - short, 2000.0);
    assert!(short > (PAIRWISE_OPENING.len() + 100) as f64, "the instructions and the answer are in it");
}

#[test]
fn twenty_questions_at_once_cannot_pass_the_limit_together() {
    let worst = worst_of_one_call("s00");
    // A model that uses all that it may: the worst case is what it costs.
    let (read, written) = (worst as u32 - 100, 100);
    let script = Script::slow(Duration::from_millis(20), move |_, _| {
        Ok(Answer { usage: Usage { prompt_tokens: read, completion_tokens: written }, ..answer(TIE) })
    });
    // Room for seven verdicts of two calls, and half of another.
    let limit = worst * 15.0;
    let judge = Arc::new(judge_with(&script, settings(limit)));
    let outcomes = wait(async {
        let mut tasks = tokio::task::JoinSet::new();
        for at in 0..20 {
            let judge = judge.clone();
            tasks.spawn(async move { judge.prefer(&prompt(), &format!("s{at:02}"), "t", NEW_YEAR).await });
        }
        tasks.join_all().await
    });
    let refused = |outcome: &Result<_, JudgeError>| matches!(outcome, Err(JudgeError::BudgetSpent { .. }));
    let by_fate = counts(outcomes.iter().map(|outcome| if refused(outcome) { "refused" } else { "paid" }));
    assert_eq!((by_fate["paid"], by_fate["refused"]), (7, 13));
    assert!(outcomes.iter().all(|outcome| outcome.is_ok() || refused(outcome)));
    assert_eq!(script.calls(), 14);
    assert!(judge.spent().amount <= limit && (judge.spent().amount - worst * 14.0).abs() < 1e-6);
}

#[test]
fn a_reservation_is_corrected_by_the_usage_and_a_half_paid_verdict_is_never_begun() {
    let worst = worst_of_one_call("s");
    let script = Script::says(TIE);
    let judge = judge_with(&script, settings(worst * 2.0 - 1.0));
    assert!(matches!(wait(judge.prefer(&prompt(), "s", "t", NEW_YEAR)), Err(JudgeError::BudgetSpent { .. })));
    assert_eq!((script.calls(), judge.spent().amount), (0, 0.0));

    let judge = judge_with(&script, settings(worst * 2.0 + 24.0));
    for (at, student) in ["s", "u"].into_iter().enumerate() {
        assert_eq!(wait(judge.prefer(&prompt(), student, "t", NEW_YEAR)).unwrap().cost, 24.0);
        assert_eq!(judge.spent(), Spent { day: TODAY, amount: 24.0 * (at + 1) as f64 });
    }
    let error = wait(judge.prefer(&prompt(), "v", "t", NEW_YEAR)).unwrap_err();
    assert!(error.to_string().contains("budget_per_day"), "{error}");
    assert_eq!(wait(judge.prefer(&prompt(), "s", "t", NEW_YEAR)).unwrap().cost, 0.0, "what is known stays free");
}

#[test]
fn what_may_have_been_charged_stays_spent() {
    let worst = worst_of_one_call("s");
    let spent_after = |reply: fn() -> Result<Answer, ModelError>| {
        let judge = judge_with(&Script::new(move |_, _| reply()), settings(1e6));
        drop(wait(judge.prefer(&prompt(), "s", "t", NEW_YEAR)));
        judge.spent().amount
    };
    assert_eq!(spent_after(|| Err(ModelError::Busy)), 0.0);
    assert_eq!(spent_after(|| Err(ModelError::Failed("broke off".into()))), worst);
    assert_eq!(spent_after(|| Ok(answer("nonsense"))), 12.0);
    assert_eq!(spent_after(|| Ok(Answer { usage: Usage::default(), ..answer(TIE) })), 2.0 * worst);

    // Given up while it waits: the call that was begun stays spent, the one that was not goes back.
    let judge = judge_with(&Script::slow(Duration::from_secs(60), |_, _| Ok(answer(TIE))), settings(1e6));
    let asked = wait(async {
        tokio::time::timeout(Duration::from_millis(10), judge.prefer(&prompt(), "s", "t", NEW_YEAR)).await
    });
    assert!(asked.is_err());
    assert_eq!(judge.spent().amount, worst);
}

#[test]
fn a_new_process_goes_on_with_the_days_money_and_a_new_day_begins_anew() {
    let worst = worst_of_one_call("s");
    let fresh = || judge_with(&Script::says(TIE), settings(worst * 3.0));
    let ask = |judge: &Judge, now_ms| wait(judge.prefer_anew(&prompt(), "s", "t", now_ms));

    let judge = fresh();
    let last_second = NEW_YEAR + DAY_MS - 1000;
    judge.resume(Spent { day: TODAY, amount: worst * 2.0 });
    assert!(matches!(ask(&judge, last_second), Err(JudgeError::BudgetSpent { day: TODAY, .. })));
    ask(&judge, last_second + 1000).unwrap();
    assert_eq!(judge.spent(), Spent { day: TODAY + 1, amount: 24.0 });
    // A clock that is set back finds the later day's money, not a second budget.
    ask(&judge, last_second).unwrap();
    assert_eq!(judge.spent(), Spent { day: TODAY + 1, amount: 48.0 });
    judge.resume(Spent { day: TODAY, amount: worst * 3.0 });
    judge.resume(Spent { day: TODAY + 1, amount: 5.0 });
    assert_eq!(judge.spent(), Spent { day: TODAY + 1, amount: 48.0 });

    for damaged in [f64::NAN, f64::INFINITY, -1.0] {
        let judge = fresh();
        judge.resume(Spent { day: TODAY, amount: damaged });
        assert_eq!(judge.spent(), Spent { day: TODAY, amount: worst * 3.0 }, "{damaged} counts as the whole limit");
        assert!(matches!(ask(&judge, NEW_YEAR), Err(JudgeError::BudgetSpent { .. })));
    }
}

#[test]
fn a_verdict_that_ends_after_midnight_is_paid_from_the_day_it_began() {
    let script = Script::slow(Duration::from_millis(30), |_, _| Ok(answer(TIE)));
    let judge = judge_with(&script, settings(1e6));
    let asked = prompt();
    wait(async {
        let before = judge.prefer(&asked, "s", "t", NEW_YEAR);
        let after = async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            judge.prefer(&asked, "u", "t", NEW_YEAR + DAY_MS).await
        };
        let (before, after) = tokio::join!(before, after);
        assert_eq!((before.unwrap().cost, after.unwrap().cost), (24.0, 24.0));
    });
    assert_eq!(judge.spent(), Spent { day: TODAY + 1, amount: 24.0 });
}

#[test]
fn free_judges_need_no_budget() {
    let free = crate::JudgeSettings { input_price: 0.0, output_price: 0.0, ..settings(0.0) };
    let judge = judge_with(&Script::says(TIE), free);
    assert_eq!(wait(judge.prefer(&prompt(), "s", "t", NEW_YEAR)).unwrap().cost, 0.0);
}

#[test]
fn threads_that_reserve_settle_and_give_back_at_once_never_pass_the_limit() {
    const CALLS: usize = 400;
    let budget = crate::budget::Budget::new(&settings(5_000.0));
    let refused: usize = std::thread::scope(|scope| {
        let work = |thread: usize| {
            let budget = &budget;
            move || {
                let mut refused = 0;
                for call in 0..CALLS {
                    let Ok(mut paid) = budget.reserve(&prompt(), NEW_YEAR) else {
                        refused += 1;
                        continue;
                    };
                    assert!(budget.spent().amount <= 5_000.0);
                    match (thread + call) % 3 {
                        0 => drop(paid),
                        1 => paid.begin(),
                        _ => {
                            paid.begin();
                            paid.settle(Usage { prompt_tokens: 1, completion_tokens: 1 });
                        }
                    }
                }
                refused
            }
        };
        let threads: Vec<_> = (0..8).map(|thread| scope.spawn(work(thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert!(refused > 0 && budget.spent().amount <= 5_000.0, "{refused} {:?}", budget.spent());
    assert_eq!(budget.spent().amount.fract(), 0.0, "every correction is exact");
}
