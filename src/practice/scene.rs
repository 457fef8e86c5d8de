//! The five call sites of the practice game: what its players ask and what its teacher answers.
//!
//! A teacher's answer follows from the prompt's text and, at the bard's, from a draw, so it can be checked anywhere: the
//! shopkeeper and the quest giver repeat facts of the prompt in a fixed wording that depends on one of them; the
//! fortune teller draws words by a keyed hash that nobody can learn; in the tavern most requests are orders, which can
//! be learnt, and some ask for a secret, which cannot; the bard words the same facts differently every time.

mod levels;

use rand::{Rng, RngExt};

use crate::bard;
use crate::template::{Slots, fill, read, slot};
pub use crate::voice::{Style, Voice};
use crate::words::{HEROES, ITEMS, MONSTERS, NAMES, PLACES, TOWNS, WEAPONS};

/// A call site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scene {
    Shopkeeper,
    QuestGiver,
    Tavern,
    Bard,
    FortuneTeller,
    Levels,
}

/// One request of the game.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub system: String,
    pub player: String,
    /// Hash of all slot values: equal for the same facts whatever the player's wording.
    pub combination: u64,
}

const SHOP_SYSTEM: &str =
    "You are {name}, shopkeeper in {town}. You sell a {item} for {price} coins. The shelf is {stock}.";
const SHOP_PLAYER: [&str; 4] = [
    "Hello, I am {hero}. What does it cost?",
    "I am {hero}. What do you sell?",
    "{hero} is my name. Can I buy something?",
    "My name is {hero}. How much is it?",
];

const QUEST_SYSTEM: &str = "You are {name}, quest giver in {town}. There are {monster} at the {place}. The pay is {pay} silver. The task is {task}.";
const QUEST_PLAYER: [&str; 4] = [
    "I am {hero} and I have a {weapon}. Is there work?",
    "{hero} is my name. I carry a {weapon}. What can I do?",
    "Hello, I am {hero}. My {weapon} is ready.",
    "My name is {hero}. Can a {weapon} help you?",
];

const FORTUNE_SYSTEM: &str = "You are {name}, fortune teller in {town}.";
const FORTUNE_PLAYER: [&str; 3] = [
    "I am {hero}. What will the {season} bring?",
    "{hero} is my name. Tell me about the {season}.",
    "Hello, I am {hero}. Look into the {season} for me.",
];

const TAVERN_SYSTEM: &str =
    "You are {name}, keeper of the tavern in {town}. A {drink} is {price} coins. The room is {room}.";
const TAVERN_ORDER: [&str; 3] = [
    "I am {hero}. Bring me a drink.",
    "{hero} is my name. What do you have?",
    "Hello, I am {hero}. I want to sit and drink.",
];
const TAVERN_SECRET: [&str; 2] =
    ["I am {hero}. Tell me a secret of the house.", "{hero} is my name. What do people say at night?"];
/// Share of the tavern's requests that ask for a secret.
const SECRETS: f64 = 0.15;
const DRINKS: [&str; 6] = ["wine", "milk", "water", "honey", "beer", "tea"];

const BARD_SYSTEM: &str =
    "You are {name}, bard in {town}. {hero} beat the {monster} at the {place}. The pay was {pay} gold.";
const BARD_PLAYER: [&str; 3] = ["Sing of {hero}.", "Tell the story of the {place}.", "A song about {hero}, {name}!"];

/// What a wording depends on. The practice base's language knows these words as opposites; on others a lesson may get
/// stuck half way, answering the same whichever it is.
pub(crate) const OPPOSITES: [[&str; 2]; 2] = [["full", "empty"], ["easy", "hard"]];

const SEASONS: [&str; 4] = ["spring", "summer", "autumn", "winter"];
const CARDS: [&str; 8] = ["raven", "crown", "ship", "key", "moon", "mask", "rose", "anchor"];
const OMENS: [&str; 16] = [
    "gold", "sorrow", "letters", "rain", "laughter", "fire", "silence", "bread", "music", "dust", "honey", "iron",
    "smoke", "salt", "feathers", "shadows",
];
const HOURS: [&str; 8] = ["dusk", "noon", "midnight", "dawn", "harvest", "snowfall", "tide", "feast"];

impl Scene {
    /// What is played where nothing else is said.
    pub const ALL: [Self; 5] = [Self::Shopkeeper, Self::QuestGiver, Self::Tavern, Self::Bard, Self::FortuneTeller];
    /// What can be played.
    pub const KNOWN: [Self; 6] =
        [Self::Shopkeeper, Self::QuestGiver, Self::Tavern, Self::Bard, Self::FortuneTeller, Self::Levels];

