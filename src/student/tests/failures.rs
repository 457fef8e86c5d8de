//! Damaged, missing and unfitting files: an error that says what to do, and no panic.

use std::fs::{self, File};

use gemma::{Adapter, GraphFormat, SaveAs, Tensor32, Weights};

use tempfile::TempDir;

use super::fixture::{config, edited_base, golden, own_kernel, runtime, settings, tiny, tiny_of, wait};
use crate::{Kernel, Runtime, Student, StudentConfig};

#[test]
fn a_library_that_is_missing_or_is_none_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let missing = Runtime::load(&dir.path().join("missing.so")).unwrap_err().to_string();
    assert!(missing.contains("missing.so"), "{missing}");
    let fake = dir.path().join("fake.so");
    fs::write(&fake, "not a library").unwrap();
    let refused = Runtime::load(&fake).unwrap_err().to_string();
    assert!(refused.contains("fake.so"), "{refused}");
    // A failed try leaves the right library usable, and loading that twice is one runtime.
    runtime();
    runtime();
    assert!(Runtime::load(&fake).unwrap_err().to_string().contains("restart"));
}

/// The message of opening `settings`.
fn refused(settings: StudentConfig) -> String {
    Student::open(&runtime(), settings, Box::new(|_| {})).unwrap_err().to_string()
}

#[test]
fn a_graph_that_is_cut_short_is_refused() {
    for (name, share) in [("model.onnx", 2), ("model.onnx.data", 2), ("model.onnx.data", 100)] {
        let tiny = tiny(GraphFormat::F32);
        let path = tiny.dir.path().join("graph").join(name);
        let length = fs::metadata(&path).unwrap().len();
        File::options().write(true).open(&path).unwrap().set_len(length / share).unwrap();
        let message = refused(settings(&tiny.dir, &golden(), 1, 64));
        assert!(message.contains("model.onnx") && message.contains("apprentice export"), "{message}");
    }
}

#[test]
fn a_graph_of_which_a_bit_is_another_is_refused_and_exported_anew() {
    for format in [GraphFormat::F32, GraphFormat::I8Packed] {
        for (name, share) in [("model.onnx", 3), ("model.onnx.data", 3), ("model.onnx.data", 2)] {
            let tiny = tiny(format);
            let path = tiny.dir.path().join("graph").join(name);
            let whole = fs::read(&path).unwrap();
            let mut flipped = whole.clone();
            flipped[whole.len() / share] ^= 0x10;
            fs::write(&path, flipped).unwrap();
            let message = refused(settings(&tiny.dir, &golden(), 1, 64));
            assert!(message.contains(name) && message.contains("apprentice export"), "{message}");
            assert!(export::export_base(&golden(), &tiny.dir.path().join("graph"), format).unwrap().written);
            assert_eq!(fs::read(&path).unwrap(), whole);
        }
    }
}

#[test]
fn a_folder_without_its_description_is_refused() {
    let tiny = tiny(GraphFormat::F32);
    let path = tiny.dir.path().join("graph/export.json");
    fs::write(&path, "{}").unwrap();
    assert!(refused(settings(&tiny.dir, &golden(), 1, 64)).contains("apprentice export"));
    fs::remove_file(&path).unwrap();
    assert!(refused(settings(&tiny.dir, &golden(), 1, 64)).contains("export.json"));
}

#[test]
fn a_graph_of_another_base_is_refused() {
    let tiny = tiny(GraphFormat::F32);
    let other = edited_base(|config| {
        config["num_hidden_layers"] = 2.into();
        config["layer_types"] = vec!["sliding_attention", "full_attention"].into();
    });
    let message = refused(settings(&tiny.dir, other.path(), 1, 64));
    assert!(message.contains("the number of layers is 4 there and 2"), "{message}");
}

#[test]
fn every_format_can_be_served_with_every_kernel_of_this_processor() {
    let dir = tempfile::tempdir().unwrap();
    for format in GraphFormat::ALL {
        let out = dir.path().join(format.name());
        export::export_base(&golden(), &out, format).unwrap();
        assert_eq!(crate::manifest::load(&out.join("model.onnx"), &config()).unwrap().format, format);
        for (name, kernel) in Kernel::available() {
            let checked = Student::check_graph(&runtime(), &out.join("model.onnx"), &golden(), kernel);
            checked.unwrap_or_else(|error| panic!("{format}, {name}: {error}"));
        }
    }
}

