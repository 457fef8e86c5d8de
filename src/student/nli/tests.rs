//! Logits against transformers', and folders that are refused by name.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tempfile::TempDir;

use super::{Inference, Nli};
use crate::{Runtime, StudentError, library};

/// Single precision against another implementation in single precision: rounding only.
const ROUNDING: f32 = 1e-4;

#[derive(Deserialize)]
struct Pair {
    premise: String,
    hypothesis: String,
    ids: Vec<u32>,
    logits: [f32; 3],
}

fn runtime() -> Runtime {
    let library = library::find(None, &|name| std::env::var_os(name)).unwrap_or_else(|error| panic!("{error}"));
    Runtime::load(&library).unwrap()
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden").join(name)
}

fn pairs(name: &str) -> Vec<Pair> {
    serde_json::from_slice(&fs::read(golden(name).join("expected.json")).unwrap()).unwrap()
}

/// Every label of `labels` is judged for some pair, and all logits are transformers'.
fn holds(name: &str, labels: [Inference; 3]) {
    let nli = Nli::open(&runtime(), &golden(name), 1).unwrap();
    let mut given = Vec::new();
    for pair in pairs(name) {
        let encoding = nli.tokenizer.encode((pair.premise.as_str(), pair.hypothesis.as_str()), true).unwrap();
        assert_eq!(encoding.get_ids(), pair.ids, "{} | {}", pair.premise, pair.hypothesis);
        let logits = nli.logits(&pair.premise, &pair.hypothesis).unwrap();
        for (found, wanted) in logits.iter().zip(pair.logits) {
            assert!(
                (found - wanted).abs() < ROUNDING,
                "{} | {}: {logits:?}, not {:?}",
                pair.premise,
                pair.hypothesis,
                pair.logits
            );
        }
        let wanted = (0..3).max_by(|left, right| pair.logits[*left].total_cmp(&pair.logits[*right])).unwrap();
        assert_eq!(nli.judge(&pair.premise, &pair.hypothesis).unwrap(), labels[wanted]);
        given.push(wanted);
    }
    given.sort_unstable();
    given.dedup();
    assert_eq!(given, [0, 1, 2], "the fixture shows every label");
}

#[test]
fn logits_of_awkward_pairs_are_those_of_transformers() {
    holds("tiny_deberta", [Inference::Entailment, Inference::Neutral, Inference::Contradiction]);
}

#[test]
fn token_types_are_given_where_the_graph_asks_and_labels_go_by_their_names() {
    holds("tiny_deberta/typed", [Inference::Contradiction, Inference::Entailment, Inference::Neutral]);
}

/// The tiny judge's folder, changed by `edit`.
fn changed(edit: impl FnOnce(&Path)) -> Result<(), String> {
    let dir = TempDir::new().unwrap();
    for name in ["config.json", "model.onnx", "tokenizer.json"] {
        fs::copy(golden("tiny_deberta").join(name), dir.path().join(name)).unwrap();
    }
    edit(dir.path());
    Nli::open(&runtime(), dir.path(), 1).map(|_| ()).map_err(|error| error.to_string())
}

fn reworded(folder: &Path, old: &str, new: &str) {
    let path = folder.join("config.json");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(old));
    fs::write(path, text.replace(old, new)).unwrap();
}

#[test]
fn the_unchanged_folder_opens() {
    assert_eq!(changed(|_| ()), Ok(()));
}

#[test]
fn each_missing_file_is_named() {
    for name in ["config.json", "model.onnx", "tokenizer.json"] {
        let refused = changed(|folder| fs::remove_file(folder.join(name)).unwrap()).unwrap_err();
        assert!(refused.contains(name), "{name}: {refused}");
    }
}

#[test]
fn each_damaged_file_is_named() {
    for name in ["config.json", "model.onnx", "tokenizer.json"] {
        let refused = changed(|folder| fs::write(folder.join(name), b"{\"a\": \xff").unwrap()).unwrap_err();
        assert!(refused.contains(name), "{name}: {refused}");
    }
}

#[test]
fn labels_without_meaning_are_refused_with_what_is_wanted() {
    let refused = changed(|folder| reworded(folder, "\"neutral\"", "\"LABEL_1\"")).unwrap_err();
    assert!(
        refused.contains("LABEL_1") && refused.contains("must name entailment, neutral and contradiction"),
        "{refused}"
    );
    let refused = changed(|folder| reworded(folder, "\"neutral\"", "\"entailment\"")).unwrap_err();
    assert!(refused.contains("must name"), "two of one kind: {refused}");
    let refused =
        changed(|folder| reworded(folder, "\"2\": \"CONTRADICTION\"", "\"2\": \"contradiction\", \"3\": \"other\""))
            .unwrap_err();
    assert!(refused.contains("must name"), "four labels: {refused}");
}

#[test]
fn a_model_of_too_few_positions_is_refused() {
    let four = |folder: &Path| reworded(folder, "\"max_position_embeddings\": 40", "\"max_position_embeddings\": 4");
    assert!(changed(four).unwrap_err().contains("4 positions"));
    let five = |folder: &Path| reworded(folder, "\"max_position_embeddings\": 40", "\"max_position_embeddings\": 5");
    assert_eq!(changed(five), Ok(()));
}

#[test]
fn a_graph_that_is_no_classifier_is_refused() {
    let refused = changed(|folder| {
        fs::copy(golden("foreign_encoder").join("model.onnx"), folder.join("model.onnx")).unwrap();
    });
    assert!(refused.unwrap_err().contains("no output `logits` but [\"sentence_embedding\"]"));
}

#[test]
fn a_tokenizer_with_more_words_than_the_model_is_refused() {
    let refused = changed(|folder| {
        let path = folder.join("tokenizer.json");
        let mut tokenizer: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        tokenizer["model"]["vocab"].as_array_mut().unwrap().push(serde_json::json!(["one more", 0.0]));
        fs::write(&path, tokenizer.to_string()).unwrap();
    });
    assert!(refused.unwrap_err().contains("it has 87 tokens and the model knows 86"));
}

#[test]
fn the_error_says_what_the_folder_should_hold() {
    let error = StudentError::Nli { path: "x/model.onnx".into(), reason: "r".into() };
    assert_eq!(error.to_string(), "x/model.onnx belongs to no judge of entailment that can be used: r");
}
