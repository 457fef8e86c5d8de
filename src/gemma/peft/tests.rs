//! Adapter folders: round trip, and what is refused.

use std::collections::BTreeMap;

use super::{Adapter, LoraPair};
use crate::config::Config;
use crate::names::Linear;

fn config() -> Config {
    let text = r#"{"model_type":"gemma3_text","vocab_size":32,"hidden_size":8,"intermediate_size":12,
     "num_hidden_layers":2,"num_attention_heads":2,"num_key_value_heads":1,"head_dim":4,"rms_norm_eps":1e-06,
     "query_pre_attn_scalar":4,"sliding_window":4,"sliding_window_pattern":2,"rope_theta":1000000,
     "rope_local_base_freq":10000,"max_position_embeddings":64}"#;
    Config::from_json(text).unwrap()
}

fn adapter() -> Adapter {
    let config = config();
    let mut pairs = BTreeMap::new();
    for layer in 0..2 {
        for linear in Linear::ALL {
            let (out, inn) = linear.shape(&config);
            let a = (0..3 * inn).map(|i| i as f32 * 0.01 - layer as f32).collect();
            let b = (0..3 * out).map(|i| (i as f32).sin()).collect();
            pairs.insert((layer, linear), LoraPair { a, b });
        }
    }
    Adapter { rank: 3, alpha: 6.0, base: Some("tiny".into()), pairs }
}

#[test]
fn an_adapter_that_was_written_is_read_back_bit_equal() {
    let dir = tempfile::tempdir().unwrap();
    adapter().save(dir.path()).unwrap();
    assert_eq!(Adapter::load(dir.path(), &config()).unwrap(), adapter());
    assert_eq!(adapter().scale(), 2.0);
}

#[test]
fn the_settings_name_the_modules_as_peft_does() {
    let dir = tempfile::tempdir().unwrap();
    adapter().save(dir.path()).unwrap();
    let text = std::fs::read_to_string(dir.path().join("adapter_config.json")).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["peft_type"], "LORA");
    assert_eq!(value["lora_alpha"].as_i64(), Some(6));
    assert_eq!(value["target_modules"].as_array().unwrap().len(), 7);
}

#[test]
fn what_does_not_fit_the_model_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut deep = adapter();
    let pair = deep.pairs[&(0, Linear::Q)].clone();
    deep.pairs.insert((2, Linear::Q), pair);
    deep.save(dir.path()).unwrap();
    let error = Adapter::load(dir.path(), &config()).unwrap_err().to_string();
    assert!(error.contains("layers.2") && error.contains("no place"), "{error}");

    let mut wide = adapter();
    wide.pairs.insert((0, Linear::Q), LoraPair { a: vec![0.0; 27], b: vec![0.0; 24] });
    wide.save(dir.path()).unwrap();
    let error = Adapter::load(dir.path(), &config()).unwrap_err().to_string();
    assert!(error.contains("[3, 9]"), "{error}");
}

#[test]
fn a_kind_of_adapter_that_computes_something_else_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    adapter().save(dir.path()).unwrap();
    let path = dir.path().join("adapter_config.json");
    let text = std::fs::read_to_string(&path).unwrap();
    for (from, to) in [
        ("\"use_rslora\": false", "\"use_rslora\": true"),
        ("\"use_dora\": false", "\"use_dora\": true"),
        ("\"modules_to_save\": null", "\"modules_to_save\": [\"lm_head\"]"),
        ("\"LORA\"", "\"IA3\""),
    ] {
        assert!(text.contains(from));
        std::fs::write(&path, text.replace(from, to)).unwrap();
        assert!(Adapter::load(dir.path(), &config()).is_err(), "{to} was accepted");
    }
}

#[test]
fn an_adapter_with_a_value_that_is_not_finite_is_refused_with_its_name() {
    let dir = tempfile::tempdir().unwrap();
    for value in [f32::NAN, f32::INFINITY] {
        let mut damaged = adapter();
        damaged.pairs.get_mut(&(1, Linear::Up)).unwrap().b[5] = value;
        damaged.save(dir.path()).unwrap();
        let error = Adapter::load(dir.path(), &config()).unwrap_err().to_string();
        assert!(error.contains("layers.1.mlp.up_proj") && error.contains("not finite"), "{error}");
    }
}
