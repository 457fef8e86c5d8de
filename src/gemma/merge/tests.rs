//! Merged folders against sums that are taken apart, in f64.

use std::path::PathBuf;

use super::*;
use crate::names::{EMBEDDING, Linear};
use crate::weights::{SaveAs, Tensor32, write_file};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/tiny_gemma")
}

/// The golden base in `save_as`, in two files.
fn sharded(dir: &Path, save_as: SaveAs) {
    let weights = Weights::load(&golden()).unwrap();
    let names: Vec<&str> = weights.names().collect();
    let mut places = BTreeMap::new();
    for (file, names) in [("one.safetensors", &names[..9]), ("two.safetensors", &names[9..])] {
        let tensors: Vec<(String, Tensor32)> =
            names.iter().map(|name| ((*name).to_owned(), weights.get(name).unwrap())).collect();
        write_file(&dir.join(file), tensors, save_as).unwrap();
        places.extend(names.iter().map(|name| ((*name).to_owned(), file)));
    }
    fs::write(dir.join("model.safetensors.index.json"), json!({"metadata": {}, "weight_map": places}).to_string())
        .unwrap();
    for name in ["config.json", "tokenizer.json"] {
        fs::copy(golden().join(name), dir.join(name)).unwrap();
    }
    fs::write(dir.join("generation_config.json"), "{}").unwrap();
    fs::write(dir.join("notes.txt"), "of the base alone").unwrap();
}

/// The golden adapter with its factors in `dtype`, as PEFT writes them for a model in that format.
fn adapter(dir: &Path, dtype: Dtype) {
    fs::create_dir_all(dir).unwrap();
    let from = golden().join("adapter");
    fs::copy(from.join("adapter_config.json"), dir.join("adapter_config.json")).unwrap();
    let weights = Weights::load_file(&from.join("adapter_model.safetensors")).unwrap();
    let tensors: Vec<(String, Tensor32)> =
        weights.names().map(|name| (name.to_owned(), weights.get(name).unwrap())).collect();
    let planned: Vec<Planned> =
        tensors.iter().map(|(name, tensor)| Planned::new(name, dtype, tensor.shape.clone())).collect();
    stream::write(&dir.join("adapter_model.safetensors"), &planned, |at, out| narrow(&tensors[at].1.data, dtype, out))
        .unwrap();
}

/// How far a merged weight may be from the exact sum: half of its format's last place, and what f32 loses where weight and
/// product cancel.
fn half_a_place(exact: f64, save_as: SaveAs) -> f64 {
    match save_as {
        SaveAs::Bf16 => exact.abs() / 256.0 * 1.001 + 2e-7,
        SaveAs::F32 => 1e-6,
    }
}

#[test]
fn every_weight_that_the_adapter_names_is_the_sum_and_every_other_is_the_bases_own() {
    for (save_as, factors) in [(SaveAs::Bf16, Dtype::F16), (SaveAs::F32, Dtype::BF16), (SaveAs::Bf16, Dtype::F32)] {
        let dir = tempfile::tempdir().unwrap();
        let [base, lora, out] = ["base", "lora", "out"].map(|name| dir.path().join(name));
        fs::create_dir_all(&base).unwrap();
        sharded(&base, save_as);
        adapter(&lora, factors);
        let merged = merge(&base, &lora, &out, 100_000).unwrap();
        let config = Config::load(&base).unwrap();
        let (before, after) = (Weights::load(&base).unwrap(), Weights::load(&out).unwrap());
        let lora = Adapter::load(&lora, &config).unwrap();
        assert_eq!((merged.changed, merged.tensors), (7 * config.num_hidden_layers, before.names().count()));
        assert!(merged.files > 1, "{merged:?}");
        assert_eq!(before.planned(), after.planned(), "the same names, formats and shapes");
        let mut changed = 0;
        for layer in 0..config.num_hidden_layers {
            for linear in Linear::ALL {
                let (rows, columns) = linear.shape(&config);
                let (pair, name) = (&lora.pairs[&(layer, linear)], linear.weight_name(layer));
                let (was, is) = (before.get(&name).unwrap().data, after.get(&name).unwrap().data);
                for (at, (was, is)) in was.iter().zip(&is).enumerate() {
                    let (row, column) = (at / columns, at % columns);
                    let of =
                        |r: usize| f64::from(pair.b[row * lora.rank + r]) * f64::from(pair.a[r * columns + column]);
                    let exact = f64::from(*was) + lora.scale() * (0..lora.rank).map(of).sum::<f64>();
                    let off = (f64::from(*is) - exact).abs();
                    assert!(off <= half_a_place(exact, save_as), "{name} {at}: {is} for {exact}");
                    changed += usize::from(was != is);
                }
                assert_eq!(was.len(), rows * columns);
            }
        }
        assert!(changed > 10_000, "{changed}");
        for name in ["model.norm.weight", EMBEDDING] {
            assert_eq!(before.get(name).unwrap(), after.get(name).unwrap(), "{name}");
        }
    }
}

