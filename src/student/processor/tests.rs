//! Which format a processor is given.

use gemma::{Config, GraphFormat};

use super::Features;

const OLD: Features = Features { x86: true, vnni: false };
const NEW: Features = Features { x86: true, vnni: true };
const OTHER: Features = Features { x86: false, vnni: false };

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
fn signed_bytes_are_for_processors_that_sum_them_exactly() {
    use GraphFormat::{F32, I8Block, I8Row, U8Row};
    assert_eq!(OLD.formats(), [F32, U8Row, I8Block]);
    assert_eq!(NEW.formats(), [F32, I8Row, U8Row, I8Block]);
    assert_eq!(OTHER.formats(), [F32, I8Row, U8Row, I8Block]);
}

#[test]
fn a_large_base_is_served_in_blocks_which_every_processor_sums_exactly() {
    let large = config(1_000_000);
    for features in [OLD, NEW, OTHER] {
        assert_eq!(features.best_format(&large), GraphFormat::I8Block);
        assert!(features.sums_exactly(GraphFormat::I8Block));
    }
}

#[test]
fn a_small_base_is_served_in_single_precision() {
    assert_eq!([OLD, NEW].map(|features| features.best_format(&config(1000))), [GraphFormat::F32; 2]);
}

#[test]
fn a_masked_feature_is_missing_and_an_unknown_one_is_named() {
    let masked = Features::detect(" vnni, avx512").unwrap();
    assert!(!masked.vnni);
    assert_eq!(masked.x86, Features::detect("").unwrap().x86);
    let message = Features::detect("vnni,amx").unwrap_err().to_string();
    assert!(message.contains("`amx`"), "{message}");
}
