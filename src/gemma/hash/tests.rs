//! What makes another base.

use std::fs;

use super::{base_hash, config_hash};

#[test]
fn another_byte_another_boundary_or_another_configuration_is_another_base() {
    let dir = tempfile::tempdir().unwrap();
    let write = |files: [(&str, &str); 3]| {
        files.iter().for_each(|(name, text)| fs::write(dir.path().join(name), text).unwrap());
        base_hash(dir.path()).unwrap()
    };
    let whole = [("config.json", "{}"), ("a.safetensors", "12"), ("b.safetensors", "3")];
    let first = write(whole);
    let mut others = vec![
        write([("config.json", "[]"), whole[1], whole[2]]),
        write([whole[0], ("a.safetensors", "92"), whole[2]]),
        write([whole[0], ("a.safetensors", "1"), ("b.safetensors", "23")]),
    ];
    assert_eq!(write(whole), first);
    others.push(config_hash(dir.path()).unwrap());
    assert!(others.iter().all(|other| *other != first));
    fs::remove_file(dir.path().join("a.safetensors")).unwrap();
    fs::remove_file(dir.path().join("b.safetensors")).unwrap();
    assert!(base_hash(dir.path()).unwrap_err().to_string().contains(".safetensors"));
}
