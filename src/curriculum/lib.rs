//! From exchanges to the frozen set that one training run reads: filtered, deduplicated, split, with its lineage.
//!
//! - [`example`]: what an exchange teaches, or why nothing; [`split`]: training and held-out side of a lesson;
//! - `worst`: what an exam answered worst; `assemble`: a set from files, for whoever trains by hand; `signature`, `near_duplicates`: what is nearly the same; `apart`: quotas, and
//!   sides that share no group.
//!
//! Reads the exchange log, or files; writes three files into a folder and never looks at them again:
//! `train.jsonl` and `held_out.jsonl` (`dataset`'s chat lines) and `lineage.json`.

mod apart;
mod assemble;
mod error;
mod example;
mod near_duplicates;
mod signature;
mod split;
mod worst;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use callsite::SiteId;
use capture::{CaptureStore, Exchange};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use apart::Grouping;
pub use assemble::{AssembleSettings, Input, SetLineage, assemble};
pub use error::CurriculumError;
pub use near_duplicates::NearDuplicates;
pub use signature::Signature;
use split::Candidate;
pub use split::DatasetSettings;
pub use worst::{WorstAnswer, WorstShown, keep_worst, read_worst};

/// The files of a curriculum.
pub const TRAIN_FILE: &str = "train.jsonl";
pub const HELD_OUT_FILE: &str = "held_out.jsonl";
pub const LINEAGE_FILE: &str = "lineage.json";
/// Of a lesson: what its exam answered worst.
pub const WORST_FILE: &str = "worst.json";
/// Of a frozen set: the signatures of what its held-out side asks, for later sets that must not learn it.
pub const SIGNATURES_FILE: &str = "held_out.minhash";

/// Where a curriculum came from and what was left out, with the reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lineage {
    pub site: String,
    pub teacher: String,
    /// Ids of the first and the last exchange that an example was drawn from; they hold their times.
    pub first: Option<Uuid>,
    pub last: Option<Uuid>,
    pub seen: usize,
    pub train: usize,
    pub held_out: usize,
    /// Of both: made or brought, not asked by a client.
    #[serde(default)]
    pub made: usize,
    pub left_out: BTreeMap<String, usize>,
    /// BLAKE3 of both files, hex.
    pub hash: String,
}

/// Draws the curriculum of `site` from exchanges after `after_ms` (Unix time) into `dir`.
///
/// # Errors
/// When the log cannot be read or a file cannot be written.
pub fn build(
    store: &dyn CaptureStore,
    site: &SiteId,
    after_ms: Option<u64>,
    settings: DatasetSettings,
    dir: &Path,
) -> Result<Lineage, CurriculumError> {
    let mut lineage = Lineage { site: site.to_string(), ..Lineage::default() };
    // By the hash of the prompt: a repeated prompt counts once, with the latest answer; one that a client got goes before one
    // that was made.
    let mut examples: BTreeMap<[u8; 32], Candidate> = BTreeMap::new();
    store.scan(site, None, &mut |exchange| {
        if after_ms.is_some_and(|after_ms| exchange.at_ms <= after_ms) {
            return;
        }
        lineage.seen += 1;
        match example::drawn(&exchange) {
            Ok(drawn) => {
                lineage.first = Some(lineage.first.map_or(exchange.id, |first| first.min(exchange.id)));
                lineage.last = lineage.last.max(Some(exchange.id));
                let hash = example::prompt_hash(&drawn.example);
                let candidate = Candidate { seen: lineage.seen, made: drawn.made, example: drawn.example };
                match examples.get_mut(&hash) {
                    None => drop(examples.insert(hash, candidate)),
                    Some(before) => {
                        lineage.leave_out("repeated", 1);
                        if !candidate.made || before.made {
                            *before = candidate;
                        }
                    }
                }
                if !drawn.made || lineage.teacher.is_empty() {
                    lineage.teacher = drawn.teacher;
                }
            }
            Err(reason) => lineage.leave_out(reason, 1),
        }
    })?;
    let split = split::split(examples, settings);
    lineage.leave_out("held-out-surplus", split.surplus);
    lineage.made = split.made;
    (lineage.train, lineage.held_out) = (split.train.len(), split.held_out.len());
    fs_err::create_dir_all(dir)?;
    let mut hasher = blake3::Hasher::new();
    for (name, examples) in [(TRAIN_FILE, &split.train), (HELD_OUT_FILE, &split.held_out)] {
        let lines = dataset::chat_lines(examples)?;
        hasher.update(&lines);
        files::replace(&dir.join(name), &lines)?;
    }
    lineage.hash = hasher.finalize().to_hex().to_string();
    // Last, so that its presence says that the set is whole.
    files::replace_json(&dir.join(LINEAGE_FILE), &lineage)?;
    Ok(lineage)
}

impl Lineage {
    fn leave_out(&mut self, reason: &str, count: usize) {
        if count > 0 {
            *self.left_out.entry(reason.to_owned()).or_default() += count;
        }
    }
}

/// What its prompt is known by in a curriculum; none where nothing is drawn from the exchange.
#[must_use]
pub fn prompt_key(exchange: &Exchange) -> Option<[u8; 32]> {
    example::drawn(exchange).ok().map(|drawn| example::prompt_hash(&drawn.example))
}

/// Takes the examples with these prompts out of the curriculum in `dir`; gives back how many there were. The lineage keeps saying
/// what was drawn.
///
/// # Errors
/// When a file cannot be read or written.
pub fn erase(dir: &Path, prompts: &BTreeSet<[u8; 32]>) -> Result<usize, CurriculumError> {
    let mut erased = 0;
    for name in [TRAIN_FILE, HELD_OUT_FILE] {
        let path = dir.join(name);
        if !path.try_exists()? {
            continue;
        }
        let mut examples = dataset::read_chat(&path)?;
        let before = examples.len();
        examples.retain(|example| !prompts.contains(&example::prompt_hash(example)));
        if examples.len() < before {
            erased += before - examples.len();
            // An answer may say what goes, and what was asked is found by its place.
            remove_if_there(&dir.join(WORST_FILE))?;
            dataset::write_chat(&path, &examples)?;
        }
    }
    Ok(erased)
}

fn remove_if_there(path: &Path) -> std::io::Result<()> {
    match fs_err::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Counts the different prompts of a site that a student may learn from, reading every exchange once.
#[derive(Debug, Default)]
pub struct TrainableCounter {
    after: Option<Uuid>,
    read_to: Option<Uuid>,
    prompts: BTreeSet<[u8; 8]>,
}

impl TrainableCounter {
    /// How many there are after `after`; begins anew when that is another place than last time.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn count(
        &mut self,
        store: &dyn CaptureStore,
        site: &SiteId,
        after: Option<Uuid>,
    ) -> Result<u64, CurriculumError> {
        if self.after != after {
            *self = Self { after, read_to: after, prompts: BTreeSet::new() };
        }
        store.scan(site, self.read_to, &mut |exchange| {
            self.read_to = self.read_to.max(Some(exchange.id));
            if let Ok(drawn) = example::drawn(&exchange) {
                let [a, b, c, d, e, f, g, h, ..] = example::prompt_hash(&drawn.example);
                self.prompts.insert([a, b, c, d, e, f, g, h]);
            }
        })?;
        Ok(self.prompts.len() as u64)
    }
}

#[cfg(test)]
mod tests;
