//! Which format a processor is given.

use gemma::{Config, GraphFormat};
use packed::Kernel;

use super::{best_format, kernel};

/// A model of about `vocab_size * 1000` parameters.
fn config(vocab_size: usize) -> Config {
    let text = format!(
        r#"{{"model_type":"gemma3_text","vocab_size":{vocab_size},"hidden_size":1000,"intermediate_size":10,
        "num_hidden_layers":1,"num_attention_heads":1,"num_key_value_heads":1,"head_dim":16,"rms_norm_eps":1e-06,
        "query_pre_attn_scalar":16,"sliding_window":4,"sliding_window_pattern":1,"rope_theta":1000000,
        "rope_local_base_freq":10000,"max_position_embeddings":64}}"#
    );
    Config::from_json(&text).unwrap()
}

#[test]
fn a_large_base_is_served_in_packed_blocks_and_a_small_one_in_single_precision() {
    assert_eq!(best_format(&config(1_000_000)), GraphFormat::I8Packed);
    assert_eq!(best_format(&config(1000)), GraphFormat::F32);
}

#[test]
fn a_masked_instruction_is_not_used_and_an_unknown_one_is_named() {
    let named = |mask| {
        let kernel = kernel(mask).unwrap();
        Kernel::available().into_iter().find(|(_, known)| *known == kernel).unwrap().0
    };
    assert!(!named(" vnni, avx512").contains("vnni"));
    assert!(!named("avx512").contains("avx512"));
    assert_eq!(named(""), Kernel::available()[0].0);
    let message = kernel("vnni,amx").unwrap_err().to_string();
    assert!(message.contains("`amx`"), "{message}");
}
