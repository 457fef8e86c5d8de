//! How near two texts are: by the operator's sentence encoder, or by ROUGE-L where there is none.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use gateway::Similarity;
use parking_lot::Mutex;
use student::{Encoder, Runtime};

/// Texts whose vectors are remembered: an audit asks about the same three several times.
const REMEMBERED: usize = 16;

/// An encoder with the vectors of the newest texts.
struct Remembering {
    encoder: Encoder,
    known: Mutex<VecDeque<(String, Arc<Vec<f32>>)>>,
}

/// The similarity of `encoder`'s folder, opened with ONNX Runtime at `library`; ROUGE-L without one.
pub(crate) fn similarity(encoder: Option<&Path>, library: &Path) -> Result<Arc<Similarity>, String> {
    let Some(folder) = encoder else { return Ok(Arc::new(verify::rouge_l)) };
    let failed = |error: student::StudentError| format!("similarity.encoder {}: {error}", folder.display());
    let runtime = Runtime::load(library).map_err(failed)?;
    let encoder = Encoder::open(&runtime, folder).map_err(failed)?;
    let remembering = Remembering { encoder, known: Mutex::default() };
    Ok(Arc::new(move |left: &str, right: &str| match (remembering.vector(left), remembering.vector(right)) {
        (Some(left), Some(right)) => student::similarity(&left, &right),
        // Said already; no similarity is no evidence for the student.
        _ => 0.0,
    }))
}

impl Remembering {
    fn vector(&self, text: &str) -> Option<Arc<Vec<f32>>> {
        if let Some((_, vector)) = self.known.lock().iter().find(|(known, _)| known == text) {
            return Some(vector.clone());
        }
        let embedded = self.encoder.embed(&[text]).inspect_err(|error| {
            tracing::error!(%error, "a text could not be embedded");
        });
        let vector = Arc::new(embedded.ok()?.pop()?);
        let mut known = self.known.lock();
        known.push_back((text.to_owned(), vector.clone()));
        if known.len() > REMEMBERED {
            known.pop_front();
        }
        Some(vector)
    }
}
