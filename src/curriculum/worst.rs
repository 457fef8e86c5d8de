//! The answers of an exam that were furthest from the teacher's, kept beside the lines that were asked, for as long as these are.

use std::path::Path;

use dataset::ChatExample;
use serde::{Deserialize, Serialize};
use wire::Turn;

use crate::{CurriculumError, HELD_OUT_FILE, WORST_FILE};

/// Answers that are kept of an exam.
const KEPT: usize = 10;

/// One answer; what was asked, and what the teacher had said, stands in the held-out file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorstAnswer {
    /// Place among the held-out examples, from 0.
    pub example: usize,
    pub answer: String,
    /// By the site's measure, in [0, 1].
    pub quality: f64,
    /// Some verifier refused it.
    pub refused: bool,
}

/// The same with what was asked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorstShown {
    pub prompt: Vec<Turn>,
    pub teacher: String,
    pub student: String,
    pub quality: f64,
    pub refused: bool,
}

/// Adds an answer if it is among the worst so far: the lowest quality first, of the same the first that was asked.
pub fn keep_worst(worst: &mut Vec<WorstAnswer>, answer: WorstAnswer) {
    let at = worst.partition_point(|kept| kept.quality <= answer.quality);
    if at < KEPT && answer.quality < 1.0 {
        worst.insert(at, answer);
        worst.truncate(KEPT);
    }
}

/// What is kept of the exam of the curriculum in `dir`; nothing where its examples are no longer there.
///
/// # Errors
/// When a file is there and cannot be read.
pub fn read_worst(dir: &Path) -> Result<Vec<WorstShown>, CurriculumError> {
    let kept: Option<Vec<WorstAnswer>> = files::read_json(&dir.join(WORST_FILE))?;
    let (Some(kept), held_out) = (kept, dir.join(HELD_OUT_FILE)) else { return Ok(Vec::new()) };
    if !held_out.try_exists()? {
        return Ok(Vec::new());
    }
    let examples = dataset::read_chat(&held_out)?;
    let shown = |WorstAnswer { example, answer, quality, refused }| {
        let (prompt, teacher) = examples.get(example).and_then(ChatExample::split)?;
        Some(WorstShown { prompt, teacher: teacher.text.clone(), student: answer, quality, refused })
    };
    Ok(kept.into_iter().filter_map(shown).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(example: usize, quality: f64) -> WorstAnswer {
        WorstAnswer { example, answer: format!("answer {example}"), quality, refused: false }
    }

    #[test]
    fn the_ten_worst_are_kept_in_order_and_none_that_is_right() {
        let mut worst = Vec::new();
        for (example, quality) in [0.5, 1.0, 0.2, 0.9, 0.2].into_iter().enumerate() {
            keep_worst(&mut worst, answer(example, quality));
        }
        let order = |worst: &[WorstAnswer]| worst.iter().map(|kept| kept.example).collect::<Vec<_>>();
        assert_eq!(order(&worst), [2, 4, 0, 3]);
        (5..30).for_each(|example| keep_worst(&mut worst, answer(example, 0.7)));
        assert_eq!(order(&worst), [2, 4, 0, 5, 6, 7, 8, 9, 10, 11]);
    }

    #[test]
    fn they_are_shown_with_what_was_asked_and_go_with_it() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read_worst(dir.path()).unwrap(), []);
        let lines = concat!(
            r#"{"messages":[{"role":"user","content":"one"},{"role":"assistant","content":"1"}]}"#,
            "\n",
            r#"{"messages":[{"role":"user","content":"two"},{"role":"assistant","content":"2"}]}"#,
            "\n"
        );
        std::fs::write(dir.path().join(HELD_OUT_FILE), lines).unwrap();
        files::replace_json(&dir.path().join(WORST_FILE), &[answer(1, 0.3), answer(7, 0.4)]).unwrap();
        let shown = read_worst(dir.path()).unwrap();
        assert_eq!(shown.len(), 1, "the one of an example that is not there is not shown");
        assert_eq!((shown[0].prompt[0].text.as_str(), shown[0].teacher.as_str()), ("two", "2"));
        let gone = dataset::read_chat(&dir.path().join(HELD_OUT_FILE)).unwrap();
        let gone = [crate::example::prompt_hash(&gone[0])].into();
        assert_eq!(crate::erase(dir.path(), &gone).unwrap(), 1);
        assert!(
            !dir.path().join(WORST_FILE).try_exists().unwrap(),
            "places have moved, and an answer may say what was erased"
        );
        std::fs::write(dir.path().join(WORST_FILE), "[").unwrap();
        assert!(read_worst(dir.path()).is_err());
    }
}
