//! Asks a model for scenes and takes what passes the gates: what a round of bootstrap or growth does.

use std::collections::BTreeMap;

use rand::RngExt;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use wire::Sampling;

use super::gates::Gates;
use super::quotas::{Cell, Quotas};
use super::script::{self, Scene};
use super::{Persona, Thresholds};
use crate::GenerateError;
use crate::item::Check;
use crate::prompts::{Prompts, question};
use crate::run::{Ask, Run};

/// How freely scenes are drawn.
const CREATIVE: Sampling = Sampling::Random { temperature: 0.9, top_p: 0.95, seed: None };
const MAX_TOKENS: u32 = 400;

/// What scenes are asked for with.
pub(crate) struct Form {
    /// The template: `dialogue/scene` or `dialogue/grow`.
    pub(crate) template: &'static str,
    pub(crate) stage: &'static str,
    pub(crate) turns_max: usize,
    pub(crate) thresholds: Thresholds,
}

/// One scene that is wanted.
pub(crate) struct Wanted<'a> {
    pub(crate) cell: Cell,
    pub(crate) persona: &'a Persona,
    pub(crate) turns: usize,
    pub(crate) shown: Vec<&'a Scene>,
}

/// Personas by their id.
pub(crate) type Personas = BTreeMap<String, Persona>;

impl<'a> Wanted<'a> {
    /// Draws persona and length for `cell`; `None` where no persona has its role.
    pub(crate) fn draw(
        rng: &mut ChaCha8Rng,
        personas: &'a Personas,
        cell: Cell,
        turns_max: usize,
        shown: Vec<&'a Scene>,
    ) -> Option<Self> {
        let of_role: Vec<&Persona> = personas.values().filter(|persona| persona.role == cell.0).collect();
        let persona = of_role.choose(rng).copied()?;
        Some(Self { cell, persona, turns: rng.random_range(1..=turns_max.max(1)), shown })
    }
}

/// The text of a prompt.
pub(crate) fn prompt_text(
    prompts: &Prompts,
    form: &Form,
    personas: &Personas,
    wanted: &Wanted<'_>,
) -> Result<String, GenerateError> {
    let Thresholds { words_min, words_max, sentences_max, .. } = form.thresholds;
    let shown = |scene: &&Scene| {
        let persona = personas.get(&scene.persona).map(Persona::system).unwrap_or_default();
        json!({ "persona": persona, "act": scene.act.words(), "text": scene.text() })
    };
    let scenes: Vec<serde_json::Value> = wanted.shown.iter().map(shown).collect();
    prompts.render(
        form.template,
        json!({
            "persona": wanted.persona.system(), "act": wanted.cell.1.words(), "turns": wanted.turns,
            "words_min": words_min, "words_max": words_max, "sentences_max": sentences_max, "scenes": scenes,
        }),
    )
}

/// Asks the student, or the teacher where there is none, for `wanted`, and takes what comes. Gives back the scenes that passed. The same scene may be
/// asked for in another step: round and step tell them apart.
pub(crate) async fn ask(
    run: &mut Run,
    form: &Form,
    personas: &Personas,
    gates: &mut Gates,
    quotas: &mut Quotas,
    wanted: &[Wanted<'_>],
    (round, step): (u32, u32),
) -> Result<Vec<Scene>, GenerateError> {
    let mut asks = Vec::new();
    for (draw, wanted) in wanted.iter().enumerate() {
        let text = prompt_text(&run.prompts, form, personas, wanted)?;
        let prompt = question(text, MAX_TOKENS, CREATIVE);
        asks.push(Ask {
            stage: form.stage,
            prompt,
            draw: (u64::from(round) << 48) + (u64::from(step) << 24) + draw as u64,
        });
    }
    let asker = run.student.as_ref().unwrap_or(&run.teacher);
    let calls = asker.ask_all(asks).await?;
    let mut taken = Vec::new();
    for (call, wanted) in calls.into_iter().zip(wanted) {
        if !run.answered("answers", &call, true) {
            continue;
        }
        let text = call.text().unwrap_or_default();
        let (role, act) = wanted.cell;
        let mut item = run.item(role.site(), form.stage, &call, text);
        item.round = round;
        item.parents = wanted.shown.iter().map(|scene| scene.id.clone()).collect();
        match script::read(text, &wanted.persona.name) {
            Err(reason) => drop(item.check(Check::plain(reason, false))),
            Ok(turns) => {
                let scene = Scene { id: item.id.clone(), persona: wanted.persona.id.clone(), role, act, turns };
                item.parsed = serde_json::to_value(&scene).unwrap_or_default();
                #[expect(clippy::cast_precision_loss, reason = "lines")]
                item.check(Check::at_most("turns", scene.turns.len() as f64, form.turns_max as f64));
                item.check(Check::plain("quota", !quotas.is_full(wanted.cell)));
                item.messages = scene.messages(wanted.persona);
                if gates.check(&scene, wanted.persona, &mut item) {
                    quotas.take(wanted.cell);
                    taken.push(scene);
                }
            }
        }
        run.take(form.stage, item);
    }
    Ok(taken)
}
