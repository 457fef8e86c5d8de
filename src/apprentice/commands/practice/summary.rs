//! The figures of practice as a person reads them, no wider than 100 columns.

use practice::report::{Report, SiteReport};
use practice::scene::Scene;

/// A line for each site, and one more for what became of it when the teacher changed.
pub(crate) fn lines(report: &Report) -> Vec<String> {
    let mut lines = vec![format!("after {:.0} s", report.seconds)];
    lines.extend(report.agreement.map(found));
    lines.extend(report.sites.iter().map(line));
    lines.extend(report.sites.iter().filter_map(drift));
    lines
}

fn found(agreement: f64) -> String {
    format!("  call sites found by their prompts; adjusted Rand index against the true ones {agreement:.4}")
}

fn line(site: &SiteReport) -> String {
    let mut text = format!("  {:<15} {:<8} ", site.site, site.state);
    let percent =
        |share: Option<f64>| share.map_or_else(|| "none".to_owned(), |share| format!("{:.1} %", share * 100.0));
    if let Some(seconds) = site.seconds_to_handover {
        let (local, right) = (percent(site.local_share), percent(site.local_accuracy));
        text.push_str(&format!("handed over at {seconds:.0} s; since then {local} local, {right} of it right"));
    } else {
        let learnable = site.site.parse().is_ok_and(Scene::is_learnable);
        text.push_str(if learnable { "not handed over" } else { "cannot be learnt, stays" });
        let (local, audits) = (site.local, site.audits_all);
        text.push_str(&format!("; {local} local; {audits} audits, {:.3} of {:.3}", site.lower_bound, site.threshold));
    }
    if site.failed > 0 {
        text.push_str(&format!("; {} FAILED", site.failed));
    }
    text
}

fn drift(site: &SiteReport) -> Option<String> {
    let requests = site.requests_to_rollback?;
    let mut text = format!("  {:<15} teacher changed: back with it after {requests} requests", site.site);
    if let Some(seconds) = site.seconds_to_return {
        text.push_str(&format!(", handed over again after {seconds:.0} s"));
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use practice::report::{Report, SiteReport};

    use super::lines;

    #[test]
    fn what_cannot_be_learnt_is_told_apart_and_no_line_is_wider_than_a_terminal() {
        let site = |name: &str, handed_over: bool| SiteReport {
            site: name.into(),
            state: "student".into(),
            requests: 99_999,
            local: 99_999,
            audits_all: 9_999,
            local_share: Some(1.0),
            local_accuracy: Some(1.0),
            seconds_to_handover: handed_over.then_some(9999.0),
            requests_to_rollback: handed_over.then_some(99_999),
            seconds_to_return: Some(9999.0),
            ..SiteReport::default()
        };
        let sites = vec![site("quest-giver", true), site("quest-giver", false), site("fortune-teller", false)];
        let lines = lines(&Report { seconds: 9999.0, agreement: Some(0.98), sites });
        assert_eq!(lines.len(), 6, "{lines:#?}");
        assert!(
            lines[1].ends_with("0.9800")
                && lines[3].contains("not handed over")
                && lines[4].contains("cannot be learnt"),
            "{lines:#?}"
        );
        assert!(lines.iter().all(|line| line.len() <= 100), "{lines:#?}");
    }
}
