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
fn numbers_that_do_not_fit_their_shape_are_refused_and_written_in_the_order_of_names() {
    let dir = tempfile::tempdir().unwrap();
    let wrong = Tensor32 { shape: vec![2, 2], ..tensor() };
    let error = Weights::save(dir.path(), [("a".to_owned(), wrong)], SaveAs::F32).unwrap_err().to_string();
    assert!(error.contains("`a` has 6 numbers for shape [2, 2]"), "{error}");
    Weights::save(dir.path(), [("b".to_owned(), tensor()), ("a".to_owned(), tensor())], SaveAs::F32).unwrap();
    let bytes = std::fs::read(dir.path().join("model.safetensors")).unwrap();
    let views = ["a", "b"].map(|name| {
        let data: &'static [u8] = Box::leak(tensor().data.iter().flat_map(|v| v.to_le_bytes()).collect());
        (name, safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![2, 3], data).unwrap())
    });
    let theirs = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    for (name, view) in views {
        let read = theirs.tensor(name).unwrap();
        assert_eq!((read.shape(), read.data()), (view.shape(), view.data()));
    }
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap());
    assert_eq!(length % 8, 0, "numbers are aligned");
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
