//! Whether ONNX Runtime sums the products of `i8b32` exactly on this processor.

use ort::session::Session;
use ort::value::Tensor;

use super::fixture::runtime;

const WIDTH: usize = 256;
const OUT: usize = 48;
const BLOCK: usize = 32;
const F32: u64 = 1;
const U8: u64 = 2;

/// A protobuf field: length-delimited bytes.
fn bytes(field: u64, value: &[u8]) -> Vec<u8> {
    [varint(field << 3 | 2), varint(value.len() as u64), value.to_vec()].concat()
}

/// A protobuf field: a number.
fn int(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

fn constant(name: &str, kind: u64, dims: &[usize], raw: &[u8]) -> Vec<u8> {
    let dims: Vec<u8> = dims.iter().flat_map(|dim| int(1, *dim as u64)).collect();
    bytes(5, &[dims, int(2, kind), bytes(8, name.as_bytes()), bytes(9, raw)].concat())
}

fn value(field: u64, name: &str, kind: u64, width: usize) -> Vec<u8> {
    let shape = [bytes(1, &bytes(2, b"tokens")), bytes(1, &int(1, width as u64))].concat();
    let tensor = bytes(1, &[int(1, kind), bytes(2, &shape)].concat());
    bytes(field, &[bytes(1, name.as_bytes()), bytes(2, &tensor)].concat())
}

/// The file of a graph that is made of `parts`.
fn model(parts: &[Vec<u8>]) -> Vec<u8> {
    let operators = |domain: &[u8], version| bytes(8, &[bytes(1, domain), int(2, version)].concat());
    let graph = [parts.concat(), bytes(2, b"integers")].concat();
    [int(1, 10), bytes(7, &graph), operators(b"", 21), operators(b"com.microsoft", 1)].concat()
}

/// A graph of one `MatMulNBits` of 8 bits in blocks of 32, all scales 1: activations `a` `[tokens, width]` times `weights`,
/// `OUT` rows of whole blocks around 128.
fn block_graph(width: usize, weights: &[u8]) -> Vec<u8> {
    let blocks = width.div_ceil(BLOCK);
    let inputs: Vec<u8> = ["a", "b", "scales"].iter().flat_map(|name| bytes(1, name.as_bytes())).collect();
    let attributes = [("K", width), ("N", OUT), ("bits", 8), ("block_size", BLOCK), ("accuracy_level", 4)];
    let attribute =
        |(name, at): (&str, usize)| bytes(5, &[bytes(1, name.as_bytes()), int(3, at as u64), int(20, 2)].concat());
    let attributes: Vec<u8> = attributes.into_iter().flat_map(attribute).collect();
    let name = [bytes(4, b"MatMulNBits"), bytes(7, b"com.microsoft")].concat();
    let scales = 1.0_f32.to_le_bytes().repeat(OUT * blocks);
    model(&[
        bytes(1, &[inputs, bytes(2, b"y"), name, attributes].concat()),
        constant("b", U8, &[OUT, blocks, BLOCK], weights),
        constant("scales", F32, &[OUT, blocks], &scales),
        value(11, "a", F32, width),
        value(12, "y", F32, OUT),
    ])
}

#[test]
fn sums_of_blocks_are_exact() {
    // Every block has a 127 in it: the activations are integers before ONNX Runtime makes them so. No sum reaches 2^24,
    // from where single precision would round.
    let activation = |i: usize| if i.is_multiple_of(7) { -126_i64 } else { 127 - (i % 5) as i64 };
    let weight = |i: usize| if i.is_multiple_of(9) { -127_i64 } else { 127 - (i % 3) as i64 };
    // The last block of 80 is half full.
    for width in [WIDTH, 80] {
        let row = |n: usize| {
            let stored = (0..width).map(move |k| (weight(n * width + k) + 128) as u8);
            stored.chain(std::iter::repeat_n(128, width.next_multiple_of(BLOCK) - width))
        };
        let stored: Vec<u8> = (0..OUT).flat_map(row).collect();
        let mut session =
            Session::builder(&runtime().environment).unwrap().commit_from_memory(&block_graph(width, &stored)).unwrap();
        for tokens in [1, 3, 128] {
            let activations: Vec<f32> = (0..tokens * width).map(|i| activation(i) as f32).collect();
            let input = Tensor::from_array(([tokens, width], activations)).unwrap();
            let outputs = session.run(ort::inputs!["a" => input]).unwrap();
            let (_, found) = outputs["y"].try_extract_tensor::<f32>().unwrap();
            for (at, found) in found.iter().enumerate() {
                let (t, n) = (at / OUT, at % OUT);
                let wanted: i64 = (0..width).map(|k| activation(t * width + k) * weight(n * width + k)).sum();
                assert_eq!(f64::from(*found), wanted as f64, "{tokens} tokens of {width}: token {t}, output {n}");
            }
        }
    }
}
