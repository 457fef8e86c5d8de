use super::*;

fn metadata(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn the_first_rule_that_names_a_site_wins() {
    let all = metadata(&[("apprentice_site", "meta"), ("prompt_id", "prompt")]);
    let by = |path, header, metadata: &_| {
        identify(path, header, metadata, None).map(|(site, by)| (site.to_string(), by.label()))
    };
    assert_eq!(by(Some("shop"), Some("head"), &all), Ok(("shop".into(), "path")));
    assert_eq!(by(None, Some("head"), &all), Ok(("head".into(), "header")));
    assert_eq!(by(None, None, &all), Ok(("meta".into(), "metadata")));
    assert_eq!(by(None, None, &metadata(&[("prompt_id", "prompt")])), Ok(("prompt".into(), "metadata")));
    assert_eq!(by(None, None, &metadata(&[("prompt_id", "a b")])), Ok(("default".into(), "default")));
}

#[test]
fn a_bad_name_is_an_error_that_shows_it() {
    for bad in ["", "a b", "../x", ".hidden", &"x".repeat(65), "naïve"] {
        let error = identify(Some(bad), None, &BTreeMap::new(), None).unwrap_err();
        assert!(error.to_string().starts_with('`'), "{error}");
    }
}

#[test]
fn the_site_prefix_is_cut_from_the_teachers_path() {
    assert_eq!(split_path("/s/shop/v1/chat/completions"), (Some("shop"), "/v1/chat/completions"));
    assert_eq!(split_path("/v1/models"), (None, "/v1/models"));
    assert_eq!(split_path("/s/shop"), (None, "/s/shop"));
}

#[test]
fn a_name_reads_back_as_it_was_written_and_the_rule_holds_for_both_kinds() {
    let (site, version) = (SiteId::new("shop").unwrap(), VersionId::new("0042-abc").unwrap());
    assert_eq!((site.as_str(), version.as_str()), ("shop", "0042-abc"));
    assert_eq!((site.to_string(), version.to_string()), ("shop".to_owned(), "0042-abc".to_owned()));
    assert_eq!((String::from(site), String::from(version)), ("shop".to_owned(), "0042-abc".to_owned()));
    assert!(SiteId::try_from("a b".to_owned()).is_err() && VersionId::try_from("a b".to_owned()).is_err());
}

#[test]
fn only_the_default_site_is_the_default_site() {
    assert!(SiteId::default_site().is_default() && SiteId::new("default").unwrap().is_default());
    assert!(!SiteId::new("defaults").unwrap().is_default());
}
