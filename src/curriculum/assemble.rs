//! A data set from files: every filter in its order, each with its count; both sides and where they came from, frozen in a folder of
//! its own version.
//!
//! `DIR/v3-1a2b3c4d/` holds `train.jsonl`, `held_out.jsonl`, `held_out.minhash` and `lineage.json`; the number rises, the rest is the
//! content's hash. The same content is not frozen twice.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use dataset::{ChatExample, Form, Record};
use fs_err as fs;
use serde::{Deserialize, Serialize};
use wire::Role;

use crate::apart::{Example, Grouping, held_out, quota};
use crate::near_duplicates::NearDuplicates;
use crate::signature::Signature;
use crate::{CurriculumError, HELD_OUT_FILE, LINEAGE_FILE, SIGNATURES_FILE, TRAIN_FILE, example};

/// How a set is put together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AssembleSettings {
    /// Likeness of the shingles from which on a text is nearly one before it; above 1 nothing is.
    pub near_duplicate_min: f64,
    /// Likeness to a text of `against` from which on an example is contaminated.
    pub contaminated_min: f64,
    /// Whose prompts must not be learnt: frozen sets (their held-out sides, by the signatures in their folders) and files of records
    /// such as benchmarks.
    pub against: Vec<PathBuf>,
    pub held_out_share: f64,
    pub grouping: Grouping,
    /// Of everything, what one stratum (site, role, act) may be; 1 is no limit.
    pub stratum_share_max: f64,
}

impl Default for AssembleSettings {
    fn default() -> Self {
        Self {
            near_duplicate_min: 0.8,
            contaminated_min: 0.8,
            against: Vec::new(),
            held_out_share: 0.1,
            grouping: Grouping::Prompt,
            stratum_share_max: 1.0,
        }
    }
}

/// One input file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    pub file: PathBuf,
    /// BLAKE3 of its bytes, hex.
    pub hash: String,
    pub records: usize,
    pub refused: usize,
    /// The first lines that were refused, with the reason.
    pub refused_lines: Vec<String>,
}

/// Where a set came from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SetLineage {
    pub version: u32,
    /// The version before, by its folder's name.
    pub parent: Option<String>,
    pub settings: AssembleSettings,
    pub inputs: Vec<Input>,
    pub records: usize,
    pub train: usize,
    pub held_out: usize,
    /// By the reason.
    pub left_out: BTreeMap<String, usize>,
    /// Examples of each stratum, both sides.
    pub strata: BTreeMap<String, usize>,
    /// BLAKE3 of both files, hex.
    pub hash: String,
}

/// Lines of a file that are named in the lineage.
const REFUSED_LISTED: usize = 20;

/// Puts the records of `files` together and freezes them under `dir`; gives back the folder and its lineage.
///
/// # Errors
/// When a file cannot be read or written, nothing is left, or no quota can hold.
pub fn assemble(
    files: &[(PathBuf, Option<Form>)],
    settings: &AssembleSettings,
    dir: &Path,
) -> Result<(PathBuf, SetLineage), CurriculumError> {
    let mut lineage = SetLineage { settings: settings.clone(), ..SetLineage::default() };
    let mut examples = read(files, &mut lineage)?;
    let known = contamination(&settings.against)?;
    deduplicate(&mut examples, &known, settings, &mut lineage);
    within_quota(&mut examples, settings, &mut lineage)?;
    if examples.is_empty() {
        return Err(CurriculumError::Empty(format!("{:?}", lineage.left_out)));
    }
    for example in &examples {
        *lineage.strata.entry(example.stratum.clone()).or_default() += 1;
    }
    let apart = held_out(&examples, settings.grouping, settings.held_out_share);
    let side = |held: bool| {
        let of_side = examples.iter().zip(&apart).filter(move |(_, apart)| **apart == held);
        of_side.map(|(example, _)| example).collect::<Vec<&Example>>()
    };
    freeze(dir, &side(false), &side(true), lineage)
}

fn read(files: &[(PathBuf, Option<Form>)], lineage: &mut SetLineage) -> Result<Vec<Example>, CurriculumError> {
    let mut examples = Vec::new();
    for (file, form) in files {
        let (records, refused) = dataset::read_records(file, *form)?;
        let hash = blake3::hash(&fs::read(file)?).to_hex().to_string();
        let listed = refused.iter().take(REFUSED_LISTED);
        lineage.inputs.push(Input {
            file: file.clone(),
            hash,
            records: records.len(),
            refused: refused.len(),
            refused_lines: listed.map(|line| format!("line {}: {}", line.line, line.problem)).collect(),
        });
        lineage.records += records.len();
        for record in &records {
            match to_learn(record) {
                Some(example) => examples.push(example),
                None => lineage.leave_out("undesirable"),
            }
        }
    }
    Ok(examples)
}

fn to_learn(record: &Record) -> Option<Example> {
    let chat = record.to_learn()?;
    let text = |name: &str| record.extra.get(name).and_then(serde_json::Value::as_str);
    let strata: Vec<&str> = ["site", "role", "act"].into_iter().filter_map(text).collect();
    let asked = record.asked.iter().rev().find(|turn| turn.role == Role::User);
    Some(Example {
        hash: example::prompt_hash(&chat),
        asked: asked.map_or_else(String::new, |turn| turn.text.clone()),
        stratum: strata.join("/"),
        user: text("user").map(str::to_owned),
        chat,
    })
}

