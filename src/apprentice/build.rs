//! Tells a release of which commit it was built. A development build is not told: it would be built anew after every commit.

use std::process::Command;

/// Where this package lies in its own checkout: an archive of it that was unpacked into another one has no commit there.
const OWN_PLACE: &str = "src/apprentice/";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if cfg!(debug_assertions) {
        return;
    }
    let git = |what: &[&str]| {
        let said =
            Command::new("git").arg("rev-parse").args(what).output().ok().filter(|said| said.status.success())?;
        String::from_utf8(said.stdout).ok().map(|text| text.trim().to_owned())
    };
    let own = git(&["--show-prefix"]).is_some_and(|place| place == OWN_PLACE);
    if let (true, Some(commit), Some(log)) = (own, git(&["--short=12", "HEAD"]), git(&["--git-path", "logs/HEAD"])) {
        println!("cargo:rerun-if-changed={log}");
        println!("cargo:rustc-env=APPRENTICE_COMMIT={commit}");
    }
}
