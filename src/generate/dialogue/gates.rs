//! Which scenes stay: the hard checks of a character's speech (science 5.2, 5.3, 5.5), then likeness to what is there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use verify::{Verdict, Verifier, VerifierError, VerifierSettings, Verifiers};
use wire::{Answer, Finish, Prompt, Sampling, Signals, Usage};

use super::{CharacterRole, Persona, Scene};
use crate::item::{Check, Item};
use crate::novelty::Pool;

/// Thresholds of the gates.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Thresholds {
    /// Words and sentences of one answer.
    pub words_min: usize,
    pub words_max: usize,
    pub sentences_max: usize,
    /// ROUGE-L with the nearest scene of the role above which the player's lines, or the answers, are not new.
    pub asked_rouge_max: f64,
    pub answered_rouge_max: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { words_min: 3, words_max: 60, sentences_max: 4, asked_rouge_max: 0.7, answered_rouge_max: 0.9 }
    }
}

/// What nobody in the game's world can know.
const MODERN: &str = r"\b(?:internet|website|e-?mail|smartphones?|telephones?|computers?|televisions?|laptops?|videos?|movies?|electricity|batter(?:y|ies)|engines?|cars?|trucks?|trains?|airplanes?|plastic|dollars?|euros?|bitcoin|covid|united states|america|london|facebook|twitter|netflix|app|software|download|wi-?fi|gps|robot|nuclear|laser)\b";
/// Marks of a text that is no speech: headings, lists, emphasis, stage directions.
const MARKUP: &str = r"(?m)^\s*(?:#{1,6} |[-*] |\d+\. )|\*[^*\n]+\*|\[[^\]\n]+\]|\((?:laughs|sighs|smiles|whispers|pauses|nods)[^)\n]*\)|</?[a-z]+>";

