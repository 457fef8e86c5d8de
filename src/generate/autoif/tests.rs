//! AutoIF against a scripted teacher and scripted functions.

mod agreement;
mod inputs;
mod parse;
mod verdicts;
mod walk;

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};
use wire::{Answer, Answering, ChatModel, Finish, Ineligible, Prompt, Signals, Usage};

use super::{Settings, Tools, Verdict, Verifiers, Working, make};
use crate::GenerateError;
use crate::item::Item;
use crate::prompts::opening;
use crate::report::Report;
use crate::run::{Facts, Limits, Price, Run, Start, read_items};

/// What the teacher says about one rule. Functions are written in a language of their own, see [`Scripted`].
#[derive(Clone)]
pub(super) struct Rule {
    pub(super) text: &'static str,
    pub(super) functions: Vec<String>,
    /// Of each function, in the functions' order.
    pub(super) cases: Vec<Vec<(String, bool)>>,
    pub(super) repaired: String,
    pub(super) translation: String,
    pub(super) relation: &'static str,
    /// To every query, one after the other.
    pub(super) responses: Vec<String>,
    pub(super) score: &'static str,
}

impl Rule {
    /// Five functions that look for `alpha`, and fifteen cases that are right.
    pub(super) fn alpha(text: &'static str) -> Self {
        Self {
            text,
            functions: (0..5).map(|at| format!("has alpha # {at}")).collect(),
            cases: (0..5)
                .map(|at| {
                    vec![
                        (format!("alpha {at}"), true),
                        (format!("beta {at}"), false),
                        (format!("more alpha {at}"), true),
                    ]
                })
                .collect(),
            repaired: "has alpha # repaired".into(),
            translation: "Write alpha.".into(),
            relation: "entailment",
            responses: vec!["An alpha.".into(), "A beta.".into()],
            score: "Score: 9",
        }
    }
}

/// Answers the maker's templates for the rules it knows; says something useless for all others.
pub(super) struct Teacher {
    rules: Vec<Rule>,
    /// How often each prompt was asked.
    asked: Mutex<HashMap<String, usize>>,
}

impl Teacher {
    pub(super) fn new(rules: Vec<Rule>) -> Arc<Self> {
        Arc::new(Self { rules, asked: Mutex::default() })
    }

    /// Questions so far.
    pub(super) fn calls(&self) -> usize {
        self.asked.lock().values().sum()
    }

    fn says(&self, asked: &str, before: usize) -> String {
        let is = |name: &str| asked.starts_with(opening(name));
        if is("autoif/instructions") {
            return self.rules.iter().map(|rule| rule.text).collect::<Vec<_>>().join("\n");
        }
        let rule = self.rules.iter().find(|rule| {
            let names = [format!("Rule: {}\n", rule.text), format!("First: {}\n", rule.text)];
            names.iter().any(|name| asked.contains(name)) || rule.functions.iter().any(|source| asked.contains(source))
        });
        let Some(rule) = rule else { return "I do not know.".to_owned() };
        if is("autoif/function") {
            let cases = rule.cases.get(before).into_iter().flatten();
            let cases: Vec<Value> = cases.map(|(input, output)| json!({ "input": input, "output": output })).collect();
            return json!({ "func": rule.functions.get(before), "cases": cases }).to_string();
        }
        if is("autoif/repair") {
            return json!({ "func": rule.repaired }).to_string();
        }
        if is("autoif/translation") {
            return rule.translation.clone();
        }
        if is("autoif/relation") {
            return rule.relation.to_owned();
        }
        if is("autoif/response") {
            return rule.responses.get(before).cloned().unwrap_or_default();
        }
        rule.score.to_owned()
    }
}

impl ChatModel for Teacher {
    fn name(&self) -> &str {
        "scripted"
    }

    fn accepts(&self, _prompt: &Prompt) -> Result<(), Ineligible> {
        Ok(())
    }

