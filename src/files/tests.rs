use crate::{make_private, read_json, remove_staged, replace, replace_json, replace_with};

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

#[test]
fn what_others_could_read_becomes_the_owners_alone() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let dir = tempfile::tempdir().unwrap();
    let (inner, outside) = (dir.path().join("inner"), tempfile::NamedTempFile::new().unwrap());
    std::fs::create_dir(&inner).unwrap();
    std::fs::write(inner.join("file"), "secret").unwrap();
    std::fs::write(inner.join("program"), "x").unwrap();
    symlink(outside.path(), inner.join("link")).unwrap();
    let set = |path: &std::path::Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for (path, mode) in [(&inner, 0o755), (&inner.join("file"), 0o644), (&inner.join("program"), 0o755)] {
        set(path, mode);
    }
    set(outside.path(), 0o644);
    assert_eq!(make_private(&inner).unwrap(), 3);
    assert_eq!([&inner, &inner.join("file"), &inner.join("program")].map(|path| mode(path)), [0o700, 0o600, 0o700]);
    assert_eq!((make_private(&inner).unwrap(), mode(outside.path())), (0, 0o644), "a link leads elsewhere");
}
