//! Damaged, missing and unfitting files: an error that says what to do, and no panic.

use std::fs::{self, File};

use export::Format;
use gemma::{Adapter, SaveAs, Tensor32, Weights};

use super::fixture::{config, edited_base, golden, runtime, settings, tiny, tiny_of};
use crate::manifest::Manifest;
use crate::{Runtime, Student, StudentConfig};

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
    Student::open(&runtime(), settings).unwrap_err().to_string()
}

#[test]
fn a_graph_that_is_cut_short_is_refused() {
    for (name, share) in [("model.onnx", 2), ("model.onnx.data", 2), ("model.onnx.data", 100)] {
        let tiny = tiny(Format::F32);
        let path = tiny.dir.path().join("graph").join(name);
        let length = fs::metadata(&path).unwrap().len();
        File::options().write(true).open(&path).unwrap().set_len(length / share).unwrap();
        let message = refused(settings(&tiny.dir, &golden(), 1, 64));
        assert!(message.contains("model.onnx") && message.contains("apprentice export"), "{message}");
    }
}

#[test]
fn a_folder_without_its_description_is_refused() {
    let tiny = tiny(Format::F32);
    let path = tiny.dir.path().join("graph/export.json");
    fs::write(&path, "{}").unwrap();
    assert!(refused(settings(&tiny.dir, &golden(), 1, 64)).contains("apprentice export"));
    fs::remove_file(&path).unwrap();
    assert!(refused(settings(&tiny.dir, &golden(), 1, 64)).contains("export.json"));
}

#[test]
fn a_graph_of_another_base_is_refused() {
    let tiny = tiny(Format::F32);
    let other = edited_base(|config| {
        config["num_hidden_layers"] = 2.into();
        config["layer_types"] = vec!["sliding_attention", "full_attention"].into();
    });
    let message = refused(settings(&tiny.dir, other.path(), 1, 64));
    assert!(message.contains("the number of layers is 4 there and 2"), "{message}");
}

#[test]
fn eight_bit_weights_are_refused_where_their_sums_would_saturate() {
    let load = |format| {
        let tiny = tiny(format);
        Manifest::load(&tiny.dir.path().join("graph/model.onnx"), &config()).unwrap()
    };
    let (float, quantised) = (load(Format::F32), load(Format::I8Row));
    assert!(float.check_processor(false).is_ok() && quantised.check_processor(true).is_ok());
    let message = quantised.check_processor(false).unwrap_err().to_string();
    assert!(message.contains("VNNI") && message.contains("f32"), "{message}");
}

#[test]
fn settings_out_of_range_are_refused() {
    let tiny = tiny(Format::F32);
    let good = settings(&tiny.dir, &golden(), 1, 64);
    for (settings, wanted) in [
        (StudentConfig { workers: 0, ..good.clone() }, "student.workers"),
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
    let tiny = tiny(Format::F32);
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

#[test]
fn a_model_that_computes_no_numbers_is_an_error_and_not_an_answer() {
    // Finite weights, so that the export accepts them, whose logits overflow.
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
    let tiny = tiny_of(base.path(), Format::F32, 1, 64);
    let model = tiny.student.model("base".to_owned(), None).unwrap();
    let turns = vec![wire::Turn { role: wire::Role::User, text: "Hello".to_owned() }];
    let prompt = wire::Prompt { turns, max_tokens: 4, sampling: wire::Sampling::Greedy, stop: Vec::new() };
    let answer = model.answer(&prompt, &mut |_| std::ops::ControlFlow::Continue(()));
    assert!(matches!(&answer, Err(wire::ModelError::Failed(reason)) if reason.contains("finite")), "{answer:?}");
}

#[test]
fn tokens_outside_the_vocabulary_or_the_context_are_refused() {
    let tiny = tiny(Format::F32);
    assert!(tiny.student.logits(None, &[5, 99_999], 2).unwrap_err().to_string().contains("99999"));
    assert!(tiny.student.logits(None, &[5; 129], 129).unwrap_err().to_string().contains("128"));
}
