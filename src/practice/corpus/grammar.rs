//! The small language: topics with facts, questions about them, and many ways to answer.

use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, RngExt};

use crate::template::{Slots, fill};
use crate::words::{COMMON, HEROES, ITEMS, MONSTERS, NAMES, PLACES, TOWNS, WEAPONS};

/// Something that a prompt can say and an answer can repeat.
struct Topic {
    facts: &'static [&'static str],
    questions: &'static [&'static str],
    answers: &'static [&'static str],
}

const WHO: &[&str] = &[
    "You are {name} of {town}.",
    "You are {name}, {role} in {town}.",
    "You are {name}, a {role} from {town}.",
    "Your name is {name}. You live in {town}.",
    "You play {name}, the {role} of {town}.",
    "{name} is a {role} in {town}.",
];

const HERO: &[&str] = &[
    "I am {hero}.",
    "My name is {hero}.",
    "{hero} is my name.",
    "Hello, I am {hero}.",
    "They call me {hero}.",
    "It is me, {hero}.",
    "I am {hero} and I have a {weapon}.",
    "I carry a {weapon}. My name is {hero}.",
    "{hero} is my name. My {weapon} is good.",
    "I am {hero}. I need a new {weapon}.",
];

const GREETING: &[&str] = &[
    "Hello, {hero}.",
    "Good day, {hero}!",
    "{hero}, come in.",
    "Ah, it is {hero}.",
    "Sit down, {hero}.",
    "{hero}! I am {name}.",
    "I am {name}, {hero}.",
    "Hello {hero}, this is {town}.",
    "Good to see you in {town}, {hero}.",
    "You have come to {town}, {hero}. I am {name}.",
    "Listen, {hero}.",
    "{name} greets {hero}.",
    "Thank you for coming, {hero}.",
];

const ARMED: &[&str] = &[
    "Keep your {weapon} close.",
    "Your {weapon} looks good.",
    "That {weapon} may help you, {hero}.",
    "I like your {weapon}, {hero}.",
    "With a {weapon} you are safe.",
    "You will need the {weapon}.",
    "Bring the {weapon} with you.",
    "A {weapon} is a good thing to have.",
];

const CLOSING: &[&str] = &[
    "Come back soon, {hero}.",
    "Ask for {name}.",
    "All of {town} knows it.",
    "So says {name} of {town}.",
    "Good luck, {hero}!",
    "I stay in {town}.",
    "Tell them {name} sent you.",
    "Go well, {hero}.",
    "This is all {name} can say.",
    "Nobody in {town} knows more.",
];