/// The signatures of what must not be learnt. A frozen set has them on disk, so that it need not be at hand in full.
fn contamination(against: &[PathBuf]) -> Result<NearDuplicates, CurriculumError> {
    let mut known = NearDuplicates::default();
    for file in against {
        let saved = if file.is_dir() { file.join(SIGNATURES_FILE) } else { file.clone() };
        if saved.extension() == Path::new(SIGNATURES_FILE).extension() {
            known.extend(NearDuplicates::load(&saved)?);
            continue;
        }
        let (records, _) = dataset::read_records(file, None)?;
        for turn in records.iter().filter_map(|record| record.asked.iter().rev().find(|turn| turn.role == Role::User)) {
            known.insert(Signature::of(&turn.text));
        }
    }
    Ok(known)
}

/// Leaves out equal prompts, near duplicates and what is contaminated. A text is what was asked and answered; the earlier one stays.
fn deduplicate(
    examples: &mut Vec<Example>,
    known: &NearDuplicates,
    settings: &AssembleSettings,
    lineage: &mut SetLineage,
) {
    let (mut prompts, mut near) = (BTreeSet::new(), NearDuplicates::default());
    examples.retain(|example| {
        if known.find(&Signature::of(&example.asked), settings.contaminated_min).is_some() {
            lineage.leave_out("contaminated");
            return false;
        }
        if !prompts.insert(example.hash) {
            lineage.leave_out("repeated");
            return false;
        }
        let answer = example.chat.messages.last().map_or("", |turn| &turn.text);
        let signature = Signature::of(&format!("{} {answer}", example.asked));
        if near.find(&signature, settings.near_duplicate_min).is_some() {
            lineage.leave_out("near-duplicate");
            return false;
        }
        near.insert(signature);
        true
    });
}

/// Cuts every stratum to its quota; who stays follows from the prompts' hashes.
fn within_quota(
    examples: &mut Vec<Example>,
    settings: &AssembleSettings,
    lineage: &mut SetLineage,
) -> Result<(), CurriculumError> {
    if settings.stratum_share_max >= 1.0 || examples.is_empty() {
        return Ok(());
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    examples.iter().for_each(|example| *counts.entry(&example.stratum).or_default() += 1);
    let cap = quota(&counts, settings.stratum_share_max);
    let cap = cap.ok_or(CurriculumError::Quota { strata: counts.len(), share: settings.stratum_share_max })?;
    let mut order: Vec<(String, [u8; 32])> = examples.iter().map(|e| (e.stratum.clone(), e.hash)).collect();
    order.sort_unstable();
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    let mut kept = BTreeSet::new();
    for (stratum, hash) in order {
        let taken = taken.entry(stratum).or_default();
        if *taken < cap {
            *taken += 1;
            kept.insert(hash);
        }
    }
    examples.retain(|example| {
        let stays = kept.contains(&example.hash);
        if !stays {
            lineage.leave_out("quota");
        }
        stays
    });
    Ok(())
}

/// Writes a new version, unless the newest holds the same.
fn freeze(
    dir: &Path,
    train: &[&Example],
    held_out: &[&Example],
    mut lineage: SetLineage,
) -> Result<(PathBuf, SetLineage), CurriculumError> {
    files::create_private_dir(dir)?;
    let chats = |side: &[&Example]| side.iter().map(|example| example.chat.clone()).collect::<Vec<ChatExample>>();
    let (train_lines, held_out_lines) = (dataset::chat_lines(&chats(train))?, dataset::chat_lines(&chats(held_out))?);
    let mut hasher = blake3::Hasher::new();
    hasher.update(&train_lines).update(&[0]).update(&held_out_lines);
    lineage.hash = hasher.finalize().to_hex().to_string();
    (lineage.train, lineage.held_out) = (train.len(), held_out.len());
    if let Some((number, name)) = newest(dir)? {
        let before: Option<SetLineage> = files::read_json(&dir.join(&name).join(LINEAGE_FILE))?;
        if let Some(before) = before.filter(|before| before.hash == lineage.hash) {
            return Ok((dir.join(name), before));
        }
        (lineage.version, lineage.parent) = (number, Some(name));
    }
    lineage.version += 1;
    let short = lineage.hash.get(..8).unwrap_or_default();
    let folder = dir.join(format!("v{}-{short}", lineage.version));
    files::create_private_dir(&folder)?;
    files::replace(&folder.join(TRAIN_FILE), &train_lines)?;
    files::replace(&folder.join(HELD_OUT_FILE), &held_out_lines)?;
    let mut signatures = NearDuplicates::default();
    held_out.iter().for_each(|example| signatures.insert(Signature::of(&example.asked)));
    signatures.save(&folder.join(SIGNATURES_FILE))?;
    // Last, so that its presence says that the set is whole.
    files::replace_json(&folder.join(LINEAGE_FILE), &lineage)?;
    Ok((folder, lineage))
}

/// The newest whole version of `dir`: its number and its folder's name.
fn newest(dir: &Path) -> Result<Option<(u32, String)>, CurriculumError> {
    let mut found = None;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let number =
            name.strip_prefix('v').and_then(|rest| rest.split_once('-')).and_then(|(number, _)| number.parse().ok());
        if let Some(number) = number.filter(|_| entry.path().join(LINEAGE_FILE).is_file()) {
            found = found.max(Some((number, name)));
        }
    }
    Ok(found)
}

impl SetLineage {
    fn leave_out(&mut self, reason: &str) {
        *self.left_out.entry(reason.to_owned()).or_default() += 1;
    }
}
