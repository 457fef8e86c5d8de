//! Names of the model's tensors, in the base checkpoint and in a PEFT adapter.

/// The token embedding, `[vocab, hidden]`; the head is its transpose.
pub const EMBEDDING: &str = "model.embed_tokens.weight";
/// The norm before the head, `[hidden]`.
pub const FINAL_NORM: &str = "model.norm.weight";

/// The seven matrices of a layer, in the order in which a forward pass meets them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Linear {
    Q,
    K,
    V,
    O,
    Gate,
    Up,
    Down,
}

impl Linear {
    pub const ALL: [Self; 7] = [Self::Q, Self::K, Self::V, Self::O, Self::Gate, Self::Up, Self::Down];

    /// PEFT's name for the kind of module, as in `target_modules`.
    #[must_use]
    pub fn module(self) -> &'static str {
        match self {
            Self::Q => "q_proj",
            Self::K => "k_proj",
            Self::V => "v_proj",
            Self::O => "o_proj",
            Self::Gate => "gate_proj",
            Self::Up => "up_proj",
            Self::Down => "down_proj",
        }
    }

    fn path(self, layer: usize) -> String {
        let block = match self {
            Self::Q | Self::K | Self::V | Self::O => "self_attn",
            Self::Gate | Self::Up | Self::Down => "mlp",
        };
        format!("model.layers.{layer}.{block}.{}", self.module())
    }

    /// Name of the weight in the base checkpoint.
    #[must_use]
    pub fn weight_name(self, layer: usize) -> String {
        format!("{}.weight", self.path(layer))
    }

    /// Name of one factor of the adapter; `factor` is `"A"` (`[rank, in]`) or `"B"` (`[out, rank]`).
    #[must_use]
    pub fn lora_name(self, layer: usize, factor: &str) -> String {
        format!("base_model.model.{}.lora_{factor}.weight", self.path(layer))
    }
}

/// The six norms of a layer. Each multiplies by `1 + weight`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Norm {
    Input,
    Query,
    Key,
    PostAttention,
    PreFeedforward,
    PostFeedforward,
}

impl Norm {
    pub const ALL: [Self; 6] =
        [Self::Input, Self::Query, Self::Key, Self::PostAttention, Self::PreFeedforward, Self::PostFeedforward];

    /// Name of the weight in the base checkpoint.
    #[must_use]
    pub fn weight_name(self, layer: usize) -> String {
        let path = match self {
            Self::Input => "input_layernorm",
            Self::Query => "self_attn.q_norm",
            Self::Key => "self_attn.k_norm",
            Self::PostAttention => "post_attention_layernorm",
            Self::PreFeedforward => "pre_feedforward_layernorm",
            Self::PostFeedforward => "post_feedforward_layernorm",
        };
        format!("model.layers.{layer}.{path}.weight")
    }
}