const TOPICS: &[Topic] = &[
    Topic {
        facts: &[
            "You sell a {item} for {price} coins.",
            "A {item} costs {price} coins.",
            "The {item} is {price} coins.",
            "You have one {item} to sell. It costs {price} coins.",
            "You want {price} coins for your {item}.",
        ],
        questions: &[
            "What does it cost?",
            "What do you sell?",
            "Can I buy something?",
            "How much is it?",
            "How many coins do you want?",
            "What have you got?",
        ],
        answers: &[
            "The {item} is {price} coins.",
            "I have a {item} for {price} coins.",
            "You can buy a {item}. It costs {price} coins.",
            "For {price} coins you get the {item}.",
            "I want {price} coins for my {item}.",
            "Give me {price} coins and take the {item}.",
            "My {item} costs {price}.",
            "{price} coins, that is the price of the {item}.",
            "It is a good {item}, only {price} coins.",
            "How about a {item}? {price} coins, {hero}.",
            "{name} sells the {item} at {price} coins.",
            "In {town} a {item} is {price} coins.",
        ],
    },
    Topic {
        facts: &["The shelf is full.", "The store is full.", "There is a lot left."],
        questions: &["Is there enough?", "Do you have more?"],
        answers: &[
            "There is enough for all.",
            "I have a lot of it.",
            "Take more if you like, {hero}.",
            "We have many, {hero}.",
        ],
    },
    Topic {
        facts: &["The shelf is empty.", "The store is empty.", "There is nothing left."],
        questions: &["Is there enough?", "Do you have more?"],
        answers: &[
            "There is no more of it.",
            "I have nothing now.",
            "You must wait, {hero}.",
            "It is all gone, {hero}.",
        ],
    },
    Topic {
        facts: &[
            "There are {monster} at the {place}.",
            "The {place} is full of {monster}.",
            "At the {place} there are {monster}.",
            "You saw {monster} near the {place}.",
            "{monster} live in the {place}.",
        ],
        questions: &["Is it safe here?", "What can I do?", "Is there work?", "What is wrong?", "Why are you afraid?"],
        answers: &[
            "I saw {monster} near the {place}.",
            "Do not go to the {place}. There are {monster}.",
            "The {place} is not safe, there are {monster}.",
            "Go to the {place} and fight the {monster}.",
            "The {monster} took the {place} from us.",
            "We fear the {monster} of the {place}.",
            "Help us, {hero}. Stop the {monster} at the {place}.",
            "{monster} came to the {place}.",
            "{town} has lost the {place} to {monster}.",
            "At the {place} you will find {monster}, {hero}.",
        ],
    },
    Topic {
        facts: &[
            "The pay is {pay} silver.",
            "You pay {pay} silver.",
            "There is {pay} silver to win.",
            "You offer {pay} silver.",
        ],
        questions: &["What do I get?", "Is there pay?", "How much silver?", "What is it worth?"],
        answers: &[
            "You get {pay} silver.",
            "I will pay {pay} silver.",
            "There is {pay} silver for you, {hero}.",
            "{pay} silver is the pay.",
            "{town} pays {pay} silver.",
            "For this {name} gives {pay} silver.",
            "It is worth {pay} silver to me.",
            "Come back and take {pay} silver.",
        ],
    },
    Topic {
        facts: &["The task is easy.", "It is easy work."],
        questions: &["Is it hard?", "Can I do it alone?"],
        answers: &["It is easy.", "You can do it alone.", "It will not take long, {hero}.", "A child could do it."],
    },
    Topic {
        facts: &["The task is hard.", "It is hard work."],
        questions: &["Is it hard?", "Can I do it alone?"],
        answers: &["It is very hard.", "Do not go alone.", "Take some friends, {hero}.", "Many have lost their lives."],
    },
    Topic {
        facts: &[
            "Your friend is {other}.",
            "You work with {other}.",
            "{other} is your friend.",
            "You wait for {other}.",
        ],
        questions: &["Who is with you?", "Do you know anybody here?", "Who can help?"],
        answers: &[
            "{other} is my friend.",
            "Ask {other}.",
            "I work with {other}.",
            "You should talk to {other}, {hero}.",
            "{other} and {name} will help you.",
            "{other} can help.",
            "Look for {other} in {town}.",
        ],
    },
    Topic {
        facts: &[
            "You lost your {gift}.",
            "You need a {gift}.",
            "You look for a {gift}.",
            "Your {gift} is at the {place}.",
        ],
        questions: &["What do you need?", "What are you looking for?", "Did you lose something?"],
        answers: &[
            "I need a {gift}.",
            "Please find my {gift}.",
            "I lost my {gift}.",
            "Bring me a {gift}, {hero}.",
            "Without the {gift} I can not work.",
            "{name} needs the {gift}.",
            "Have you seen a {gift}?",
        ],
    },
];

const ROLES: [&str; 14] = [
    "shopkeeper",
    "quest giver",
    "fortune teller",
    "guard",
    "farmer",
    "smith",
    "baker",
    "hunter",
    "sailor",
    "miner",
    "teacher",
    "cook",
    "singer",
    "healer",
];

