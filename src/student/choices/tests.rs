//! How a prompt falls apart into its choices, and how they come together.

use wire::{Answer, Finish, Prompt, Sampling, Signals, Usage};

use super::{join, split};

fn seeds(sampling: Sampling, choices: u32) -> Vec<Option<u64>> {
    let prompts = split(Prompt { choices, ..Prompt::new(Vec::new(), 9, sampling) });
    assert!(prompts.iter().all(|prompt| prompt.choices == 1));
    let seed = |prompt: &Prompt| match prompt.sampling {
        Sampling::Greedy => None,
        Sampling::Random { seed, .. } => seed,
    };
    prompts.iter().map(seed).collect()
}

fn random(temperature: f32, seed: Option<u64>) -> Sampling {
    Sampling::Random { temperature, top_p: 1.0, seed }
}

#[test]
fn choices_have_seeds_of_their_own_and_the_first_the_requests() {
    let found = seeds(random(1.0, Some(u64::MAX)), 8);
    assert_eq!(found[0], Some(u64::MAX));
    let distinct: std::collections::BTreeSet<_> = found.iter().collect();
    assert_eq!((found.len(), distinct.len()), (8, 8));
    assert_eq!(seeds(random(1.0, None), 3), [None; 3], "each is drawn anew");
    assert_eq!(seeds(random(1.0, Some(7)), 1), [Some(7)]);
}

#[test]
fn greedy_choices_are_one() {
    assert_eq!(seeds(Sampling::Greedy, 5).len(), 1);
    assert_eq!(seeds(random(0.0, Some(1)), 5).len(), 1);
}

fn answer(text: &str) -> Answer {
    let usage = Usage { prompt_tokens: 10, completion_tokens: text.len() as u32 };
    Answer::new(text, Finish::Stop, usage, Signals::default())
}

#[test]
fn an_answer_counts_the_prompt_once_and_every_choice() {
    let texts = |answer: &Answer| answer.choices().map(|choice| choice.text.clone()).collect::<Vec<_>>();
    let three = join(vec![answer("a"), answer("bb"), answer("ccc")], 3).unwrap();
    assert_eq!(texts(&three), ["a", "bb", "ccc"]);
    assert_eq!(three.usage, Usage { prompt_tokens: 10, completion_tokens: 6 });
    let same = join(vec![answer("bb")], 3).unwrap();
    assert_eq!((texts(&same), same.usage.completion_tokens), (vec!["bb".to_owned(); 3], 6));
    assert_eq!(join(vec![answer("a")], 1), Some(answer("a")));
    assert_eq!(join(Vec::new(), 1), None);
}
