//! The prompts that are shown of a site.

use callsite::SiteId;

use crate::index::Index;
use crate::pool::Doc;
use crate::site::{FoundSite, SAMPLES, Sample};
use crate::surroundings::Surroundings;

/// Prompts of the site `name` as they may be kept for showing.
pub(crate) fn samples<'a>(
    name: &SiteId,
    prompts: impl Iterator<Item = (&'a str, &'a str)>,
    surroundings: &dyn Surroundings,
) -> Vec<Sample> {
    if !surroundings.keeps(name) {
        return Vec::new();
    }
    // Before it is cut: half of what must be taken out would not be recognised.
    let sample = |(system, user)| Some(Sample::new(&surroundings.redacted(system)?, &surroundings.redacted(user)?));
    prompts.take(SAMPLES).filter_map(sample).collect()
}

/// Gives a site that wants samples those that `prompts` of it are; says whether there were enough.
pub(crate) fn sample_anew(site: &mut FoundSite, prompts: &[&Doc], surroundings: &dyn Surroundings) -> bool {
    let first = Index::new(site.templates.first().map(|template| (0, template)).into_iter());
    let is_of_first = |doc: &&&Doc| first.owner(doc.shape, &doc.system, &doc.user).is_some();
    let of_first: Vec<&&Doc> = prompts.iter().filter(is_of_first).take(SAMPLES).collect();
    if !site.wants_samples || of_first.len() < SAMPLES {
        return false;
    }
    let texts = of_first.into_iter().map(|doc| (doc.system.as_ref(), doc.user.as_ref()));
    site.samples = samples(&site.name, texts, surroundings);
    site.wants_samples = false;
    true
}
