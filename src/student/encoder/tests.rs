//! Embeddings against transformers' and sentence-transformers', and folders that are refused by name.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use export::{ExportError, export_encoder};
use serde::Deserialize;
use tempfile::TempDir;

use super::mean;
use crate::{Encoder, Runtime, library, similarity};

/// Single precision against another implementation in single precision: rounding only.
const ROUNDING: f32 = 1e-4;

fn runtime() -> Runtime {
    let library = library::find(None, &|name| std::env::var_os(name)).unwrap_or_else(|error| panic!("{error}"));
    Runtime::load(&library).unwrap()
}

#[derive(Deserialize)]
struct Embedded {
    text: String,
    embedding: Vec<f32>,
    #[serde(default)]
    ids: Vec<i64>,
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden").join(name)
}

fn expected(path: &Path) -> Vec<Embedded> {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The largest difference of a coordinate; the texts are given all at once.
fn error(encoder: &Encoder, wanted: &[Embedded]) -> f32 {
    let texts: Vec<&str> = wanted.iter().map(|wanted| wanted.text.as_str()).collect();
    let found = encoder.embed(&texts).unwrap();
    assert_eq!(found.len(), wanted.len());
    let pairs = found.iter().zip(wanted).flat_map(|(found, wanted)| {
        assert_eq!(found.len(), wanted.embedding.len());
        found.iter().zip(&wanted.embedding)
    });
    pairs.map(|(found, wanted)| (found - wanted).abs()).fold(0.0, f32::max)
}

/// The tiny BERT, exported; `edit` may change the base first.
fn tiny(edit: impl FnOnce(&Path)) -> (TempDir, Result<Encoder, String>) {
    let dir = tempfile::tempdir().unwrap();
    let base = dir.path().join("base");
    fs::create_dir(&base).unwrap();
    for name in ["config.json", "model.safetensors", "tokenizer.json", "vocab.txt"] {
        fs::copy(golden("tiny_bert").join(name), base.join(name)).unwrap();
    }
    edit(&base);
    let exported = export_encoder(&base, &dir.path().join("out")).map_err(|error| error.to_string());
    let opened =
        exported.and_then(|exported| Encoder::open(&runtime(), &exported.dir).map_err(|error| error.to_string()));
    (dir, opened)
}

fn edit_json(path: &Path, edit: impl FnOnce(&mut serde_json::Value)) {
    let mut value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    edit(&mut value);
    fs::write(path, value.to_string()).unwrap();
}

#[test]
fn an_exported_bert_gives_the_embeddings_of_transformers() {
    let (_dir, encoder) = tiny(|_| {});
    let (encoder, wanted) = (encoder.unwrap(), expected(&golden("tiny_bert/expected.json")));
    assert_eq!(encoder.positions(), 24);
    assert!(wanted.iter().any(|wanted| wanted.ids.len() == 24), "a text that is cut is among them");
    for wanted in &wanted {
        assert_eq!(encoder.text.ids(&wanted.text).unwrap(), wanted.ids, "{:?}", wanted.text);
    }
    let error = error(&encoder, &wanted);
    println!("tiny BERT: {error:.1e}");
    assert!(error <= ROUNDING, "{error}");
}

#[test]
fn a_vocabulary_alone_gives_the_same_tokens_as_the_tokenizers_file() {
    let (_dir, encoder) = tiny(|base| fs::remove_file(base.join("tokenizer.json")).unwrap());
    let encoder = encoder.unwrap();
    for wanted in expected(&golden("tiny_bert/expected.json")) {
        assert_eq!(encoder.text.ids(&wanted.text).unwrap(), wanted.ids, "{:?}", wanted.text);
    }
}

#[test]
fn a_masked_token_has_no_part_in_the_others() {
    let (_dir, encoder) = tiny(|_| {});
    let encoder = encoder.unwrap();
    let ids = encoder.text.ids("the rope costs seven gold").unwrap();
    let (width, alone) = encoder.run(&ids, &vec![1; ids.len()]).unwrap();
    let padded = [ids.as_slice(), &[9, 0, 17]].concat();
    let mask: Vec<i64> = (0..padded.len()).map(|at| i64::from(at < ids.len())).collect();
    let (_, masked) = encoder.run(&padded, &mask).unwrap();
    let most = alone.iter().zip(&masked).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(most < 1e-5, "{most}");
    let found = mean(&masked, width, &mask);
    let wanted = mean(&alone, width, &vec![1; ids.len()]);
    assert!(found.iter().zip(&wanted).all(|(a, b)| (a - b).abs() < 1e-5));
}

#[test]
fn a_texts_embedding_does_not_depend_on_its_neighbours_and_repeats_bit_for_bit() {
    let (_dir, encoder) = tiny(|_| {});
    let encoder = encoder.unwrap();
    let together = encoder.embed(&["red apples", "the old mill at night, friend", "red apples"]).unwrap();
    assert_eq!(together[0], encoder.embed(&["red apples"]).unwrap()[0]);
    assert_eq!(together[0], together[2]);
    assert_eq!(encoder.embed(&[]).unwrap(), Vec::<Vec<f32>>::new());
}

#[test]
fn the_first_tokens_vector_is_taken_where_the_folder_says_so() {
    let pooled = |modes: &str| {
        let modes = modes.to_owned();
        tiny(move |base| {
            fs::create_dir(base.join("1_Pooling")).unwrap();
            fs::write(base.join("1_Pooling/config.json"), modes).unwrap();
        })
    };
    let (_dir, mean) = pooled(r#"{"word_embedding_dimension": 32, "pooling_mode_mean_tokens": true}"#);
    let (_other, first) = pooled(r#"{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}"#);
    let (mean, first) = (mean.unwrap(), first.unwrap());
    assert!(error(&mean, &expected(&golden("tiny_bert/expected.json"))) <= ROUNDING);
    let ids = first.text.ids("red apples").unwrap();
    let (width, rows) = first.run(&ids, &vec![1; ids.len()]).unwrap();
    let found = &first.embed(&["red apples"]).unwrap()[0];
    assert!((similarity(found, &rows[..width]) - 1.0).abs() < 1e-6);
    assert!(error(&first, &expected(&golden("tiny_bert/expected.json"))) > 0.01);
    let (_dir, max) = pooled(r#"{"pooling_mode_max_tokens": true}"#);
    assert!(max.unwrap_err().contains("pooling_mode_max_tokens"));
}

#[test]
fn any_onnx_encoder_beside_a_vocabulary_is_opened_as_it_is() {
    let encoder = Encoder::open(&runtime(), &golden("foreign_encoder")).unwrap();
    let wanted: Embedded = serde_json::from_slice(&fs::read(golden("foreign_encoder/expected.json")).unwrap()).unwrap();
    assert_eq!(encoder.positions(), 512);
    assert!(error(&encoder, &[wanted]) < 1e-6);
}

#[test]
fn a_folder_that_holds_no_encoder_says_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let open = || Encoder::open(&runtime(), dir.path()).unwrap_err().to_string();
    assert!(open().contains("model.onnx"));
    fs::write(dir.path().join("model.onnx"), "nonsense").unwrap();
    assert!(open().contains("vocab.txt"), "{}", open());
    fs::write(dir.path().join("vocab.txt"), "[UNK]\na\n").unwrap();
    assert!(open().contains("no line `[SEP]`"), "{}", open());
    fs::copy(golden("foreign_encoder/vocab.txt"), dir.path().join("vocab.txt")).unwrap();
    assert!(open().contains("model.onnx holds no encoder"), "{}", open());
    fs::write(dir.path().join("modules.json"), r#"[{"type": "sentence_transformers.models.Dense"}]"#).unwrap();
    assert!(open().contains("models.Dense is not built"), "{}", open());
    fs::remove_file(dir.path().join("modules.json")).unwrap();
    fs::copy(golden("foreign_encoder/model.onnx"), dir.path().join("model.onnx")).unwrap();
    fs::write(dir.path().join("config.json"), r#"{"vocab_size": 62, "max_position_embeddings": 9}"#).unwrap();
    assert!(open().contains("63 tokens and the encoder knows 62"), "{}", open());
    fs::write(dir.path().join("config.json"), r#"{"max_position_embeddings": 2}"#).unwrap();
    assert!(open().contains("2 positions"), "{}", open());
    fs::write(dir.path().join("config.json"), "{}").unwrap();
    Encoder::open(&runtime(), dir.path()).unwrap();
    // More words than the graph has rows: found when the folder is opened, not at the first text that has one.
    let words = fs::read_to_string(dir.path().join("vocab.txt")).unwrap().replace("[CLS]", "new") + "[CLS]\n";
    fs::write(dir.path().join("vocab.txt"), words).unwrap();
    assert!(open().contains("model.onnx holds no encoder"), "{}", open());
    // A graph of another kind: our own student.
    let graph = dir.path().join("gemma");
    export::export_base(&golden("tiny_gemma"), &graph, gemma::GraphFormat::F32).unwrap();
    fs::copy(golden("foreign_encoder/vocab.txt"), graph.join("vocab.txt")).unwrap();
    let said = Encoder::open(&runtime(), &graph).unwrap_err().to_string();
    assert!(said.contains("wants an input `"), "{said}");
}

#[test]
fn a_base_that_the_graph_cannot_express_is_refused_by_its_key() {
    for (key, value, wanted) in [
        ("model_type", "\"roberta\"", "`model_type` is \"roberta\""),
        ("hidden_act", "\"gelu_new\"", "`hidden_act` is \"gelu_new\""),
        ("position_embedding_type", "\"relative_key\"", "`position_embedding_type`"),
        ("is_decoder", "true", "`is_decoder`"),
        ("num_attention_heads", "5", "multiple of `num_attention_heads` = 5"),
        ("num_hidden_layers", "0", "`num_hidden_layers` is 0"),
        ("intermediate_size", "57", "has shape"),
        ("num_hidden_layers", "3", "encoder.layer.2"),
    ] {
        let value: serde_json::Value = serde_json::from_str(value).unwrap();
        let (_dir, encoder) = tiny(|base| edit_json(&base.join("config.json"), |config| config[key] = value));
        let said = encoder.unwrap_err();
        assert!(said.contains(wanted), "{key}: {said}");
    }
    let (_dir, bare) = tiny(|base| {
        fs::remove_file(base.join("tokenizer.json")).unwrap();
        fs::remove_file(base.join("vocab.txt")).unwrap();
    });
    assert!(bare.unwrap_err().contains("neither tokenizer.json nor vocab.txt"));
}

#[test]
fn an_encoder_is_exported_once_and_never_over_its_base() {
    let dir = tempfile::tempdir().unwrap();
    let (base, out) = (golden("tiny_bert"), dir.path().join("out"));
    let first = export_encoder(&base, &out).unwrap();
    let again = export_encoder(&base, &out).unwrap();
    assert_eq!((first.written, again.written, first.fingerprint == again.fingerprint), (true, false, true));
    fs::write(out.join("model.onnx"), "cut").unwrap();
    assert!(export_encoder(&base, &out).unwrap().written);
    let own = dir.path().join("own");
    fs::create_dir(&own).unwrap();
    for name in ["config.json", "model.safetensors", "vocab.txt"] {
        fs::copy(base.join(name), own.join(name)).unwrap();
    }
    assert!(matches!(export_encoder(&own, &own), Err(ExportError::Encoder { .. })));
    assert!(own.join("model.safetensors").is_file());
}

#[test]
fn similarity_is_the_cosine_cut_to_zero_and_one() {
    assert!((similarity(&[3.0, 4.0], &[4.0, 3.0]) - 0.96).abs() < 1e-12);
    assert_eq!(similarity(&[1.0, 0.0], &[-1.0, 0.0]), 0.0);
    assert_eq!(similarity(&[0.0, 0.0], &[1.0, 0.0]), 0.0);
    assert_eq!(similarity(&[1.0], &[1.0, 0.0]), 0.0);
    assert_eq!(similarity(&[f32::NAN], &[1.0]), 0.0);
    assert_eq!(similarity(&[2.0, 2.0], &[2.0, 2.0]), 1.0);
}

/// Where `make models` puts the real encoder.
fn minilm() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("APPRENTICE_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|dir| dir.join("apprentice")))
        .or_else(|| set("HOME").map(|dir| dir.join(".cache/apprentice")))?;
    Some(cache.join("minilm/0.1.0")).filter(|folder| folder.join("model.safetensors").is_file())
}

#[test]
fn the_real_minilm_gives_the_embeddings_of_sentence_transformers() {
    let Some(base) = minilm() else {
        // Not by a macro, whose words the test runner would keep to itself.
        let loud = b"\nSKIPPED: all-MiniLM-L6-v2 is not in the cache; run `make models`\n";
        std::io::stderr().write_all(loud).unwrap();
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let exported = export_encoder(&base, &dir.path().join("out")).unwrap();
    let encoder = Encoder::open(&runtime(), &exported.dir).unwrap();
    let wanted = expected(&golden("minilm.json"));
    assert_eq!(encoder.positions(), 256);
    let error = error(&encoder, &wanted);
    println!("all-MiniLM-L6-v2, {} texts: {error:.1e}", wanted.len());
    assert!(error <= ROUNDING, "{error}");
    let [rope, same, mill] = encoder
        .embed(&["The rope costs seven gold.", "Seven gold for the rope, friend.", "Wolves walk at the mill."])
        .unwrap()
        .try_into()
        .unwrap();
    let (near, far) = (similarity(&rope, &same), similarity(&rope, &mill));
    println!("the same meaning {near:.3}, another {far:.3}");
    assert!(near > 0.8 && far < 0.4, "{near} {far}");
}
