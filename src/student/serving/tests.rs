//! Round by round: who is read, who is written, who has gone.

use std::path::Path;
use std::sync::Arc;

use gemma::GraphFormat;
use tokio::sync::oneshot;
use wire::{Answer, ModelError, Prompt, Role, Sampling, Turn};

use super::{PIECE, PIECE_BESIDE, Serving};
use crate::adapter::{Adapters, Bound};
use crate::form::Forms;
use crate::queue::Queue;
use crate::shortlist::Shortlists;
use crate::tests::fixture::{Tiny, config, edited_base, golden, runtime, settings, tiny_of};
use crate::work::{Asked, Waiting, job};
use crate::{Student, StudentConfig};

/// A student without its thread.
struct Bench {
    serving: Serving,
    queue: Arc<Queue<Waiting>>,
    forms: Forms,
    adapters: Vec<Arc<Bound>>,
    _tiny: Tiny,
}

type Receiver = oneshot::Receiver<Result<Answer, ModelError>>;

/// With room for `rows` answers; its adapters are the golden one and its opposite.
fn bench(rows: usize, prefix_bytes: usize) -> Bench {
    bench_with(rows, prefix_bytes, 0)
}

fn bench_with(rows: usize, prefix_bytes: usize, draft_tokens: usize) -> Bench {
    bench_of(GraphFormat::F32, rows, prefix_bytes, draft_tokens)
}

fn bench_of(format: GraphFormat, rows: usize, prefix_bytes: usize, draft_tokens: usize) -> Bench {
    let base = edited_base(|config| config["max_position_embeddings"] = 1024.into());
    let tiny = tiny_of(base.path(), format, 1, 16);
    let settings = StudentConfig { prefix_bytes, draft_tokens, ..settings(&tiny.dir, base.path(), rows, 1000) };
    let (serving, _, inputs, format) = Student::serving(&runtime(), &settings).unwrap();
    let mut other = gemma::Adapter::load(&golden().join("adapter"), &config()).unwrap();
    other.pairs.values_mut().for_each(|pair| pair.b.iter_mut().for_each(|value| *value = -*value));
    let dir = tiny.dir.path().join("other");
    other.save(&dir).unwrap();
    let load = |dir: &Path| Adapters::default().load(dir, &config(), &inputs).unwrap();
    let adapters = vec![load(&golden().join("adapter")), load(&dir)];
    Bench { serving, queue: Arc::new(Queue::new(rows, 32)), forms: Forms::new(format), adapters, _tiny: tiny }
}

impl Bench {
    /// Asks with the base, or an adapter from 1 on.
    fn ask(&self, adapter: usize, text: &str, max_tokens: u32) -> Receiver {
        let turns = vec![Turn { role: Role::User, text: text.to_owned() }];
        let prompt = Prompt::new(turns, max_tokens, Sampling::Greedy);
        self.put(adapter, prompt)
    }

    fn put(&self, adapter: usize, prompt: Prompt) -> Receiver {
        let adapter = adapter.checked_sub(1).map(|at| Arc::clone(&self.adapters[at]));
        let constraint = self.forms.begin(&prompt.form).unwrap();
        let (reply, receiver) = oneshot::channel();
        let asked = Asked { adapter, prompt, reply };
        assert!(self.queue.push(Waiting::Answer { asked, constraint }).is_ok());
        receiver
    }

    /// A text of about so many tokens.
    fn text(&self, tokens: usize) -> String {
        let mut text = String::new();
        while self.serving.format.tokenizer.encode(&text).unwrap().len() < tokens {
            text.push_str("lantern and rope ");
        }
        text
    }

    fn round(&mut self) {
        self.serving.round(|fits| self.queue.next(fits).map(job)).into_iter().for_each(|deliver| deliver());
    }

    /// Rounds until everybody who waits has an answer.
    fn rounds(&mut self, receivers: &mut [Receiver]) -> (usize, Vec<Answer>) {
        let mut answers: Vec<Option<Answer>> = vec![None; receivers.len()];
        for count in 1..5000 {
            self.round();
            for (answer, receiver) in answers.iter_mut().zip(receivers.iter_mut()) {
                if let Ok(heard) = receiver.try_recv() {
                    *answer = Some(heard.unwrap());
                }
            }
            if answers.iter().all(Option::is_some) {
                return (count, answers.into_iter().flatten().collect());
            }
        }
        panic!("nobody answers");
    }
}

const TEXTS: [&str; 6] =
    ["How much is the lantern?", "Who are you?", "Where is the old mill?", "Good day.", "Sell me a rope", "And then?"];

