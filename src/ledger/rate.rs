//! What a person says of answers that clients got. Says whose answer it was; what a rating counts for is the policy's.

use callsite::{SiteId, VersionId};
use handover::{AuditOutcome, Rating, Record, Trial};

use crate::LedgerError;
use crate::ledger::Ledger;

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
}

impl Ledger {
    /// Records a person's rating and makes the switches that it calls for. Blocks on the disk.
    ///
    /// # Errors
    /// [`LedgerError::AlreadyRated`], [`LedgerError::NotTheStudents`], [`LedgerError::UnknownRequest`],
    /// [`LedgerError::NotServing`]; otherwise when the record cannot be written.
    pub fn rate(&self, site: &SiteId, at_ms: u64, asked: RatingRequest) -> Result<Rating, LedgerError> {
        let slot = self.known(site)?;
        let mut writer = self.writer.lock();
        let RatingRequest { request, version, good, reason, actor } = asked;
        let (version, confidence) = self.answered_by(site, &request, version)?;
        let serves = |trial: &Trial| *trial.version() == version && trial.step.is_some();
        if !slot.lock().site.live().any(serves) {
            return Err(LedgerError::NotServing { site: site.clone(), version });
        }
        let rating = Rating { request, version, good, confidence, reason, actor };
        self.commit(&mut writer, site, at_ms, Record::Rating(rating.clone()))?;
        self.metrics.ratings_total(site.as_str(), if good { "good" } else { "bad" }).inc();
        self.settle(&mut writer, site, at_ms)?;
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
        match audit.outcome {
            AuditOutcome::Compared { confidence, .. } if audit.served => Ok((audit.version.clone(), Some(confidence))),
            // Beside a canary the version that was audited need not be the one that served.
            _ => Ok((version.ok_or_else(|| LedgerError::NotTheStudents(request.to_owned()))?, None)),
        }
    }
}
