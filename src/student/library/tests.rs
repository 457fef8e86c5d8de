//! Which library is taken, and what is said when there is none.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use super::find;

fn env<'a>(values: &'a [(&'a str, &'a Path)]) -> impl Fn(&str) -> Option<OsString> + 'a {
    |name| values.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_os_str().to_owned())
}

#[test]
fn the_configuration_comes_before_the_variable_and_the_variable_before_the_cache() {
    let dir = tempfile::tempdir().unwrap();
    let cached = dir.path().join("onnxruntime/1.31.1/libonnxruntime.so");
    fs::create_dir_all(cached.parent().unwrap()).unwrap();
    let (named, variable) = (dir.path().join("named.so"), dir.path().join("variable.so"));
    for path in [&cached, &named, &variable] {
        fs::write(path, "library").unwrap();
    }
    let both = [("ORT_DYLIB_PATH", variable.as_path()), ("APPRENTICE_CACHE", dir.path())];
    assert_eq!(find(Some(&named), &env(&both)).unwrap(), named);
    assert_eq!(find(None, &env(&both)).unwrap(), variable);
    assert_eq!(find(None, &env(&both[1..])).unwrap(), cached);
}

#[test]
fn a_package_puts_the_library_beside_the_folder_of_the_programs() {
    let wanted = Some(Path::new("/usr/lib/apprentice/libonnxruntime.so"));
    assert_eq!(super::installed(Path::new("/usr/bin/apprentice")).as_deref(), wanted);
    let manifest = include_str!("../../apprentice/Cargo.toml");
    assert!(manifest.contains("libonnxruntime.so\", \"usr/lib/apprentice/\""));
    // It is looked for before the cache.
    let message = find(None, &env(&[])).unwrap_err().to_string();
    let place = |part: &str| message.find(part).unwrap_or_else(|| panic!("{part}: {message}"));
    assert!(place("lib/apprentice/libonnxruntime.so") < place("the cache"), "{message}");
}

#[test]
fn the_cache_is_where_the_setup_script_puts_the_library() {
    let script = include_str!("../../../deploy/setup-onnxruntime.sh");
    assert!(script.contains("version=1.31.1\n"));
    assert!(script.contains("target=$cache/onnxruntime/$version/libonnxruntime.so"));
    let home = tempfile::tempdir().unwrap();
    let message = find(None, &env(&[("HOME", home.path())])).unwrap_err().to_string();
    let wanted = home.path().join(".cache/apprentice/onnxruntime/1.31.1/libonnxruntime.so");
    assert!(message.contains(&wanted.display().to_string()), "{message}");
}

#[test]
fn a_named_library_that_is_missing_is_never_replaced_by_another() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing.so");
    let configured = find(Some(&missing), &env(&[("ORT_DYLIB_PATH", dir.path())])).unwrap_err().to_string();
    assert!(configured.contains("missing.so") && configured.contains("make setup"), "{configured}");
    let variable = find(None, &env(&[("ORT_DYLIB_PATH", &missing), ("HOME", dir.path())])).unwrap_err().to_string();
    assert!(variable.contains("ORT_DYLIB_PATH = ") && variable.contains("missing.so"), "{variable}");
}

#[test]
fn a_missing_library_names_every_place_and_the_command() {
    let message = find(None, &env(&[])).unwrap_err().to_string();
    for part in ["student.onnxruntime", "ORT_DYLIB_PATH", "cache", "make setup"] {
        assert!(message.contains(part), "{message}");
    }
}
