//! Grouped-query attention of a layer: q, k and v with per-head norms, rotary positions and the KV cache.

use gemma::{LayerKind, Norm, OWN_QKV_NORM};

use crate::ExportError;
use crate::graph::{Builder, StepInputs};
use crate::linear::Projection;
use crate::onnx::{Attr, Dim, Op, Type};

/// Names of the cos and sin tables of local and global layers.
pub(crate) struct Rope {
    local: [String; 2],
    global: [String; 2],
}

impl Builder<'_> {
    /// `x` [T, hidden] to the output [T, hidden] whose norm is added to the residual stream.
    /// The cache `past_key_values.{layer}.*` [batch, kv_heads, capacity, head_dim] is written in place
    /// when the caller binds one tensor as past and as present.
    pub(crate) fn attention(
        &mut self,
        layer: usize,
        x: &str,
        inputs: &StepInputs,
        rope: &Rope,
    ) -> Result<String, ExportError> {
        let prefix = format!("layers.{layer}.attn");
        let qkv = self.project(layer, Projection::Qkv, x)?;
        let heads =
            if self.format.is_packed() { self.own_heads(layer, &qkv)? } else { self.heads(layer, &qkv, inputs)? };
        let mut attended = self.attend(layer, heads.each_ref().map(String::as_str), inputs, rope);
        if !self.format.is_packed() {
            let width = self.config.num_attention_heads * self.config.head_dim;
            let flat = self.graph.constant_i64(&format!("{prefix}.flat"), &[2], &[-1, width as i64]);
            attended = self.graph.op(&format!("{prefix}.tokens"), Op::Standard("Reshape"), &[&attended, &flat], &[]);
        }
        self.project(layer, Projection::O, &attended)
    }

    /// `qkv` [T, q beside k beside v] as q, k and v, [batch, sequence, heads * head_dim] each, with the heads of q and k normed.
    fn heads(&mut self, layer: usize, qkv: &str, inputs: &StepInputs) -> Result<[String; 3], ExportError> {
        let prefix = format!("layers.{layer}.attn");
        let [q, k, v] = ["q", "k", "v"].map(|part| format!("{prefix}.{part}"));
        let (heads, kv_heads, width) =
            (self.config.num_attention_heads, self.config.num_key_value_heads, self.config.head_dim);
        let sizes = [heads, kv_heads, kv_heads].map(|count| (count * width) as i64);
        let sizes = self.graph.constant_i64(&format!("{prefix}.sizes"), &[3], &sizes);
        self.graph.node(Op::Standard("Split"), &[qkv, &sizes], &[&q, &k, &v], &[Attr::Int("axis", -1)]);
        let q = self.head_norm(&q, &Norm::Query.weight_name(layer), inputs)?;
        let k = self.head_norm(&k, &Norm::Key.weight_name(layer), inputs)?;
        let v = self.graph.op(&format!("{v}.batched"), Op::Standard("Reshape"), &[&v, &inputs.batched], &[]);
        Ok([q, k, v])
    }

    /// [`Self::heads`] in one node.
    fn own_heads(&mut self, layer: usize, qkv: &str) -> Result<[String; 3], ExportError> {
        let [q_weight, k_weight] = [Norm::Query, Norm::Key].map(|norm| self.norm_weight(&norm.weight_name(layer)));
        let heads = ["q", "k", "v"].map(|part| format!("layers.{layer}.attn.{part}"));
        let config = self.config;
        self.graph.node(
            Op::Own(OWN_QKV_NORM),
            &[qkv, &q_weight?, &k_weight?, "input_ids"],
            &heads.each_ref().map(String::as_str),
            &[
                Attr::Int("num_heads", config.num_attention_heads as i64),
                Attr::Int("kv_num_heads", config.num_key_value_heads as i64),
                Attr::Int("head_dim", config.head_dim as i64),
                Attr::Float("epsilon", config.rms_norm_eps as f32),
            ],
        );
        Ok(heads)
    }

    /// RMSNorm of each head of `x` [T, heads * head_dim], as [batch, sequence, heads * head_dim].
    fn head_norm(&mut self, x: &str, weight_name: &str, inputs: &StepInputs) -> Result<String, ExportError> {
        let weight = self.norm_weight(weight_name)?;
        let shape = self.graph.constant_i64(&format!("{x}.heads.shape"), &[2], &[-1, self.config.head_dim as i64]);
        let heads = self.graph.op(&format!("{x}.heads"), Op::Standard("Reshape"), &[x, &shape], &[]);
        let normed = self.norm(&format!("{x}.normed"), &heads, &weight);
        Ok(self.graph.op(&format!("{x}.batched"), Op::Standard("Reshape"), &[&normed, &inputs.batched], &[]))
    }

    fn attend(&mut self, layer: usize, [q, k, v]: [&str; 3], inputs: &StepInputs, rope: &Rope) -> String {
        let (config, graph) = (self.config, &mut self.graph);
        let (window, [cos, sin]) = match config.layers.get(layer) {
            // The window counts the token itself, as Gemma's does.
            Some(LayerKind::Local) => (config.sliding_window as i64, &rope.local),
            Some(LayerKind::Global) | None => (-1, &rope.global),
        };
        let past @ [past_key, past_value] = &["key", "value"].map(|part| format!("past_key_values.{layer}.{part}"));
        let present @ [present_key, present_value] = &["key", "value"].map(|part| format!("present.{layer}.{part}"));
        let cache = [
            Dim::Named("batch"),
            Dim::Fixed(config.num_key_value_heads),
            Dim::Named("capacity"),
            Dim::Fixed(config.head_dim),
        ];
        for (past, present) in past.iter().zip(present) {
            graph.input(past, Type::F32, &cache);
            graph.output(present, Type::F32, &cache);
        }
        let out = format!("layers.{layer}.attn.out");
        graph.node(
            Op::Microsoft("GroupQueryAttention"),
            &[q, k, v, past_key, past_value, &inputs.last_position, &inputs.total, cos, sin],
            &[&out, present_key, present_value],
            &[
                Attr::Int("num_heads", config.num_attention_heads as i64),
                Attr::Int("kv_num_heads", config.num_key_value_heads as i64),
                Attr::Float("scale", config.query_pre_attn_scalar.powf(-0.5) as f32),
                Attr::Int("do_rotary", 1),
                Attr::Int("rotary_interleaved", 0),
                Attr::Int("local_window_size", window),
            ],
        );
        out
    }

    /// The tables of both frequencies, `[positions, head_dim / 2]` each.
    pub(crate) fn rope_tables(&mut self) -> Result<Rope, ExportError> {
        Ok(Rope {
            local: self.rope_table("rope.local", self.config.rope_theta_local)?,
            global: self.rope_table("rope.global", self.config.rope_theta_global)?,
        })
    }

    fn rope_table(&mut self, name: &str, theta: f64) -> Result<[String; 2], ExportError> {
        let half = self.config.head_dim / 2;
        let mut store = |part: &str, function: fn(f64) -> f64| -> Result<String, ExportError> {
            let table = rope_angles(self.positions, self.config.head_dim, theta)
                .map(|angle| function(f64::from(angle)) as f32)
                .collect::<Vec<f32>>();
            let span = self.data.put_f32(&table)?;
            Ok(self.graph.external(&format!("{name}.{part}"), Type::F32, &[self.positions, half], span))
        };
        Ok([store("cos", f64::cos)?, store("sin", f64::sin)?])
    }
}

/// `position / theta^(2j / head_dim)`, row by row, in single precision as the reference computes it: at
/// position 8000 its rounding already differs from the exact angle by 5e-4 rad, and the model has seen it so.
fn rope_angles(positions: usize, head_dim: usize, theta: f64) -> impl Iterator<Item = f32> {
    let frequencies: Vec<f32> =
        (0..head_dim / 2).map(|j| 1.0 / (theta as f32).powf((2 * j) as f32 / head_dim as f32)).collect();
    (0..positions)
        .flat_map(move |position| frequencies.clone().into_iter().map(move |frequency| position as f32 * frequency))
}
