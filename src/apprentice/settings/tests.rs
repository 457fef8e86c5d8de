use super::*;

#[test]
fn the_shipped_policies_are_valid() {
    for text in [include_str!("../policies/default.toml"), include_str!("../policies/practice.toml")] {
        Settings::parse(text).unwrap();
    }
}

#[test]
fn the_default_policy_says_what_the_program_does_without_it() {
    let written = Settings::parse(include_str!("../policies/default.toml")).unwrap();
    let plain = Settings::parse("").unwrap();
    assert_eq!(format!("{written:?}"), format!("{plain:?}"));
}

#[test]
fn a_wrong_key_is_named_with_its_line_and_the_right_ones() {
    let error = Settings::parse("[proxy]\nlisten = \"127.0.0.1:1\"\nthread = 2\n").unwrap_err();
    assert!(
        error.contains("line 3") && error.contains("unknown field `thread`") && error.contains("`threads`"),
        "{error}"
    );
}

#[test]
fn a_site_changes_only_what_it_names() {
    let text = "[handover]\nquality_min = 0.8\nquality_floor = 0.7\n[sites.shop]\ncomparison = \"exact\"\n[sites.shop.handover]\nrisk_alpha = 0.05\n";
    let settings = Settings::parse(text).unwrap();
    let shop = settings.of("shop");
    assert_eq!((shop.policy.quality_min, shop.policy.risk_alpha, shop.site.comparison), (0.8, 0.05, Comparison::Exact));
    assert_eq!(settings.of("other").policy.risk_alpha, Policy::default().risk_alpha);
    let error = Settings::parse("[sites.shop.handover]\nrisk = 1\n").unwrap_err();
    assert!(error.contains("sites.shop: handover: unknown field `risk`"), "{error}");
    let error = Settings::parse("[sites.shop]\ncomparisons = 1\n").unwrap_err();
    assert!(error.contains("comparisons"), "{error}");
}

#[test]
fn numbers_that_cannot_work_are_refused() {
    let error = Settings::parse("[handover]\nquality_min = 1.5\n").unwrap_err();
    assert!(error.contains("quality_min = 1.5 must lie strictly between 0 and 1"), "{error}");
    assert!(Settings::parse("[verify]\nmust_match = [\"(\"]\n").unwrap_err().contains("`must_match`"));
}
