use std::fs;
use std::path::Path;

use callsite::SiteId;

use crate::{Registry, RegistryError};

fn shop() -> SiteId {
    SiteId::new("shop").unwrap()
}

fn adapter(dir: &Path, content: &str) {
    fs::create_dir_all(dir).unwrap();
    fs::write(dir.join("adapter_model.safetensors"), content).unwrap();
    fs::write(dir.join("adapter_config.json"), "{}").unwrap();
}

#[test]
fn versions_are_numbered_and_hashed_and_stay_until_they_are_removed() {
    let dir = tempfile::tempdir().unwrap();
    let (registry, from) = (Registry::new(&dir.path().join("registry")), dir.path().join("from"));
    adapter(&from, "one");
    let first = registry.publish(&shop(), &from, serde_json::json!({"exam": 1.0})).unwrap();
    assert!(first.as_str().starts_with("1-") && first.as_str().len() == 14, "{first}");
    assert_eq!(registry.publish(&shop(), &from, serde_json::Value::Null).unwrap(), first);
    adapter(&from, "two");
    let second = registry.publish(&shop(), &from, serde_json::Value::Null).unwrap();
    assert_eq!(registry.versions(&shop()).unwrap(), [first.clone(), second.clone()]);
    assert_eq!(
        fs::read_to_string(registry.open(&shop(), &first).unwrap().join("adapter_model.safetensors")).unwrap(),
        "one"
    );
    registry.remove(&shop(), &first).unwrap();
    registry.remove(&shop(), &first).unwrap();
    assert_eq!(registry.versions(&shop()).unwrap(), [second]);
    let error = registry.open(&shop(), &first).unwrap_err().to_string();
    assert!(error.contains(first.as_str()) && error.contains("removed"), "{error}");
}

#[test]
fn a_changed_file_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let (registry, from) = (Registry::new(dir.path()), dir.path().join("from"));
    adapter(&from, "one");
    let version = registry.publish(&shop(), &from, serde_json::Value::Null).unwrap();
    fs::write(registry.open(&shop(), &version).unwrap().join("adapter_config.json"), "{ }").unwrap();
    let error = registry.open(&shop(), &version).unwrap_err();
    assert!(matches!(&error, RegistryError::Corrupt(path) if path.ends_with("adapter_config.json")), "{error}");
}

#[test]
fn what_an_interrupted_publish_left_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let (registry, from) = (Registry::new(dir.path()), dir.path().join("from"));
    adapter(&dir.path().join("shop/.publishing"), "half");
    assert!(registry.versions(&shop()).unwrap().is_empty());
    adapter(&from, "one");
    let version = registry.publish(&shop(), &from, serde_json::Value::Null).unwrap();
    assert_eq!(registry.versions(&shop()).unwrap(), [version]);
}