#[test]
fn rows_of_all_adapters_share_a_run_come_and_go_and_are_what_they_are_alone() {
    let mut bench = bench(5, 0);
    let cases: Vec<_> = TEXTS.iter().zip([0, 1, 2, 1, 0, 2]).zip([4, 31, 9, 17, 23, 12]).collect();
    let alone: Vec<Answer> = cases
        .iter()
        .map(|((text, adapter), tokens)| bench.rounds(&mut [bench.ask(*adapter, text, *tokens)]).1.remove(0))
        .collect();
    let mut receivers: Vec<_> =
        cases.iter().map(|((text, adapter), tokens)| bench.ask(*adapter, text, *tokens)).collect();
    let (rounds, together) = bench.rounds(&mut receivers);
    for (together, alone) in together.iter().zip(&alone) {
        assert_eq!((&together.text, together.usage), (&alone.text, alone.usage));
        // Not the choices alone: the logits that they were made from.
        let (found, wanted) = (together.signals, alone.signals);
        for (found, wanted) in [
            (found.mean_logprob, wanted.mean_logprob),
            (found.min_logprob, wanted.min_logprob),
            (found.mean_entropy, wanted.mean_entropy),
            (found.mean_margin, wanted.mean_margin),
        ] {
            assert!((found - wanted).abs() < 2e-5, "{together:?} and {alone:?}");
        }
    }
    let tokens: u32 = cases.iter().map(|(_, tokens)| tokens).sum();
    assert!(rounds < 45, "{rounds} rounds for {tokens} tokens");
    assert!(bench.serving.is_idle());
}

#[test]
fn an_answer_that_nobody_waits_for_is_gone_in_the_next_round() {
    let mut bench = bench(2, 0);
    let (first, second) = (bench.ask(0, TEXTS[0], 900), bench.ask(1, TEXTS[1], 900));
    (0..6).for_each(|_| bench.round());
    assert_eq!(bench.serving.batch.rows.len(), 2);
    drop(first);
    bench.round();
    assert_eq!(bench.serving.batch.rows.len(), 1);
    // Its place is the next one's.
    let third = bench.ask(0, TEXTS[2], 900);
    (0..2).for_each(|_| bench.round());
    assert_eq!(bench.serving.batch.rows.len(), 2);
    drop((second, third));
    bench.round();
    assert!(bench.serving.is_idle());
}

#[test]
fn a_prompt_that_nobody_waits_for_is_not_read_to_its_end() {
    let mut bench = bench(1, 0);
    let asked = bench.ask(0, &bench.text(500), 5);
    bench.round();
    assert_eq!(bench.serving.reading.as_ref().unwrap().read, PIECE);
    drop(asked);
    bench.round();
    assert!(bench.serving.is_idle());
}

#[test]
fn a_long_prompt_does_not_stop_the_answers_that_are_written() {
    let mut bench = bench(2, 0);
    let mut short = [bench.ask(0, TEXTS[0], 12)];
    bench.round();
    let mut long = [bench.ask(1, &bench.text(500), 3)];
    bench.round();
    let reading = bench.serving.reading.as_ref().unwrap();
    assert_eq!(reading.read, PIECE_BESIDE, "a short piece beside a row");
    assert!(reading.ids.len() > 12 * PIECE_BESIDE, "a prompt of {} tokens", reading.ids.len());
    let (rounds, _) = bench.rounds(&mut short);
    assert!(rounds <= 10, "a token a round: {rounds}");
    assert!(bench.serving.reading.is_some(), "and the prompt is still being read");
    bench.rounds(&mut long);
}

#[test]
fn a_prompt_in_pieces_a_known_beginning_and_a_whole_one_give_the_same_answer() {
    let (mut cold, mut warm) = (bench(1, 0), bench(1, 64 << 20));
    let beginning = cold.text(500);
    let ask = |bench: &mut Bench, adapter: usize, question: &str| {
        bench.rounds(&mut [bench.ask(adapter, &format!("{beginning}{question}"), 8)])
    };
    for adapter in [0, 1, 2] {
        let mut counts = Vec::new();
        for text in TEXTS {
            let (cold_rounds, cold) = ask(&mut cold, adapter, text);
            let (warm_rounds, warm) = ask(&mut warm, adapter, text);
            assert_eq!((&cold[0].text, cold[0].usage), (&warm[0].text, warm[0].usage));
            let error = (cold[0].signals.mean_logprob - warm[0].signals.mean_logprob).abs();
            assert!(error < 1e-4, "{error}");
            counts.push((cold_rounds, warm_rounds));
        }
        // The first of an adapter is read whole, whatever the others had; from then on a piece is enough.
        assert_eq!(counts[0].0, counts[0].1, "adapter {adapter}: {counts:?}");
        assert!(counts[1..].iter().all(|(cold, warm)| *warm + 3 <= *cold), "adapter {adapter}: {counts:?}");
    }
}

#[test]
fn what_is_under_way_is_let_go_and_the_next_is_answered() {
    let mut bench = bench(2, 0);
    let wanted = bench.rounds(&mut [bench.ask(1, TEXTS[0], 5)]).1;
    let (mut first, mut second) = (bench.ask(0, TEXTS[0], 900), bench.ask(1, &bench.text(500), 900));
    (0..2).for_each(|_| bench.round());
    bench.serving.abandon().unwrap();
    assert!(first.try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Closed));
    assert!(second.try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Closed));
    assert_eq!(bench.rounds(&mut [bench.ask(1, TEXTS[0], 5)]).1, wanted);
}