fn expression(cell: &'static OnceLock<Option<Regex>>, text: &str) -> Option<&'static Regex> {
    cell.get_or_init(|| RegexBuilder::new(text).case_insensitive(true).build().ok()).as_ref()
}

fn found(cell: &'static OnceLock<Option<Regex>>, pattern: &str, text: &str) -> Option<String> {
    Some(expression(cell, pattern)?.find(text)?.as_str().to_owned())
}

/// Texts with the ids of their scenes.
#[derive(Default)]
struct Known {
    pool: Pool,
    ids: Vec<String>,
}

impl Known {
    fn push(&mut self, text: &str, id: &str) {
        self.pool.push(text);
        self.ids.push(id.to_owned());
    }

    /// ROUGE-L with the nearest text, and whose that is.
    fn nearest(&self, text: &str) -> Option<(f64, String)> {
        let nearest = self.pool.nearest(text)?;
        Some((nearest.rouge_l, self.ids.get(nearest.index).cloned().unwrap_or_default()))
    }
}

/// The gates with what has passed them.
pub(crate) struct Gates {
    verifiers: Verifiers,
    thresholds: Thresholds,
    asked: BTreeMap<CharacterRole, Known>,
    answered: BTreeMap<CharacterRole, Known>,
    seen: BTreeSet<[u8; 32]>,
}

impl Gates {
    pub(crate) fn new(thresholds: Thresholds) -> Result<Self, VerifierError> {
        let verifiers = Verifiers::new(&VerifierSettings {
            // Lengths are checked with their numbers.
            words_min: 0,
            words_max: usize::MAX,
            sentences_max: thresholds.sentences_max,
            in_character: true,
            grounded: true,
            no_echo: true,
            ..VerifierSettings::default()
        })?;
        let (asked, answered) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { verifiers, thresholds, asked, answered, seen: BTreeSet::new() })
    }

    /// Takes a scene that is there already: what comes is held against it.
    pub(crate) fn known(&mut self, scene: &Scene) {
        self.asked.entry(scene.role).or_default().push(&scene.asked(), &scene.id);
        self.answered.entry(scene.role).or_default().push(&scene.answered(), &scene.id);
        self.seen.insert(canonical(scene));
    }

    /// Adds every check of `scene` to `item`; a scene that passes, as the item has so far, is known from then on.
    pub(crate) fn check(&mut self, scene: &Scene, persona: &Persona, item: &mut Item) -> bool {
        self.lengths(scene, item);
        self.speech(scene, persona, item);
        self.novelty(scene, item);
        let passed = item.is_kept();
        if passed {
            self.known(scene);
        }
        passed
    }

    /// The shortest and the longest answer.
    fn lengths(&self, scene: &Scene, item: &mut Item) {
        #[expect(clippy::cast_precision_loss, reason = "word counts")]
        let words = |said: &String| said.split_whitespace().count() as f64;
        let answers = || scene.turns.iter().map(|(_, said)| words(said));
        let Thresholds { words_min, words_max, .. } = self.thresholds;
        #[expect(clippy::cast_precision_loss, reason = "word counts")]
        let (least, most) = (words_min as f64, words_max as f64);
        item.check(Check::at_least("words-min", answers().fold(f64::INFINITY, f64::min), least));
        item.check(Check::at_most("words-max", answers().fold(0.0, f64::max), most));
    }

    /// Every answer by itself; of each kind of fault the first is told.
    fn speech(&self, scene: &Scene, persona: &Persona, item: &mut Item) {
        static MODERN_WORDS: OnceLock<Option<Regex>> = OnceLock::new();
        static MARKS: OnceLock<Option<Regex>> = OnceLock::new();
        let messages = scene.messages(persona);
        let refused = |(turn, (_, said)): (usize, &(String, String))| {
            let turns = messages.iter().take(2 * turn + 2).cloned().collect();
            let prompt = Prompt::new(turns, 1, Sampling::Greedy);
            let (usage, signals) = (Usage::default(), Signals::default());
            match self.verifiers.check(&prompt, &Answer::new(said.clone(), Finish::Stop, usage, signals)) {
                Verdict::Pass => None,
                Verdict::Fail(name) => Some((name, said.clone())),
            }
        };
        let plain = |name: &str, fault: Option<String>| match fault {
            Some(fault) => Check::plain(name, false).because(fault),
            None => Check::plain(name, true),
        };
        let answers = || scene.turns.iter().map(|(_, said)| said.as_str());
        item.check(match scene.turns.iter().enumerate().find_map(refused) {
            Some((name, said)) => Check::plain(name, false).because(said),
            None => Check::plain("speech", true),
        });
        item.check(plain("forbidden-knowledge", answers().find_map(|said| found(&MODERN_WORDS, MODERN, said))));
        item.check(plain("markup", answers().find_map(|said| found(&MARKS, MARKUP, said))));
        let languages = languages(&scene.asked(), &scene.answered());
        item.check(plain("language", languages.map(|(asked, answered)| format!("{asked} and {answered}"))));
    }

    fn novelty(&self, scene: &Scene, item: &mut Item) {
        item.check(Check::plain("duplicate", !self.seen.contains(&canonical(scene))));
        let nearest = |known: &BTreeMap<CharacterRole, Known>, text: &str| {
            known.get(&scene.role).and_then(|known| known.nearest(text)).unwrap_or_default()
        };
        let Thresholds { asked_rouge_max, answered_rouge_max, .. } = self.thresholds;
        let (asked, near) = nearest(&self.asked, &scene.asked());
        (item.max_rouge, item.nearest_id) = (Some(asked), Some(near.clone()).filter(|near| !near.is_empty()));
        item.check(Check::at_most("novelty-asked", asked, asked_rouge_max).because(near));
        let (answered, near) = nearest(&self.answered, &scene.answered());
        item.check(Check::at_most("novelty-answered", answered, answered_rouge_max).because(near));
    }
}

/// Both languages where the player and the character surely speak different ones.
fn languages(asked: &str, answered: &str) -> Option<(String, String)> {
    let (asked, answered) = (whatlang::detect(asked)?, whatlang::detect(answered)?);
    let differ = asked.is_reliable() && answered.is_reliable() && asked.lang() != answered.lang();
    differ.then(|| (asked.lang().eng_name().to_owned(), answered.lang().eng_name().to_owned()))
}

/// Equal for scenes with the same words, whatever their letter case and punctuation.
fn canonical(scene: &Scene) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for (asked, answered) in &scene.turns {
        for text in [asked, answered] {
            hasher.update(verify::similarity::words(text).join(" ").as_bytes()).update(&[0]);
        }
    }
    *hasher.finalize().as_bytes()
}
