//! Teacher pairs of one scene as a lesson's files, to try a lesson without a proxy.

use std::collections::HashSet;
use std::path::Path;

use dataset::{ChatExample, write_chat};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use wire::{Role, Turn};

use crate::PracticeError;
use crate::scene::{Scene, Style, Voice};

/// Writes `dir/train.jsonl` with `train` pairs and `dir/held_out.jsonl` with `held_out`; no combination of
/// slot values occurs twice.
///
/// # Errors
/// When a file cannot be written.
pub fn write(
    dir: &Path,
    scene: Scene,
    style: Style,
    train: usize,
    held_out: usize,
    seed: u64,
) -> Result<(), PracticeError> {
    let failed = |problem: &dyn std::fmt::Display| PracticeError::File {
        what: "write pairs to",
        path: dir.display().to_string(),
        problem: problem.to_string(),
    };
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut seen = HashSet::new();
    fs_err::create_dir_all(dir).map_err(|error| failed(&error))?;
    for (name, wanted) in [("train.jsonl", train), ("held_out.jsonl", held_out)] {
        let mut examples = Vec::with_capacity(wanted);
        while examples.len() < wanted {
            let line = scene.line(&mut rng);
            if !seen.insert(line.combination) {
                continue;
            }
            let voice = Voice { style, secret: seed, draw: rng.random() };
            let reply = scene.reply(&line.system, &line.player, voice).unwrap_or_default();
            let turns = [(Role::System, line.system), (Role::User, line.player), (Role::Assistant, reply)];
            examples.push(ChatExample::new(turns.map(|(role, text)| Turn { role, text }).into()));
        }
        write_chat(&dir.join(name), &examples).map_err(|error| failed(&error))?;
    }
    Ok(())
}
