use crate::{read_json, remove_staged, replace, replace_json, replace_with};

#[test]
fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.json");
    replace(&path, b"old").unwrap();
    replace(&path, b"new and longer").unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"new and longer");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_write_that_fails_leaves_the_old_file_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    replace(&path, b"old").unwrap();
    let failed = replace_with(&path, |out| {
        out.write_all(b"half")?;
        Err(std::io::Error::other("no more"))
    });
    let message = failed.unwrap_err().to_string();
    assert!(message.contains("no more") && message.contains("/a"), "{message}");
    assert_eq!(std::fs::read(&path).unwrap(), b"old");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn errors_name_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing").join("a.json");
    assert!(replace(&missing, b"").unwrap_err().to_string().contains("missing/a.json"));
    assert!(read_json::<u32>(&missing).unwrap().is_none());
    let path = dir.path().join("b.json");
    replace(&path, b"").unwrap();
    let message = read_json::<u32>(&path).unwrap_err().to_string();
    assert!(message.contains("b.json"), "{message}");
    replace_json(&path, &7).unwrap();
    assert_eq!(read_json::<u32>(&path).unwrap(), Some(7));
}

#[test]
fn what_a_killed_program_was_writing_is_removed_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    replace(&dir.path().join("a"), b"kept").unwrap();
    // As a kill in the midst of it leaves it.
    let staged = tempfile::Builder::new().prefix(crate::STAGED).tempfile_in(dir.path()).unwrap();
    staged.keep().unwrap();
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    remove_staged(dir.path()).unwrap();
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    assert_eq!(std::fs::read(dir.path().join("a")).unwrap(), b"kept");
}