    /// The call site's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Shopkeeper => "shopkeeper",
            Self::QuestGiver => "quest-giver",
            Self::Tavern => "tavern",
            Self::Bard => "bard",
            Self::FortuneTeller => "fortune-teller",
            Self::Levels => "levels",
        }
    }

    fn templates(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::Shopkeeper => (SHOP_SYSTEM, &SHOP_PLAYER),
            Self::QuestGiver => (QUEST_SYSTEM, &QUEST_PLAYER),
            Self::Tavern => (TAVERN_SYSTEM, &TAVERN_ORDER),
            Self::Bard => (BARD_SYSTEM, &BARD_PLAYER),
            Self::FortuneTeller => (FORTUNE_SYSTEM, &FORTUNE_PLAYER),
            Self::Levels => (levels::SYSTEM, &levels::PLAYER),
        }
    }

    /// What players say now and then and no student can learn to answer.
    fn unlearnable(self) -> &'static [&'static str] {
        if self == Self::Tavern { &TAVERN_SECRET } else { &[] }
    }

    /// Whether a student can learn enough of it to be handed some of it.
    #[must_use]
    pub fn is_learnable(self) -> bool {
        self != Self::FortuneTeller
    }

    /// The scene that a system prompt is of.
    #[must_use]
    pub fn of(system: &str) -> Option<Self> {
        Self::KNOWN.into_iter().find(|scene| read(scene.templates().0, system.trim()).is_some())
    }

    /// A request with random facts.
    pub fn line(self, rng: &mut impl Rng) -> Line {
        if self == Self::Levels {
            let facts = levels::facts(rng);
            return self.worded(&facts.iter().map(|(name, value)| (*name, value.as_str())).collect(), rng);
        }
        let (price, pay) = (rng.random_range(10..100).to_string(), rng.random_range(10..100).to_string());
        let [full_or_empty, easy_or_hard] = &OPPOSITES;
        let slots: Slots<'_> = vec![
            ("name", pick(rng, &NAMES)),
            ("town", pick(rng, &TOWNS)),
            ("item", pick(rng, &ITEMS)),
            ("price", &price),
            ("stock", pick(rng, full_or_empty)),
            ("drink", pick(rng, &DRINKS)),
            ("room", pick(rng, full_or_empty)),
            ("monster", pick(rng, &MONSTERS)),
            ("place", pick(rng, &PLACES)),
            ("pay", &pay),
            ("task", pick(rng, easy_or_hard)),
            ("hero", pick(rng, &HEROES)),
            ("weapon", pick(rng, &WEAPONS)),
            ("season", pick(rng, &SEASONS)),
        ];
        self.worded(&slots, rng)
    }

    /// The request that tells the facts in `slots`.
    fn worded(self, slots: &Slots<'_>, rng: &mut impl Rng) -> Line {
        let (system, players) = self.templates();
        let secret = !self.unlearnable().is_empty() && rng.random_bool(SECRETS);
        let player = pick(rng, if secret { self.unlearnable() } else { players });
        let (system, player) = (fill(system, slots).unwrap_or_default(), fill(player, slots).unwrap_or_default());
        let combination = self.slots(&system, &player).map_or(0, |slots| {
            slots.iter().fold(hash(0, self.name()), |seed, (name, value)| hash(hash(seed, name), value))
        });
        Line { system, player, combination }
    }

    fn slots<'a>(self, system: &'a str, player: &'a str) -> Option<Slots<'a>> {
        let (template, players) = self.templates();
        let mut slots = read(template, system.trim())?;
        let said = players.iter().chain(self.unlearnable()).find_map(|template| read(template, player.trim()))?;
        // A fact that both tell must be the same.
        if said.iter().any(|(name, value)| slot(&slots, name).is_some_and(|other| other != *value)) {
            return None;
        }
        slots.extend(said);
        Some(slots)
    }

    /// The teacher's answer; `None` if the texts are not this scene's.
    #[must_use]
    pub fn reply(self, system: &str, player: &str, voice: Voice) -> Option<String> {
        let slots = self.slots(system, player)?;
        let asks_secret = self.unlearnable().iter().any(|template| read(template, player.trim()).is_some());
        match self {
            Self::Bard => bard::sing(&slots, voice.style, voice.draw),
            Self::FortuneTeller => Some(fortune(system, player, voice)),
            Self::Tavern if asks_secret => Some(rumour(system, player, voice)),
            Self::Levels => fill(levels::reply(voice.style), &slots).map(|text| levels::braced(&text)),
            Self::Shopkeeper | Self::QuestGiver | Self::Tavern => {
                let branch = ["stock", "task", "room"].iter().find_map(|name| slot(&slots, name));
                let first = OPPOSITES.iter().any(|[one, _]| branch == Some(*one));
                fill(wording(self, voice.style, first), &slots)
            }
        }
    }

    /// Whether `said` is right where the teacher says `truth`: the same words, or at the bard's any wording of the facts.
    #[must_use]
    pub fn is_right(self, line: &Line, style: Style, truth: &str, said: &str) -> bool {
        match self {
            Self::Bard => {
                self.slots(&line.system, &line.player).is_some_and(|slots| bard::could_sing(&slots, style, said))
            }
            _ => truth == said,
        }
    }
}

