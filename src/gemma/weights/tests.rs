//! Round trips and damaged files.

use super::{SaveAs, Tensor32, Weights};

fn tensor() -> Tensor32 {
    Tensor32 { shape: vec![2, 3], data: vec![0.5, -1.25, 3.0, 0.1, 1e-3, -7.0] }
}

#[test]
fn what_is_written_as_f32_is_read_back_bit_equal() {
    let dir = tempfile::tempdir().unwrap();
    Weights::save(dir.path(), [("a".to_owned(), tensor())], SaveAs::F32).unwrap();
    assert_eq!(Weights::load(dir.path()).unwrap().get("a").unwrap(), tensor());
}

#[test]
fn bf16_keeps_eight_bits_of_precision() {
    let dir = tempfile::tempdir().unwrap();
    Weights::save(dir.path(), [("a".to_owned(), tensor())], SaveAs::Bf16).unwrap();
    let read = Weights::load(dir.path()).unwrap().get("a").unwrap();
    for (got, want) in read.data.iter().zip(tensor().data) {
        assert!((got - want).abs() <= want.abs() / 256.0, "{got} for {want}");
    }
}

#[test]
fn shards_are_found_through_the_index() {
    let dir = tempfile::tempdir().unwrap();
    super::write_file(&dir.path().join("one.safetensors"), [("a".to_owned(), tensor())], SaveAs::F32).unwrap();
    super::write_file(&dir.path().join("two.safetensors"), [("b".to_owned(), tensor())], SaveAs::F32).unwrap();
    let index = r#"{"metadata":{},"weight_map":{"a":"one.safetensors","b":"two.safetensors"}}"#;
    std::fs::write(dir.path().join("model.safetensors.index.json"), index).unwrap();
    let weights = Weights::load(dir.path()).unwrap();
    assert_eq!(weights.names().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(weights.get("b").unwrap(), tensor());
}

#[test]
fn a_cut_file_and_a_missing_tensor_are_errors_that_name_them() {
    let dir = tempfile::tempdir().unwrap();
    Weights::save(dir.path(), [("a".to_owned(), tensor())], SaveAs::F32).unwrap();
    let missing = Weights::load(dir.path()).unwrap().get("z").unwrap_err();
    assert!(missing.to_string().contains("`z`"), "{missing}");
    let path = dir.path().join("model.safetensors");
    let whole = std::fs::read(&path).unwrap();
    for length in [4, 20, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert!(Weights::load(dir.path()).is_err(), "a file of {length} bytes was accepted");
    }
}