fn pick<'a>(rng: &mut impl Rng, words: &[&'a str]) -> &'a str {
    words.choose(rng).copied().unwrap_or_default()
}

const REPEAT: &[&str] = &["Say this:", "Repeat:", "Say it again:", "Read:", "Now say:", "Your words:"];

/// Somebody is asked to repeat some words: copying from the prompt in its plainest form.
fn repetition(rng: &mut impl Rng) -> [String; 3] {
    let words: Vec<&str> = (0..rng.random_range(4..16))
        .map(|_| match rng.random_range(0..10) {
            0 => pick(rng, &NAMES),
            1 => pick(rng, &HEROES),
            2 => pick(rng, &TOWNS),
            3 => pick(rng, &MONSTERS),
            _ => pick(rng, COMMON),
        })
        .collect();
    let words = words.join(" ");
    let slots: Slots<'_> = vec![("name", pick(rng, &NAMES)), ("town", pick(rng, &TOWNS)), ("role", pick(rng, &ROLES))];
    let who = fill(pick(rng, WHO), &slots).unwrap_or_default();
    let order = pick(rng, REPEAT);
    if rng.random_bool(0.5) {
        [who, format!("{order} {words}"), words]
    } else {
        [format!("{who} {order} {words}"), "Go on.".to_owned(), words]
    }
}

/// Share of the conversations that are repetitions.
const REPETITIONS: f64 = 0.12;

/// A system text, a player's line and an answer.
pub fn conversation(rng: &mut impl Rng) -> [String; 3] {
    if rng.random_bool(REPETITIONS) {
        return repetition(rng);
    }
    let (price, pay) = (rng.random_range(2..120).to_string(), rng.random_range(2..120).to_string());
    let slots: Slots<'_> = vec![
        ("name", pick(rng, &NAMES)),
        ("town", pick(rng, &TOWNS)),
        ("role", pick(rng, &ROLES)),
        ("hero", pick(rng, &HEROES)),
        ("weapon", pick(rng, &WEAPONS)),
        ("item", pick(rng, &ITEMS)),
        ("price", &price),
        ("monster", pick(rng, &MONSTERS)),
        ("place", pick(rng, &PLACES)),
        ("pay", &pay),
        ("other", pick(rng, &NAMES)),
        ("gift", pick(rng, &ITEMS)),
    ];
    let mut topics: Vec<usize> = (0..TOPICS.len()).collect();
    topics.shuffle(rng);
    // Full and empty, easy and hard exclude each other: topics 1|2 and 5|6.
    let mut chosen: Vec<usize> = Vec::new();
    let wanted = rng.random_range(1..5);
    for topic in topics {
        let rival = match topic {
            1 | 5 => topic + 1,
            2 | 6 => topic - 1,
            _ => topic,
        };
        if chosen.len() < wanted && !chosen.contains(&rival) {
            chosen.push(topic);
        }
    }
    let topics: Vec<&Topic> = chosen.iter().filter_map(|i| TOPICS.get(*i)).collect();
    let mut system = vec![pick(rng, WHO)];
    system.extend(topics.iter().map(|topic| pick(rng, topic.facts)));
    let hero = pick(rng, HERO);
    let asked = topics.choose(rng).map_or("", |topic| pick(rng, topic.questions));
    let mut reply = Vec::new();
    if rng.random_bool(0.8) {
        reply.push(pick(rng, GREETING));
    }
    let mut order = topics;
    order.shuffle(rng);
    reply.extend(order.iter().map(|topic| pick(rng, topic.answers)));
    if hero.contains("{weapon}") {
        let at = rng.random_range(0..reply.len() + 1);
        reply.insert(at, pick(rng, ARMED));
    }
    if rng.random_bool(0.6) {
        reply.push(pick(rng, CLOSING));
    }
    let text = |templates: &[&str]| fill(&templates.join(" "), &slots).unwrap_or_default();
    [text(&system), text(&[hero, asked]), text(&reply)]
}
