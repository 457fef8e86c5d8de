//! Whether a template that was found is another form of one that is known.

use crate::site::FoundSite;
use crate::template::Template;

/// Edges that two templates of one site may differ in, and percent of either.
const DIFFERENT_MAX: usize = 6;
const DIFFERENT_PERCENT: usize = 20;
/// Edges that a template must share where the other has a whole text more.
const SHARED_MIN: usize = 10;
/// Words that prompts without that text may vary in more.
const VARYING_MORE: u32 = 4;

/// The template among those of `sites` that `new` is another form of: they differ in a value that never varied before, or
/// in a text that some of the prompts lack.
pub(crate) fn same<'a>(sites: &'a mut [FoundSite], new: &Template) -> Option<&'a mut Template> {
    let edges = new.edges();
    let templates = sites.iter_mut().filter(|site| !site.fine).flat_map(|site| &mut site.templates);
    templates.filter(|old| old.shape == new.shape).find(|old| {
        let old_edges = old.edges();
        let shared = old_edges.iter().filter(|edge| edges.binary_search(edge).is_ok()).count();
        let (own, lost) = (edges.len() - shared, old_edges.len() - shared);
        let little = |count: usize, of: usize| count < DIFFERENT_MAX && count * 100 <= of * DIFFERENT_PERCENT;
        let vary_alike = new.varying_usual() <= old.varying_usual() + VARYING_MORE;
        match (little(own, edges.len()), little(lost, old_edges.len())) {
            (true, true) => true,
            (true, false) | (false, true) => shared >= SHARED_MIN && vary_alike,
            (false, false) => false,
        }
    })
}
