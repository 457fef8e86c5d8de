//! Golden numbers of Gemma 3 1B and both spellings of its file.

use super::{Config, LayerKind};

const V4: &str = r#"{"model_type":"gemma3_text","vocab_size":262144,"hidden_size":1152,"intermediate_size":6912,
 "num_hidden_layers":26,"num_attention_heads":4,"num_key_value_heads":1,"head_dim":256,"rms_norm_eps":1e-06,
 "query_pre_attn_scalar":256,"sliding_window":512,"sliding_window_pattern":6,"rope_theta":1000000,
 "rope_local_base_freq":10000,"rope_scaling":null,"max_position_embeddings":32768,"torch_dtype":"bfloat16",
 "hidden_activation":"gelu_pytorch_tanh","eos_token_id":[1,106],"bos_token_id":2,"pad_token_id":0}"#;

#[test]
fn gemma_3_1b_has_its_published_size() {
    let config = Config::from_json(V4).unwrap();
    assert_eq!(config.parameters(), 999_885_952);
    assert_eq!(config.lora_parameters(16), 13_045_760);
    assert_eq!(config.eos_token_ids, [1, 106]);
}

#[test]
fn every_sixth_layer_is_global() {
    let config = Config::from_json(V4).unwrap();
    let global: Vec<usize> =
        config.layers.iter().enumerate().filter(|(_, k)| **k == LayerKind::Global).map(|(i, _)| i).collect();
    assert_eq!(global, [5, 11, 17, 23]);
}

#[test]
fn the_embedding_scale_is_rounded_to_the_checkpoints_format() {
    assert_eq!(Config::from_json(V4).unwrap().embed_scale, 34.0);
    let exact = Config::from_json(&V4.replace("bfloat16", "float32")).unwrap();
    assert!((exact.embed_scale - 33.941_125_496_954_28).abs() < 1e-12);
}

#[test]
fn the_new_spelling_means_the_same_as_the_old() {
    let old = Config::from_json(V4).unwrap();
    assert_eq!(Config::from_json(&old.to_json()).unwrap(), old);
    assert!(old.to_json().contains("\"query_pre_attn_scalar\": 256,"), "transformers refuses 256.0");
}

#[test]
fn what_is_missing_or_unsupported_is_named() {
    let says = |text: &str| Config::from_json(text).unwrap_err().to_string();
    assert!(says(&V4.replace("\"hidden_size\":1152,", "")).contains("missing field `hidden_size`"));
    assert!(says(&V4.replace("\"sliding_window_pattern\":6,", "")).contains("layer_types"));
    assert!(says(&V4.replace("gemma3_text", "gemma3")).contains("only `gemma3_text`"));
    assert!(says(&V4.replace("\"rope_scaling\":null", "\"rope_scaling\":{\"factor\":8}")).contains("rope_scaling"));
    assert!(says(&V4.replace("\"num_key_value_heads\":1", "\"num_key_value_heads\":3")).contains("does not divide"));
    assert!(says("[]").contains("config.json") && says("{}").contains("missing field"));
    assert!(says(&V4.replace("1152", "0")).contains("hidden_size"), "{}", says(&V4.replace("1152", "0")));
    assert!(says(&V4.replace("layers\":26", "layers\":\"many\"")).contains("num_hidden_layers"));
    assert!(says(&V4.replace("1e-06", "-1")).contains("`rms_norm_eps` must be a positive number"));
    assert!(says(&V4.replace("\"rope_theta\":1000000,", "")).contains("`rope_theta` is missing"));
    assert!(says(&V4.replace("gelu_pytorch_tanh", "relu")).contains("hidden_activation"));
    assert!(says(&V4.replace("bfloat16", "int8")).contains("`dtype` is `int8`"));
    let with = |field: &str| V4.replacen('{', &format!("{{{field},"), 1);
    assert!(says(&with("\"tie_word_embeddings\":false")).contains("shares the embedding"));
    assert!(says(&with("\"attention_bias\":true")).contains("attention_bias"));
    assert!(says(&with("\"layer_types\":[\"full_attention\"]")).contains("1 entries for 26 layers"));
    let nested = "\"rope_parameters\":{\"full_attention\":{\"rope_type\":\"linear\"}}";
    assert!(says(&with(nested)).contains("rope_type `linear`"));
}
