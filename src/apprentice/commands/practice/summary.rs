//! The figures of practice as a person reads them.

use practice::report::{Report, SiteReport};

/// One line for each site.
pub(crate) fn lines(report: &Report) -> Vec<String> {
    let mut lines = vec![format!("after {:.0} s", report.seconds)];
    lines.extend(report.sites.iter().map(line));
    lines
}

fn line(site: &SiteReport) -> String {
    let mut text = format!("  {:<15}{:<8} ", site.site, site.state);
    let percent =
        |share: Option<f64>| share.map_or_else(|| "none".to_owned(), |share| format!("{:.1} %", share * 100.0));
    match site.seconds_to_handover {
        Some(seconds) => text.push_str(&format!(
            "handed over at {seconds:.0} s; since then {} served locally, {} of it right",
            percent(site.local_share),
            percent(site.local_accuracy),
        )),
        None => text.push_str(&format!(
            "not handed over; {} of {} requests local; {} audits, bound {:.3} of {:.3}",
            site.local, site.requests, site.audits_all, site.lower_bound, site.threshold,
        )),
    }
    if site.failed > 0 {
        text.push_str(&format!("; {} requests FAILED", site.failed));
    }
    text
}
