//! Scenes between a player and a character, from the persona and the speech act that the prompt names.

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;

use crate::words::{HEROES, ITEMS, MONSTERS, PLACES, TOWNS, WEAPONS};

/// Shares of what a model gets wrong.
const OUT_OF_CHARACTER: f64 = 0.03;
const STAGE_DIRECTION: f64 = 0.03;
const MODERN: f64 = 0.03;
const TOO_SHORT: f64 = 0.03;
const INVENTED: f64 = 0.03;
const FORMLESS: f64 = 0.03;

/// By the words of the speech act: what players say.
const ASKED: &[(&str, &[&str])] = &[
    (
        "greet",
        &[
            "Good {time}, I am {hero} from {town} and I walk to the {place}.",
            "{hero} is my name. I bring a {item} from {town}. Who are you?",
            "Hello there! {town} sent me, I am {hero} with the {weapon}.",
        ],
    ),
    (
        "ask about",
        &[
            "Tell {hero} what you know about the {place} and its {monster}.",
            "I am {hero}. What is new near the {place} this {time}?",
            "Do you know who left a {item} at the {place}? {hero} wants to hear it.",
        ],
    ),
    (
        "bargain",
        &[
            "{price} coins and my {item}, says {hero}. Is it enough?",
            "I am {hero} of {town}. Can we say {price} silver and a {item}?",
            "For a {weapon} and {price} coins {hero} will not ask twice.",
        ],
    ),
    (
        "take on",
        &[
            "The {monster} at the {place} are gone, so {hero} wants the pay.",
            "I am {hero} and my {weapon} is ready. Is there work at the {place}?",
            "{hero} of {town} can look for {price} {monster}. What is the task?",
        ],
    ),
    (
        "hear about the past",
        &[
            "Who built the {place}, and why do the {monster} fear it? asks {hero}.",
            "{hero} read of {town} and a lost {item}. Is it true?",
            "Tell the story of the {weapon} in the {place}. I am {hero}.",
        ],
    ),
    (
        "get help",
        &[
            "How does {hero} use a {weapon} against {price} {monster}?",
            "I am {hero} and I am lost. Where do I find the {place}?",
            "My {item} is broken and the {monster} are near. Help {hero}!",
        ],
    ),
    (
        "say goodbye",
        &[
            "The {time} is late. {hero} goes back to {town} now.",
            "Keep the {item}. {hero} must reach the {place} before night.",
            "Farewell, says {hero}. My {weapon} and I go to {town}.",
        ],
    ),
    (
        "talk about what does not belong",
        &[
            "Does a {item} dream of {price} {monster}? {hero} wonders.",
            "{hero} thinks the moon is a {item} that fell on {town}.",
            "If the {place} could dance, would it carry my {weapon}? asks {hero}.",
        ],
    ),
    (
        "threaten",
        &[
            "Give me {price} coins or {hero} will burn the {place}!",
            "My {weapon} is sharp and {hero} is angry. Talk!",
            "{town} will laugh about you and your {item}, says {hero}.",
        ],
    ),
];

const GREET: &[&str] =
    &["Good {time}, {hero}.", "Ah, {hero}!", "Sit down, {hero}.", "{hero}, come in.", "Listen, {hero}."];
const CLOSE: &[&str] = &[
    "Keep the {thing} close.",
    "That is all I can say of the {thing}.",
    "Ask again when you have no {thing}.",
    "Nobody here knows more of your {thing}.",
    "Come back with the {thing}.",
    "I like your {thing}.",
];

/// One scene, or what a model writes in its place now and then.
pub(super) fn scene(asked: &str, rng: &mut ChaCha8Rng) -> Option<String> {
    let persona = asked.split_once("The character: You are ")?.1.lines().next()?;
    let act = asked.split_once("The player wants to ")?.1.lines().next()?;
    let turns: usize = asked.split_once("- Exactly ")?.1.split(' ').next()?.parse().ok()?;
    if rng.random_bool(FORMLESS) {
        return Some("Here is a scene that you might like. It is about a player who meets somebody.".to_owned());
    }
    let (_, lines) = ASKED.iter().find(|(begin, _)| act.starts_with(begin))?;
    // Behind name, place and voice come the facts.
    let facts: Vec<&str> = persona.split(". ").skip(2).map(|fact| fact.trim_end_matches('.')).collect();
    let pairs = (0..turns).map(|_| {
        let slots = Slots::draw(rng);
        let line = slots.fill(lines.choose(rng).copied().unwrap_or_default());
        format!("Player: {line}\nCharacter: {}", answer(rng, &slots, &line, &facts))
    });
    Some(pairs.collect::<Vec<_>>().join("\n"))
}

/// One line of a player's, now and then no line at all.
pub(super) fn request(_: &str, rng: &mut ChaCha8Rng) -> Option<String> {
    if rng.random_bool(FORMLESS) {
        return Some("Hello!".to_owned());
    }
    let (_, lines) = ASKED.choose(rng)?;
    Some(Slots::draw(rng).fill(lines.choose(rng).copied().unwrap_or_default()))
}

fn answer(rng: &mut ChaCha8Rng, slots: &Slots, line: &str, facts: &[&str]) -> String {
    let faults = [
        (OUT_OF_CHARACTER, "As an AI language model I cannot sell you anything."),
        (STAGE_DIRECTION, "*smiles* Welcome to my house, stranger."),
        (MODERN, "Look it up on the internet, friend."),
        (TOO_SHORT, "No."),
        (INVENTED, "You must speak to Belisarius about that."),
    ];
    let mut wrong = rng.random_range(0.0..1.0);
    for (share, text) in faults {
        if wrong < share {
            return text.to_owned();
        }
        wrong -= share;
    }
    let greet = slots.fill(GREET.choose(rng).copied().unwrap_or_default());
    // A thing that the player has named.
    let things = [slots.item, slots.weapon, slots.place];
    let thing = things.into_iter().find(|thing| line.contains(thing)).unwrap_or("road");
    let close = CLOSE.choose(rng).copied().unwrap_or_default().replace("{thing}", thing);
    let fact = facts.choose(rng).copied().unwrap_or_default();
    format!("{greet} {fact}. {close}")
}

/// What one pair of lines speaks of.
struct Slots {
    hero: &'static str,
    town: &'static str,
    item: &'static str,
    weapon: &'static str,
    monster: &'static str,
    place: &'static str,
    time: &'static str,
    price: String,
}

impl Slots {
    fn draw(rng: &mut impl Rng) -> Self {
        let mut pick = |words: &[&'static str]| words.choose(rng).copied().unwrap_or_default();
        Self {
            hero: pick(&HEROES),
            town: pick(&TOWNS),
            item: pick(&ITEMS),
            weapon: pick(&WEAPONS),
            monster: pick(&MONSTERS),
            place: pick(&PLACES),
            time: pick(&["morning", "evening", "day"]),
            price: rng.random_range(2..60).to_string(),
        }
    }

    fn fill(&self, text: &str) -> String {
        let slots = [
            ("{hero}", self.hero),
            ("{town}", self.town),
            ("{item}", self.item),
            ("{weapon}", self.weapon),
            ("{monster}", self.monster),
            ("{place}", self.place),
            ("{time}", self.time),
            ("{price}", &self.price),
        ];
        slots.into_iter().fold(text.to_owned(), |text, (slot, word)| text.replace(slot, word))
    }
}