#[test]
fn a_merged_folder_is_the_bases_with_other_weights() {
    let dir = tempfile::tempdir().unwrap();
    let [base, lora, out] = ["base", "lora", "out"].map(|name| dir.path().join(name));
    fs::create_dir_all(&base).unwrap();
    sharded(&base, SaveAs::F32);
    adapter(&lora, Dtype::F32);
    let merged = merge(&base, &lora, &out, u64::MAX).unwrap();
    let mut names: Vec<String> =
        fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["config.json", "generation_config.json", "model.safetensors", "tokenizer.json"]);
    let bytes = fs::read(out.join("model.safetensors")).unwrap();
    // What safetensors itself makes of the file.
    let read = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!((read.len(), merged.files), (merged.tensors, 1));
    let error = merge(&base, &lora, &out, u64::MAX).unwrap_err().to_string();
    assert!(error.contains("is not empty"), "{error}");
}

#[test]
fn what_cannot_be_merged_is_refused_with_words() {
    let dir = tempfile::tempdir().unwrap();
    let [base, lora, out] = ["base", "lora", "out"].map(|name| dir.path().join(name));
    fs::create_dir_all(&base).unwrap();
    sharded(&base, SaveAs::F32);
    adapter(&lora, Dtype::F32);
    // Another base: one layer less.
    let config = fs::read_to_string(base.join("config.json")).unwrap();
    let mut fewer: serde_json::Value = serde_json::from_str(&config).unwrap();
    fewer["num_hidden_layers"] = 3.into();
    fewer["layer_types"].as_array_mut().unwrap().pop();
    fs::write(base.join("config.json"), fewer.to_string()).unwrap();
    let error = merge(&base, &lora, &out, u64::MAX).unwrap_err().to_string();
    assert!(error.contains("no place for"), "{error}");
    assert!(!out.try_exists().unwrap(), "nothing is begun");
    // A base whose weights lack what its configuration promises.
    fs::write(base.join("config.json"), config).unwrap();
    let name = Linear::Up.weight_name(2);
    let weights = Weights::load(&golden()).unwrap();
    let kept: Vec<(String, Tensor32)> = weights
        .names()
        .filter(|kept| *kept != name)
        .map(|name| (name.to_owned(), weights.get(name).unwrap()))
        .collect();
    fs::remove_file(base.join("model.safetensors.index.json")).unwrap();
    Weights::save(&base, kept, SaveAs::F32).unwrap();
    let error = merge(&base, &lora, &out, u64::MAX).unwrap_err().to_string();
    assert!(error.contains(&name), "{error}");
}

#[test]
fn a_sum_beyond_the_format_of_the_base_is_an_error_and_no_infinity() {
    let tensor = Planned::new("w", Dtype::F16, vec![1, 2]);
    let pair = LoraPair { a: vec![1.0, 0.0], b: vec![60_000.0] };
    let change = Change { pair: &pair, rank: 1, scale: 1.0 };
    let mut weight = Vec::new();
    narrow(&[60_000.0, 1.0], Dtype::F16, &mut weight).unwrap();
    let error = change.write(&tensor, weight.as_slice(), &mut Vec::new()).unwrap_err().to_string();
    assert!(error.contains("`w` is beyond the base's F16"), "{error}");
}