    fn answer(&self, prompt: Prompt) -> Answering {
        let asked = prompt.turns.last().unwrap().text.clone();
        let before = {
            let mut all = self.asked.lock();
            let count = all.entry(asked.clone()).or_default();
            *count += 1;
            *count - 1
        };
        let text = self.says(&asked, before);
        let usage = Usage { prompt_tokens: 1, completion_tokens: 1 };
        Box::pin(async move { Ok(Answer::new(text, Finish::Stop, usage, Signals::default())) })
    }
}

/// Runs `has WORD`, `has WORD but not OTHER`, `no`, `missing` and `raises`, each with anything behind a `#`.
#[derive(Default)]
pub(super) struct Scripted {
    pub(super) applied: Mutex<Vec<usize>>,
}

impl Verifiers for Scripted {
    fn subset(&self) -> &str {
        "All of it."
    }

    fn apply<'a>(&'a self, source: &'a str, texts: &'a [String]) -> Working<'a, Vec<Verdict>> {
        self.applied.lock().push(texts.len());
        let words: Vec<&str> = source.split('#').next().unwrap().split_whitespace().collect();
        let say = |text: &String| {
            let yes = match words.as_slice() {
                ["has", word] => text.contains(word),
                ["has", word, "but", "not", other] => text.contains(word) && !text.contains(other),
                ["no"] => false,
                ["missing"] => return Verdict::Unsupported("no module named 'string'".into()),
                _ => return Verdict::Failed("raised".into()),
            };
            if yes { Verdict::Yes } else { Verdict::No }
        };
        let verdicts = texts.iter().map(say).collect();
        Box::pin(async move { Ok(verdicts) })
    }
}

/// Few calls, two answers to one query each.
pub(super) fn settings() -> Settings {
    Settings { calls: 1, queries_each: 1, ..Settings::default() }
}

/// A run in `folder` up to its end, whatever that is; at most `cap` calls are paid.
pub(super) fn run(
    folder: &Path,
    teacher: &Arc<Teacher>,
    verifiers: &Scripted,
    settings: &Settings,
    cap: Option<f64>,
) -> (Report, Option<GenerateError>) {
    let facts = Facts {
        pipeline: super::PIPELINE.into(),
        teacher: "scripted".into(),
        student: None,
        seed: 1,
        arguments: serde_json::to_value(settings).unwrap(),
    };
    // A dollar for each call, of which the most is reserved that it may cost.
    let price = Price { input: 500_000.0, output: 500_000.0 };
    // At the cap calls that are on their way are lost, so there is only one.
    let concurrency = if cap.is_some() { 1 } else { 8 };
    let limits = Limits { concurrency, price, cap_usd: cap, ..Limits::default() };
    let start = Start {
        folder: folder.to_owned(),
        facts,
        teacher: teacher.clone(),
        student: None,
        limits,
        prompts: None,
        clock: || 0,
    };
    let mut run = Run::begin(start).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let error = runtime.block_on(make(&mut run, settings, Tools { verifiers, nli: None })).err();
    (run.finish(error.as_ref()).unwrap(), error)
}

/// What came of `rules`.
pub(super) struct Made {
    pub(super) folder: tempfile::TempDir,
    pub(super) report: Report,
    pub(super) items: Vec<Item>,
}

pub(super) fn made(rules: Vec<Rule>, settings: &Settings) -> Made {
    let folder = tempfile::tempdir().unwrap();
    let (report, error) = run(folder.path(), &Teacher::new(rules), &Scripted::default(), settings, None);
    assert!(error.is_none(), "{error:?}");
    let (items, refused) = read_items(folder.path()).unwrap();
    assert!(refused.is_empty());
    Made { folder, report, items }
}

impl Made {
    /// The rules that are left after `file`'s stage.
    pub(super) fn left(&self, file: &str) -> BTreeSet<String> {
        self.lines(file).into_iter().map(|line| line["instruction"].as_str().unwrap().to_owned()).collect()
    }

    pub(super) fn lines(&self, file: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.path().join(file)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// How many were dropped at `step` for `reason`.
    pub(super) fn dropped(&self, step: &str, reason: &str) -> u64 {
        let step = self.report.funnel.steps.iter().find(|one| one.name == step).unwrap();
        step.dropped.get(reason).copied().unwrap_or_default()
    }
}
