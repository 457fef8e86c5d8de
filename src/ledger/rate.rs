//! What a person says of answers that clients got. Says whose answer it was; what a rating counts for is the policy's.

use callsite::{SiteId, VersionId};
use handover::{AuditOutcome, Compared, Points, Rating, Record, Trial};

use crate::LedgerError;
use crate::ledger::Ledger;

/// Bytes of a request's id, and of a reason or a name, at most: ten thousand of the newest records are kept in memory.
const ID_MAX: usize = 256;
const TEXT_MAX: usize = 4_096;

/// A rating as a person gives it.
#[derive(Clone, Debug, PartialEq)]
pub struct RatingRequest {
    /// The request's id, as `x-apprentice-request-id` said.
    pub request: String,
    /// Who answered it; needed where the request was not audited.
    pub version: Option<VersionId>,
    pub good: bool,
    pub reason: Option<String>,
    pub actor: Option<String>,
    /// What was said of the teacher's answer beside it.
    pub compared: Option<Compared>,
}

impl Ledger {
    /// Records a person's rating and makes the switches that it calls for. Blocks on the disk.
    ///
    /// # Errors
    /// [`LedgerError::Text`], [`LedgerError::Points`], [`LedgerError::AlreadyRated`], [`LedgerError::NotTheStudents`],
    /// [`LedgerError::OtherVersion`], [`LedgerError::UnknownRequest`], [`LedgerError::NotServing`]; otherwise when the
    /// record cannot be written.
    pub fn rate(&self, site: &SiteId, at_ms: u64, asked: RatingRequest) -> Result<Rating, LedgerError> {
        asked.check()?;
        let mut writer = self.writer.lock();
        // What else is wrong is only known from the log.
        if !writer.usable {
            return Err(LedgerError::LogUnavailable);
        }
        let slot = self.known(site)?;
        let RatingRequest { request, version, good, reason, actor, compared } = asked;
        let (version, confidence) = self.answered_by(site, &request, version)?;
        let serves = |trial: &Trial| *trial.version() == version && trial.step.is_some();
        if !slot.lock().site.live().any(serves) {
            return Err(LedgerError::NotServing { site: site.clone(), version });
        }
        let rating = Rating { request, version, good, confidence, reason, actor, compared };
        self.commit(&mut writer, site, at_ms, Record::Rating(rating.clone()))?;
        self.metrics.ratings_total(site.as_str(), if good { "good" } else { "bad" }).inc();
        // The rating stands whatever becomes of the switches that follow from it.
        if self.settle(&mut writer, site, at_ms).is_err() {
            tracing::warn!(%site, "what follows from a rating waits for the log");
        }
        Ok(rating)
    }

    /// The version that answered `request`, and how confident it was where that is known.
    fn answered_by(
        &self,
        site: &SiteId,
        request: &str,
        version: Option<VersionId>,
    ) -> Result<(VersionId, Option<f64>), LedgerError> {
        let recent = self.recent.lock();
        let mut audit = None;
        for entry in recent.iter().rev().filter(|entry| entry.site == *site) {
            match &entry.record {
                Record::Rating(rating) if rating.request == request => {
                    return Err(LedgerError::AlreadyRated(request.to_owned()));
                }
                Record::Audit(found) if found.request == request => audit = Some(found),
                _ => {}
            }
        }
        let unknown = || LedgerError::UnknownRequest(request.to_owned());
        let Some(audit) = audit else { return Ok((version.ok_or_else(unknown)?, None)) };
        if !audit.served {
            // Beside a canary the version that was audited need not be the one that served.
            let other = version.filter(|version| *version != audit.version);
            return Ok((other.ok_or_else(|| LedgerError::NotTheStudents(request.to_owned()))?, None));
        }
        if let Some(named) = version.filter(|version| *version != audit.version) {
            let (request, by) = (request.to_owned(), audit.version.clone());
            return Err(LedgerError::OtherVersion { request, by, named });
        }
        let confidence = match audit.outcome {
            AuditOutcome::Compared { confidence, .. } => Some(confidence),
            AuditOutcome::NoAnswer => None,
        };
        Ok((audit.version.clone(), confidence))
    }
}

impl RatingRequest {
    fn check(&self) -> Result<(), LedgerError> {
        let points = self.compared.iter().flat_map(|compared| [compared.student_points, compared.teacher_points]);
        if let Some(wrong) = points.flatten().find(|points| !points.are_valid()) {
            let Points { fun, structure, adherence } = wrong;
            return Err(LedgerError::Points([fun, structure, adherence]));
        }
        let bytes = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let texts = [
            ("request", self.request.len(), 1..=ID_MAX),
            ("reason", bytes(&self.reason), 0..=TEXT_MAX),
            ("actor", bytes(&self.actor), 0..=TEXT_MAX),
        ];
        let wrong = texts.into_iter().find(|(_, bytes, allowed)| !allowed.contains(bytes));
        wrong.map_or(Ok(()), |(what, bytes, allowed)| Err(LedgerError::Text { what, bytes, allowed }))
    }
}