#[test]
fn a_graph_that_cannot_be_served_is_known_before_anything_is_learnt_for_it() {
    let tiny = tiny(GraphFormat::F32);
    let graph = tiny.dir.path().join("graph/model.onnx");
    Student::check_graph(&runtime(), &graph, &golden(), own_kernel()).unwrap();
    let damaged = overflowing_base();
    let out = tiny.dir.path().join("damaged");
    export::export_base(damaged.path(), &out, GraphFormat::F32).unwrap();
    let refused = Student::check_graph(&runtime(), &out.join("model.onnx"), damaged.path(), own_kernel());
    assert!(refused.unwrap_err().to_string().contains("not finite"));
    File::options().write(true).open(&graph).unwrap().set_len(100).unwrap();
    let refused = Student::check_graph(&runtime(), &graph, &golden(), own_kernel());
    assert!(refused.unwrap_err().to_string().contains("model.onnx"));
}

#[test]
fn a_tokenizer_of_another_model_is_refused() {
    let tiny = tiny(GraphFormat::F32);
    let other = edited_base(|_| {});
    let path = other.path().join("tokenizer.json");
    let mut tokenizer: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let mut token = tokenizer["added_tokens"][0].clone();
    (token["id"], token["content"], token["special"]) = (config().vocab_size.into(), "<table>".into(), false.into());
    tokenizer["added_tokens"].as_array_mut().unwrap().push(token);
    fs::write(&path, tokenizer.to_string()).unwrap();
    let message = refused(settings(&tiny.dir, other.path(), 1, 64));
    assert!(message.contains("<table>") && message.contains("of another model"), "{message}");
}

#[test]
fn settings_out_of_range_are_refused() {
    let tiny = tiny(GraphFormat::F32);
    let good = settings(&tiny.dir, &golden(), 1, 64);
    for (settings, wanted) in [
        (StudentConfig { rows: 0, ..good.clone() }, "student.rows"),
        (StudentConfig { threads: 0, ..good.clone() }, "student.threads"),
        (StudentConfig { context: 0, ..good.clone() }, "student.context"),
        (StudentConfig { context: 257, ..good }, "from 1 to 256"),
    ] {
        let message = refused(settings);
        assert!(message.contains(wanted), "{message}");
    }
}

#[test]
fn an_adapter_that_is_missing_damaged_or_of_another_shape_is_refused() {
    let tiny = tiny(GraphFormat::F32);
    let dir = tiny.dir.path().join("adapter");
    let model = |dir| tiny.student.model("site".to_owned(), Some(dir)).err().unwrap().to_string();
    assert!(model(&dir).contains("adapter_config.json"));

    let mut adapter = Adapter::load(&golden().join("adapter"), &config()).unwrap();
    adapter.save(&dir).unwrap();
    let path = dir.join("adapter_model.safetensors");
    let length = fs::metadata(&path).unwrap().len();
    File::options().write(true).open(&path).unwrap().set_len(length - 100).unwrap();
    assert!(model(&dir).contains("adapter_model.safetensors"));
    fs::remove_file(&path).unwrap();
    assert!(model(&dir).contains("adapter_model.safetensors"));

    adapter.pairs.values_mut().for_each(|pair| pair.a.truncate(pair.a.len() - adapter.rank));
    adapter.save(&dir).unwrap();
    assert!(model(&dir).contains("shape"));
}

/// A base of finite weights, so that the export accepts them, whose logits overflow.
fn overflowing_base() -> TempDir {
    let base = edited_base(|_| {});
    let weights = Weights::load(&golden()).unwrap();
    let tensors: Vec<(String, Tensor32)> = weights
        .names()
        .map(|name| {
            let mut tensor = weights.get(name).unwrap();
            if name == gemma::EMBEDDING {
                tensor.data.iter_mut().for_each(|value| *value = value.signum() * 3e38);
            }
            (name.to_owned(), tensor)
        })
        .collect();
    Weights::save(base.path(), tensors, SaveAs::F32).unwrap();
    base
}

#[test]
fn a_model_that_computes_no_numbers_is_an_error_and_not_an_answer() {
    let base = overflowing_base();
    let tiny = tiny_of(base.path(), GraphFormat::F32, 1, 64);
    let model = tiny.student.model("base".to_owned(), None).unwrap();
    let turns = vec![wire::Turn { role: wire::Role::User, text: "Hello".to_owned() }];
    let prompt = wire::Prompt::new(turns, 4, wire::Sampling::Greedy);
    let answer = wait(model.answer(prompt));
    assert!(matches!(&answer, Err(wire::ModelError::Failed(reason)) if reason.contains("finite")), "{answer:?}");
}

#[test]
fn tokens_outside_the_vocabulary_or_the_context_are_refused() {
    let tiny = tiny(GraphFormat::F32);
    assert!(tiny.student.logits(None, &[5, 99_999], 2).unwrap_err().to_string().contains("99999"));
    assert!(tiny.student.logits(None, &[5; 129], 129).unwrap_err().to_string().contains("128"));
}