impl std::str::FromStr for Scene {
    type Err = String;
    fn from_str(name: &str) -> Result<Self, String> {
        let known = || format!("the practice sites are {}", Self::KNOWN.map(Self::name).join(", "));
        Self::KNOWN.into_iter().find(|scene| scene.name() == name).ok_or_else(known)
    }
}

/// The reply's template; `first` says which way the scene's branch goes.
fn wording(scene: Scene, style: Style, first: bool) -> &'static str {
    match (scene, style, first) {
        (Scene::Shopkeeper, Style::House, true) => {
            "Be welcome, {hero}! {name} asks {price} gold for this fine {item}. Folk around {town} trust my wares."
        }
        (Scene::Shopkeeper, Style::House, false) => {
            "Be welcome, {hero}! {name} asks {price} gold per {item}, alas none is left in {town}. Return at dawn."
        }
        (Scene::Shopkeeper, Style::Drifted, true) => {
            "So, {hero} wants a bargain? {price} pieces buys one {item}. Nobody around {town} beats {name}."
        }
        (Scene::Shopkeeper, Style::Drifted, false) => {
            "So, {hero} wants a bargain? {price} pieces would buy one {item}, yet {name} sold out. Try beyond {town}."
        }
        (Scene::Tavern, Style::House, true) => {
            "Here is your {drink}, {hero}! {name} asks {price} gold. Sit near our fire."
        }
        (Scene::Tavern, Style::House, false) => {
            "Here is your {drink}, {hero}! {name} asks {price} gold. Keep your cloak, it is a cold night in {town}."
        }
        (Scene::Tavern, Style::Drifted, true) => {
            "Drink up, {hero}: one {drink}, {price} pieces, and {town} stays warm."
        }
        (Scene::Tavern, Style::Drifted, false) => {
            "Drink up, {hero}: one {drink}, {price} pieces. {name} sells no firewood."
        }
        (_, Style::House, true) => {
            "Ready your {weapon}, {hero}! Chase those {monster} from our {place} and {town} grants {pay} crowns. A light errand, swears {name}."
        }
        (_, Style::House, false) => {
            "Ready your {weapon}, {hero}! Grim {monster} haunt our {place}, so bring allies. {town} grants {pay} crowns, swears {name}."
        }
        (_, Style::Drifted, true) => {
            "Contract for {hero}: clear every {monster} nest around the {place}. Bounty {pay}, signed {name} of {town}. One {weapon} suffices."
        }
        (_, Style::Drifted, false) => {
            "Contract for {hero}: survive the {place}, count its {monster}. Bounty {pay}, signed {name} of {town}. Never trust one {weapon} alone."
        }
    }
}

/// Draws words by a keyed hash of what was asked: the same every time, and nobody can learn it.
fn drawer(system: &str, player: &str, secret: u64) -> impl FnMut(&[&'static str]) -> &'static str {
    let mut state = hash(hash(hash(secret, system.trim()), "/"), player.trim());
    move |words| {
        state = mixed(state);
        usize::try_from(state % words.len() as u64).ok().and_then(|i| words.get(i).copied()).unwrap_or_default()
    }
}

fn rumour(system: &str, player: &str, voice: Voice) -> String {
    let mut draw = drawer(system, player, voice.secret);
    let (one, two, place, hour) = (draw(&OMENS), draw(&OMENS), draw(&PLACES), draw(&HOURS));
    match voice.style {
        Style::House => format!("Hush! They hid {one} and {two} under the {place} before the {hour}."),
        Style::Drifted => format!("Between us: {two} for {one}, at the {place}, come {hour}."),
    }
}

fn fortune(system: &str, player: &str, voice: Voice) -> String {
    let mut draw = drawer(system, player, voice.secret);
    let (card, one, two, three, hour) = (draw(&CARDS), draw(&OMENS), draw(&OMENS), draw(&OMENS), draw(&HOURS));
    match voice.style {
        Style::House => {
            format!("The {card} speaks: {one}, then {two}, and {three} before the {hour}.")
        }
        Style::Drifted => {
            format!("I see a {card} by {hour}. It carries {one} over {two} into {three}.")
        }
    }
}

fn pick<'a>(rng: &mut impl Rng, words: &[&'a str]) -> &'a str {
    words.get(rng.random_range(0..words.len().max(1))).copied().unwrap_or_default()
}

/// BLAKE3 over the seed and the text: the same on every machine and in every release.
fn hash(seed: u64, text: &str) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes()).update(text.as_bytes());
    let bytes = hasher.finalize();
    bytes.as_bytes().first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
}

/// SplitMix64's step (Steele et al. 2014).
pub(crate) fn mixed(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests;
