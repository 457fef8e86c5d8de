//! Writes a base of random weights at a given shape, and a rank-16 adapter in `adapter/` below it: speed and
//! memory do not depend on what the weights are.
//!
//! usage: random_base SHAPE FOLDER TOKENIZER.json, where SHAPE is `1b` (Gemma 3 1B) or `small` (1 M parameters)

use std::collections::BTreeMap;
use std::path::Path;

use gemma::{Adapter, Config, EMBEDDING, FINAL_NORM, Linear, LoraPair, Norm, SaveAs, Tensor32, Weights};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [shape, folder, tokenizer] = arguments.as_slice() else {
        return Err("usage: random_base 1b|small FOLDER TOKENIZER.json".into());
    };
    let folder = Path::new(folder);
    std::fs::create_dir_all(folder)?;
    let config = Config::from_json(&config_json(shape)?)?;
    std::fs::write(folder.join("config.json"), config.to_json())?;
    std::fs::copy(tokenizer, folder.join("tokenizer.json"))?;

    let mut rng = ChaCha8Rng::seed_from_u64(1);
    // Wide enough that a distribution has a most probable token.
    let mut random = move |count: usize| -> Vec<f32> {
        let unit = |bits: u32| (bits >> 8) as f32 / (1 << 23) as f32 - 1.0;
        (0..count).map(|_| unit(rng.next_u32()) * 0.06).collect()
    };
    let mut adapter = Adapter { rank: 16, alpha: 16.0, base: None, pairs: BTreeMap::new() };
    for layer in 0..config.num_hidden_layers {
        for linear in Linear::ALL {
            let (out, width) = linear.shape(&config);
            adapter.pairs.insert((layer, linear), LoraPair { a: random(16 * width), b: random(16 * out) });
        }
    }
    adapter.save(&folder.join("adapter"))?;
    let mut names = vec![(EMBEDDING.to_owned(), vec![config.vocab_size, config.hidden_size])];
    names.push((FINAL_NORM.to_owned(), vec![config.hidden_size]));
    for layer in 0..config.num_hidden_layers {
        names.extend(Norm::ALL.map(|norm| (norm.weight_name(layer), vec![norm.width(&config)])));
        let linear =
            |linear: Linear| (linear.weight_name(layer), vec![linear.shape(&config).0, linear.shape(&config).1]);
        names.extend(Linear::ALL.map(linear));
    }
    let tensors = names.into_iter().map(|(name, shape)| {
        let data = random(shape.iter().product());
        (name, Tensor32 { shape, data })
    });
    Weights::save(folder, tensors, SaveAs::Bf16)?;
    Ok(())
}

fn config_json(shape: &str) -> Result<String, Failure> {
    let sizes = match shape {
        "1b" => {
            r#""vocab_size":262144,"hidden_size":1152,"intermediate_size":6912,"num_hidden_layers":26,
               "num_attention_heads":4,"num_key_value_heads":1,"head_dim":256,"query_pre_attn_scalar":256,
               "sliding_window":512,"max_position_embeddings":32768"#
        }
        "small" => {
            r#""vocab_size":1536,"hidden_size":128,"intermediate_size":384,"num_hidden_layers":4,
               "num_attention_heads":4,"num_key_value_heads":1,"head_dim":32,"query_pre_attn_scalar":32,
               "sliding_window":128,"max_position_embeddings":2048"#
        }
        other => return Err(format!("{other} is neither 1b nor small").into()),
    };
    let rest = r#""model_type":"gemma3_text","rms_norm_eps":1e-6,"rope_theta":1000000,"rope_local_base_freq":10000,
                  "sliding_window_pattern":6,"torch_dtype":"bfloat16","tie_word_embeddings":true"#;
    Ok(format!("{{{sizes},{rest}}}"))
}
