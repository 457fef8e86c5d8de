//! The estimate against measured peaks, and what is refused.

use super::*;

/// Gemma 3 1B.
pub(crate) fn config() -> Config {
    let text = r#"{"model_type":"gemma3_text","torch_dtype":"bfloat16","vocab_size":262144,"hidden_size":1152,"intermediate_size":6912,
     "num_hidden_layers":26,"num_attention_heads":4,"num_key_value_heads":1,"head_dim":256,"rms_norm_eps":1e-06,
     "query_pre_attn_scalar":256,"sliding_window":512,"sliding_window_pattern":6,"rope_theta":1000000,
     "rope_local_base_freq":10000,"max_position_embeddings":32768}"#;
    Config::from_json(text).unwrap()
}

fn load(sequences: usize, longest: usize, threads: usize) -> Load {
    Load {
        trained: Trained { numbers: config().lora_parameters(16), rank: 16, layers: 26 },
        tokens: sequences * longest,
        longest,
        item: longest,
        threads,
        head_chunk: 128,
        quantize: None,
    }
}

#[test]
fn the_estimate_is_near_the_peaks_that_were_measured() {
    // Peak resident memory of two steps at the 1B shape, weights in bf16, LoRA of rank 16, GB.
    for (sequences, longest, threads, recompute, measured) in [
        (1, 508, 1, false, 4.44),
        (2, 256, 2, false, 4.29),
        (2, 508, 2, false, 6.43),
        (8, 256, 2, false, 9.85),
        (8, 256, 2, true, 3.29),
    ] {
        let estimate = load(sequences, longest, threads).bytes(&config(), recompute) as f64 / 1e9;
        let ratio = estimate / measured;
        assert!((0.95..1.15).contains(&ratio), "{sequences} x {longest}: {estimate:.2} GB against {measured}");
    }
}

#[test]
fn packed_linears_leave_the_embedding_and_a_fraction_of_the_rest() {
    let bytes = |quantize| Load { quantize, ..load(1, 256, 1) }.bytes(&config(), true) as f64 / 1e9;
    let [plain, eight, four, nf4] = [None, Some(Quantize::Q8_0), Some(Quantize::Q4_0), Some(Quantize::Nf4)].map(bytes);
    // 697.8 million numbers at 16, 8.5, 4.5 and 4.25 bits.
    assert!((plain - eight - 0.654).abs() < 0.01 && (eight - four - 0.349).abs() < 0.01, "{plain} {eight} {four}");
    assert!(nf4 < four && nf4 < 1.8, "{nf4}: 256 tokens within 1.8 GB");
}

#[test]
fn a_run_that_does_not_fit_is_refused_with_what_would_help() {
    let (load, config) = (load(16, 1024, 2), config());
    assert!(load.check(&config, false, None).is_ok(), "no limit is known");
    let message = load.check(&config, false, Some(14_000)).unwrap_err().to_string();
    for part in ["14000 MB", "16384 tokens", "it fits with recompute = true", "micro_batch_tokens"] {
        assert!(message.contains(part), "{message}");
    }
    assert!(load.check(&config, true, Some(14_000)).is_ok());
    let message = load.check(&config, false, Some(5000)).unwrap_err().to_string();
    assert!(message.contains("micro_batch_tokens") && message.contains("set recompute"), "{message}");
    let message = load.check(&config, true, Some(5000)).unwrap_err().to_string();
    assert!(message.contains("micro_batch_tokens") && !message.contains("recompute"), "{message}");
    let one = Load { tokens: load.item, ..load };
    let message = one.check(&config, true, Some(2900)).unwrap_err().to_string();
    assert!(message.contains("lower max_tokens") && !message.contains("micro_batch_tokens"), "{message}");
}

#[test]
fn the_tokens_in_flight_are_the_budget_or_the_longest_example() {
    let arguments = TrainingArguments::default();
    let trained = Trained { numbers: 0, rank: 16, layers: 26 };
    let of =
        |budget, longest, item, batch| Load::new(&arguments, budget, trained, Largest { longest, item, batch }).tokens;
    let tokens = |budget, longest| of(budget, longest, 1, 16);
    assert_eq!([tokens(1024, 20), tokens(1024, 300), tokens(1024, 1500)], [320, 1024, 1500]);
    assert_eq!(tokens(0, 1024), 16 * 1024);
    // Pairs stay together, and a batch may have taken in a rest.
    let pairs = |budget| of(budget, 300, 2, 17);
    assert_eq!([pairs(0), pairs(1024), pairs(500)], [17 * 600, 1024, 600]);
}

#[test]
fn available_memory_is_read_where_it_is_said_and_nowhere_else() {
    assert_eq!(meminfo_available("MemTotal: 9 kB\nMemAvailable:   24 kB\n"), Some(24 * 1024));
    assert_eq!(meminfo_available("MemTotal: 9 kB\n"), None);
    assert_eq!(meminfo_available("MemAvailable: many kB\n"), None);
    let group = |limit, used, stat| group_available(limit, used, stat, "inactive_file");
    assert_eq!(group("1000\n", "700\n", "active_file 9\ninactive_file 200\n"), Some(500));
    assert_eq!([group("1000", "", ""), group("max\n", "700", ""), group("", "", "")], [Some(1000), None, None]);
    let told = TrainingArguments { memory_max_mb: 7, ..TrainingArguments::default() };
    assert_eq!(limit_mb(&told), Some(7));
}
