//! An ONNX graph under construction: nodes, constants, external weights, inputs and outputs.
//!
//! Field numbers are those of `onnx.proto`, IR version 10.

use gemma::{GRAPH_DATA_FILE, OWN_DOMAIN};

use crate::data::Span;
use crate::protobuf::Message;

const IR_VERSION: i64 = 10;
/// The standard operators' version; ONNX Runtime's own are version 1.
const OPSET: i64 = 21;

/// Element types, by their number in `TensorProto.DataType`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Type {
    F32 = 1,
    U8 = 2,
    U16 = 4,
    I32 = 6,
    I64 = 7,
}

/// An operator: the standard set, ONNX Runtime's `com.microsoft`, or the student's own.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    Standard(&'static str),
    Microsoft(&'static str),
    Own(&'static str),
}

/// A node's attribute.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Attr<'a> {
    Int(&'static str, i64),
    Ints(&'static str, &'a [i64]),
    Float(&'static str, f32),
}

/// A dimension of an input or an output: fixed, or named.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Dim {
    Fixed(usize),
    Named(&'static str),
}

/// The graph as it grows. Every value has a name; a node is named after its first output.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    nodes: Vec<Message>,
    initializers: Vec<Message>,
    inputs: Vec<Message>,
    outputs: Vec<Message>,
}

impl Graph {
    /// Adds a node with one output called `name`, and returns that name.
    pub(crate) fn op(&mut self, name: &str, op: Op, inputs: &[&str], attrs: &[Attr<'_>]) -> String {
        self.node(op, inputs, &[name], attrs);
        name.to_owned()
    }

    /// Adds a node. An empty output name leaves that output out.
    pub(crate) fn node(&mut self, op: Op, inputs: &[&str], outputs: &[&str], attrs: &[Attr<'_>]) {
        let mut node = Message::default();
        for input in inputs {
            node = node.text(1, input);
        }
        for output in outputs {
            node = node.text(2, output);
        }
        let (domain, op_type) = match op {
            Op::Standard(op) => ("", op),
            Op::Microsoft(op) => ("com.microsoft", op),
            Op::Own(op) => (OWN_DOMAIN, op),
        };
        node = node.text(3, outputs.first().copied().unwrap_or_default()).text(4, op_type);
        for attr in attrs {
            let encoded = match *attr {
                Attr::Int(name, value) => Message::default().text(1, name).int(3, value).int(20, 2),
                Attr::Ints(name, values) => {
                    let list = values.iter().fold(Message::default().text(1, name), |list, value| list.int(8, *value));
                    list.int(20, 7)
                }
                Attr::Float(name, value) => Message::default().text(1, name).float(2, value).int(20, 1),
            };
            node = node.message(5, &encoded);
        }
        if !domain.is_empty() {
            node = node.text(7, domain);
        }
        self.nodes.push(node);
    }

    /// A small constant of 64-bit integers, kept inside `model.onnx`.
    pub(crate) fn constant_i64(&mut self, name: &str, dims: &[usize], values: &[i64]) -> String {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(name, Type::I64, dims, &bytes)
    }

    /// A small constant of floats, kept inside `model.onnx`.
    pub(crate) fn constant_f32(&mut self, name: &str, dims: &[usize], values: &[f32]) -> String {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(name, Type::F32, dims, &bytes)
    }

    /// A small constant given as little-endian bytes.
    pub(crate) fn constant(&mut self, name: &str, kind: Type, dims: &[usize], bytes: &[u8]) -> String {
        self.initializers.push(tensor(name, kind, dims).bytes(9, bytes));
        name.to_owned()
    }

    /// A constant whose bytes lie at `span` of the data file.
    pub(crate) fn external(&mut self, name: &str, kind: Type, dims: &[usize], span: Span) -> String {
        let entry = |key: &str, value: &str| Message::default().text(1, key).text(2, value);
        let entries = [
            entry("location", GRAPH_DATA_FILE),
            entry("offset", &span.offset.to_string()),
            entry("length", &span.length.to_string()),
        ];
        self.initializers.push(tensor(name, kind, dims).messages(13, &entries).int(14, 1));
        name.to_owned()
    }

    /// An input that need not be given: without a value it is the constant `bytes` of shape `default`.
    pub(crate) fn optional_input(
        &mut self,
        name: &str,
        kind: Type,
        dims: &[Dim],
        default: &[usize],
        bytes: &[u8],
    ) -> String {
        self.inputs.push(value_info(name, kind, dims));
        self.constant(name, kind, default, bytes)
    }

    pub(crate) fn input(&mut self, name: &str, kind: Type, dims: &[Dim]) -> String {
        self.inputs.push(value_info(name, kind, dims));
        name.to_owned()
    }

    pub(crate) fn output(&mut self, name: &str, kind: Type, dims: &[Dim]) {
        self.outputs.push(value_info(name, kind, dims));
    }

    /// The whole file, the graph being called `name`.
    pub(crate) fn into_bytes(self, name: &str) -> Vec<u8> {
        let graph = Message::default()
            .messages(1, &self.nodes)
            .text(2, name)
            .messages(5, &self.initializers)
            .messages(11, &self.inputs)
            .messages(12, &self.outputs);
        Message::default()
            .int(1, IR_VERSION)
            .text(2, "apprentice")
            .message(7, &graph)
            .message(8, &Message::default().text(1, "").int(2, OPSET))
            .message(8, &Message::default().text(1, "com.microsoft").int(2, 1))
            .message(8, &Message::default().text(1, OWN_DOMAIN).int(2, 1))
            .into_bytes()
    }
}

fn tensor(name: &str, kind: Type, dims: &[usize]) -> Message {
    let shape = dims.iter().fold(Message::default(), |message, &dim| message.int(1, dim as i64));
    shape.int(2, kind as i64).text(8, name)
}

fn value_info(name: &str, kind: Type, dims: &[Dim]) -> Message {
    let shape = dims.iter().fold(Message::default(), |shape, dim| {
        let dim = match *dim {
            Dim::Fixed(size) => Message::default().int(1, size as i64),
            Dim::Named(name) => Message::default().text(2, name),
        };
        shape.message(1, &dim)
    });
    let tensor = Message::default().int(1, kind as i64).message(2, &shape);
    Message::default().text(1, name).message(2, &Message::default().message(1, &tensor))
}
