//! The KTO file: as many desirable as undesirable answers, one after the other; in TRL's form and in the seed's.

use std::path::Path;

use dataset::LabelledExample;
use rand::Rng;
use rand::seq::SliceRandom;
use serde_json::json;

use crate::GenerateError;

/// TRL's unpaired lines, and the seed's `conversations`.
pub const KTO_FILE: &str = "kto.jsonl";
pub const CONVERSATIONS_FILE: &str = "conversations.jsonl";

/// Shuffles each class, cuts the larger one, and interleaves, a desirable one first. Where a class is empty the other stays whole: a
/// batch of one class is a batch all the same.
pub(super) fn balanced(examples: Vec<LabelledExample>, rng: &mut impl Rng) -> Vec<LabelledExample> {
    let (mut good, mut bad): (Vec<_>, Vec<_>) = examples.into_iter().partition(|example| example.label);
    good.shuffle(rng);
    bad.shuffle(rng);
    if good.is_empty() || bad.is_empty() {
        good.extend(bad);
        return good;
    }
    good.into_iter().zip(bad).flat_map(|(good, bad)| [good, bad]).collect()
}

/// Writes both forms.
pub(super) fn write(folder: &Path, examples: &[LabelledExample]) -> Result<(), GenerateError> {
    dataset::write_labelled(&folder.join(KTO_FILE), examples)?;
    let line = |LabelledExample { prompt, completion, label }: &LabelledExample| {
        let conversations: Vec<_> = prompt.iter().chain(completion).collect();
        json!({ "conversations": conversations, "label": label })
    };
    dataset::write_json_lines(&folder.join(CONVERSATIONS_FILE), examples.iter().map(line))?;
    Ok(())
}