/// Greedy and drawn, of text and of JSON: with drafts of any length the same answers as without.
#[test]
fn drafts_change_no_answer_and_save_runs() {
    let prompts: Vec<Prompt> =
        ["the lantern and the rope, the lantern and", "rope rope rope", "who are you", "the lantern and the rope"]
            .iter()
            .flat_map(|text| {
                let turns = vec![Turn { role: Role::User, text: (*text).to_owned() }];
                let drawn = |temperature| Sampling::Random { temperature, top_p: 0.9, seed: Some(3) };
                let plain =
                    [Sampling::Greedy, drawn(0.3), drawn(1.0)].map(|sampling| Prompt::new(turns.clone(), 40, sampling));
                let json = Prompt { form: wire::Form::JsonObject, ..Prompt::new(turns, 40, Sampling::Greedy) };
                plain.into_iter().chain([json])
            })
            .collect();
    let mut found: Vec<(usize, Vec<Answer>, usize)> = Vec::new();
    for draft_tokens in [0, 1, 3, 8] {
        let mut bench = bench_with(1, 0, draft_tokens);
        let (mut rounds, mut answers, mut accepted) = (0, Vec::new(), 0);
        // Twice: the second time there are answers to look up.
        for prompt in prompts.iter().chain(&prompts) {
            let (count, answer) = bench.rounds(&mut [bench.put(0, prompt.clone())]);
            rounds += count;
            answers.extend(answer);
            accepted += bench.serving.take_round().accepted_tokens;
        }
        found.push((rounds, answers, accepted));
    }
    for (rounds, answers, accepted) in &found[1..] {
        for (answer, plain) in answers.iter().zip(&found[0].1) {
            assert_eq!((&answer.text, answer.finish, answer.usage), (&plain.text, plain.finish, plain.usage));
        }
        assert!(
            *accepted > 0 && *rounds + accepted == found[0].0,
            "{rounds} rounds, {accepted} accepted, {}",
            found[0].0
        );
    }
    let last = &found[3];
    assert!(last.0 * 3 < found[0].0 * 2, "{} rounds instead of {}", last.0, found[0].0);
}

/// An answer that others join and leave goes on as if nothing had been; nor does the end of the context matter.
#[test]
fn drafts_change_no_answer_in_company_or_at_the_end_of_the_context() {
    let mut answers = Vec::new();
    for draft_tokens in [0, 8] {
        let mut bench = bench_with(4, 0, draft_tokens);
        let text = bench.text(60);
        let mut receivers = vec![bench.ask(1, &text, 2000)];
        (0..40).for_each(|_| bench.round());
        receivers.push(bench.ask(2, "who are you", 30));
        receivers.push(bench.ask(0, &text, 20));
        answers.push(bench.rounds(&mut receivers).1);
    }
    for (plain, drafted) in answers[0].iter().zip(&answers[1]) {
        assert_eq!((&plain.text, plain.finish, plain.usage), (&drafted.text, drafted.finish, drafted.usage));
    }
}

/// Where a site's texts are all that its list has, an answer that was written with the whole vocabulary is written with the list, too;
/// whatever else a form wants is fetched from the whole.
#[test]
fn a_list_that_has_an_answers_tokens_gives_the_same_answer_and_a_form_what_it_needs() {
    for rows in [1, 4] {
        let mut bench = bench_of(GraphFormat::I8Packed, rows, 0, 8);
        bench.serving.learnt.shortlists = Shortlists::with(true, 0, 0);
        let whole = bench.rounds(&mut [bench.ask(1, "who are you", 40)]).1;
        let mut receivers = [bench.ask(1, "who are you", 40)];
        (0..3).for_each(|_| bench.round());
        let list = bench.serving.batch.rows[0].list.as_ref().expect("a list");
        assert!(list.numbers().len() * 16 < bench.serving.shape.vocab, "the list is no part: {list:?}");
        assert_eq!(bench.rounds(&mut receivers).1[0].text, whole[0].text);
        let turns = vec![Turn { role: Role::User, text: "{\"q\":\"".to_owned() }];
        let form = wire::Form::JsonSchema(r#"{"type":"object","properties":{"q":{"enum":["VVV","KKK"]}},"required":["q"],"additionalProperties":false}"#.to_owned());
        let prompt = Prompt { form, ..Prompt::new(turns, 900, Sampling::Greedy) };
        let (count, answers) = bench.rounds(&mut [bench.put(1, prompt)]);
        // A token that is not listed costs one round more, not a wait for the next check.
        assert!(count <= answers[0].usage.completion_tokens as usize + 20, "{count} rounds for {:?}", answers[0].usage);
        let value: serde_json::Value = serde_json::from_str(&answers[0].text).expect("JSON");
        assert!(["VVV", "KKK"].contains(&value["q"].as_str().unwrap()), "{value}");
        assert_eq!(bench.rounds(&mut [bench.ask(1, "who are you", 40)]).1[0].text, whole[0].text);
    }
}
