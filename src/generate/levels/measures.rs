//! The figures of a run (science 4.3): how often a map is playable, what that costs, how new, various and accurate the maps are.

use std::sync::Arc;

use ::levels::forms::layout;
use ::levels::metrics::{
    Control, Expressive, divergence, diversity, histogram, is_accurate, is_novel, tries_expected, valid_after,
};
use ::levels::{Level, Map, Request};
use dataset::ChatExample;
use serde_json::json;

use super::game::Game;
use super::{Settings, answer};
use crate::GenerateError;
use crate::records::read_records;
use crate::run::{Call, Run};

/// Fields along either side of the expressive range's picture.
const BINS: usize = 10;
const EXPRESSIVE_FILE: &str = "expressive.json";

/// What was counted on the way.
#[derive(Default)]
pub(super) struct Made {
    /// Tries, first tries, first tries without an error, requests that got a sound map, and those that never did.
    tries: usize,
    first: usize,
    first_valid: usize,
    served: usize,
    given_up: usize,
    answer_tokens: u64,
    control: Control,
    /// The sound maps in their order, each with what was asked for.
    maps: Vec<(Request, Map)>,
}

impl Made {
    pub(super) fn asked(&mut self, attempt: u32, call: &Arc<Call>) {
        self.tries += 1;
        self.first += usize::from(attempt == 0);
        self.answer_tokens += u64::from(call.usage.completion_tokens);
    }

    pub(super) fn judged(&mut self, attempt: u32, level: &Level, map: Option<&Map>, is_valid: bool) {
        let Some(map) = map else { return };
        let request = Request {
            width: level.width,
            height: level.height,
            walls: level.num_wall,
            enemies: level.num_enemies,
            difficulty: level.difficulty.unwrap_or(0),
        };
        self.control.add(&request, map);
        if is_valid {
            self.first_valid += usize::from(attempt == 0);
            self.served += 1;
            self.maps.push((request, map.clone()));
        }
    }

    pub(super) fn give_up(&mut self, game: &Game) {
        self.given_up += usize::from(game.wants_map());
    }
}

/// The maps that are known, as texts.
pub(super) fn known(run: &mut Run, settings: &Settings) -> Result<Vec<String>, GenerateError> {
    let Some(path) = &settings.known else { return Ok(Vec::new()) };
    let (examples, refused) = read_records::<ChatExample>(path)?;
    refused.into_iter().for_each(|line| run.refuse(line));
    let answers = examples.iter().filter_map(|example| example.messages.last());
    let maps = answers.filter_map(|turn| answer::known_map(&turn.text));
    Ok(maps.filter_map(|map| layout::text(&map, settings.rules)).collect())
}

/// Puts the figures into the report.
#[expect(clippy::cast_precision_loss, reason = "counts")]
pub(super) fn report(run: &mut Run, settings: &Settings, made: &Made, known: &[String]) -> Result<(), GenerateError> {
    let requests = made.served + made.given_up;
    run.figure_share("playability: valid at the first try", made.first_valid, made.first);
    run.figure_share(&format!("valid after {} retries", settings.retries), made.served, requests);
    if made.first > 0 {
        let playability = made.first_valid as f64 / made.first as f64;
        run.figure("the same, if tries were independent", valid_after(playability, settings.retries));
        run.figure("tries a map, if tries were independent", tries_expected(playability, settings.retries));
    }
    run.figure_share("tries a map, measured", made.tries, made.first);
    if made.served > 0 {
        run.figure("answer tokens a valid map", made.answer_tokens as f64 / made.served as f64);
    }
    let Control { pairs, accurate, size, walls, enemies, walls_off, enemies_off } = made.control;
    run.figure_share("accurate: size, walls and enemies as asked", accurate, pairs);
    run.figure_share("size as asked", size, pairs);
    run.figure_share("walls as asked", walls, pairs);
    run.figure_share("enemies as asked", enemies, pairs);
    if pairs > 0 {
        run.figure("walls off, mean", walls_off as f64 / pairs as f64);
        run.figure("enemies off, mean", enemies_off as f64 / pairs as f64);
    }
    novelty(run, settings, made, known);
    expressive(run, settings, made)
}

/// Novelty, diversity and patterns. Without known maps every map counts as novel and nothing is said of novelty.
fn novelty(run: &mut Run, settings: &Settings, made: &Made, known: &[String]) {
    let drawn = |(request, map): &(Request, Map)| Some((is_accurate(request, map), layout::text(map, settings.rules)?));
    let drawn: Vec<(bool, String)> = made.maps.iter().filter_map(drawn).collect();
    let texts: Vec<String> = drawn.iter().map(|(_, text)| text.clone()).collect();
    let novel: Vec<bool> = texts.iter().map(|text| is_novel(text, known)).collect();
    let tried = made.first;
    if !known.is_empty() {
        run.figure_share("novel, share of valid maps", novel.iter().filter(|novel| **novel).count(), texts.len());
    }
    let restricted: Vec<String> = drawn
        .into_iter()
        .zip(novel)
        .filter(|((accurate, _), novel)| *accurate && *novel)
        .map(|((_, text), _)| text)
        .collect();
    if !texts.is_empty() {
        run.figure("diversity, lower bound", diversity(&texts, texts.len()));
        run.figure("restricted diversity, lower bound", diversity(&restricted, tried));
    }
    for size in [2, 3] {
        if let Some(patterns) = divergence(known, &texts, size) {
            run.figure(&format!("{size}x{size} patterns, KL known to made"), patterns.known_generated);
            run.figure(&format!("{size}x{size} patterns, KL made to known"), patterns.generated_known);
        }
    }
}

/// The expressive range: means as figures, the openness-by-leniency picture as a file.
#[expect(clippy::cast_precision_loss, reason = "counts")]
fn expressive(run: &mut Run, settings: &Settings, made: &Made) -> Result<(), GenerateError> {
    type Of = fn(&Expressive) -> f64;
    let ranges: Vec<Expressive> = made.maps.iter().filter_map(|(_, map)| Expressive::of(map, settings.rules)).collect();
    if ranges.is_empty() {
        return Ok(());
    }
    let measures: [(&str, Of); 5] = [
        ("openness, mean", |range| range.openness),
        ("linearity, mean", |range| range.linearity),
        ("leniency, mean", |range| range.leniency),
        ("branching, mean", |range| range.branching),
        ("dead ends, mean", |range| range.dead_ends),
    ];
    for (name, of) in measures {
        run.figure(name, ranges.iter().map(of).sum::<f64>() / ranges.len() as f64);
    }
    let counts = histogram(ranges.iter().map(|range| (range.openness, range.leniency)), BINS);
    let file = json!({"x": "openness", "y": "leniency", "bins": BINS, "counts": counts, "maps": ranges});
    Ok(files::replace_json(&run.folder().join(EXPRESSIVE_FILE), &file)?)
}
