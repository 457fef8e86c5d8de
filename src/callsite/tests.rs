use std::collections::BTreeMap;

use super::matching::BadRule;
use super::*;

fn metadata(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn named(claims: &Claims<'_>) -> Result<Option<(String, &'static str)>, BadSite> {
    Ok(claims.site()?.map(|(site, by)| (site.to_string(), by.label())))
}

#[test]
fn the_first_rule_that_names_a_site_wins() {
    let all = metadata(&[("apprentice_site", "meta"), ("prompt_id", "prompt")]);
    let (prompt, nothing, key) = (metadata(&[("prompt_id", "prompt")]), metadata(&[]), SiteId::new("key").unwrap());
    let (path, header, key) = (Some("path"), Some("header"), Some(&key));
    let model = "apprentice::alias";
    let mut claims = Claims { path, header, metadata: &all, stored_prompt: Some("stored"), key, model };
    let mut expect = |change: fn(&mut Claims<'_>), site: &str, by| {
        assert_eq!(named(&claims), Ok(Some((site.to_owned(), by))));
        change(&mut claims);
    };
    expect(|claims| claims.path = None, "path", "path");
    expect(|claims| claims.header = None, "header", "header");
    expect(|_| {}, "meta", "metadata");
    claims.metadata = &prompt;
    assert_eq!(named(&claims), Ok(Some(("prompt".into(), "metadata"))));
    claims.metadata = &nothing;
    assert_eq!(named(&claims), Ok(Some(("stored".into(), "prompt"))));
    claims.stored_prompt = Some("no name of a site");
    assert_eq!(named(&claims), Ok(Some(("key".into(), "key"))));
    claims.key = None;
    assert_eq!(named(&claims), Ok(Some(("alias".into(), "alias"))));
    claims.model = "gpt-5-mini";
    assert_eq!(named(&claims), Ok(None));
}

#[test]
fn models_of_other_gateways_name_sites_too_and_never_badly() {
    let none = BTreeMap::new();
    let of =
        |model| named(&Claims { path: None, header: None, metadata: &none, stored_prompt: None, key: None, model });
    assert_eq!(of("tensorzero::function_name::bark"), Ok(Some(("bark".into(), "alias"))));
    assert_eq!(of("openpipe:quest-1"), Ok(Some(("quest-1".into(), "alias"))));
    assert_eq!(of("tensorzero::function_name::a b"), Ok(None));
    assert_eq!(of("openpipe:"), Ok(None));
    assert!(of("apprentice::a b").is_err());
    assert!(identify::is_alias("openpipe:a b") && !identify::is_alias("gpt-5-mini"));
}

#[test]
fn a_bad_name_is_an_error_that_shows_it_and_another_tools_bad_name_is_none() {
    let none = BTreeMap::new();
    for bad in ["", "a b", "../x", ".hidden", &"x".repeat(65), "naïve"] {
        let claims =
            Claims { path: Some(bad), header: None, metadata: &none, stored_prompt: None, key: None, model: "m" };
        assert!(claims.site().unwrap_err().to_string().starts_with('`'));
        let other = metadata(&[("prompt_id", bad)]);
        assert_eq!(Claims { path: None, metadata: &other, stored_prompt: Some(bad), ..claims }.site(), Ok(None));
    }
}

fn rule(text: &str) -> MatchRule {
    toml::from_str(text).unwrap()
}

#[test]
fn a_configured_rule_holds_when_everything_it_says_does() {
    let rules = [
        "site = \"trade\"\ntool = \"buy\"\nschema = \"offer\"",
        "site = \"smith\"\nsystem = \"(?i)you are .* smith\"",
        "site = \"peer\"\nheader = \"x-feature\"\nvalue = \"quests\"",
        "header = \"Helicone-Prompt-Id\"",
    ];
    let rules = MatchRules::new(&rules.map(rule)).unwrap();
    assert!(!rules.is_empty() && MatchRules::default().is_empty());
    let of = |tools: &[&str], schema, system: &str, header: Option<(&'static str, &'static str)>| {
        let tools: Vec<String> = tools.iter().map(|tool| (*tool).to_owned()).collect();
        let header =
            move |name: &str| header.filter(|(known, _)| name.eq_ignore_ascii_case(known)).map(|(_, value)| value);
        rules.site(&Content { header: &header, tools: &tools, schema, system }).map(String::from)
    };
    assert_eq!(of(&["sell", "buy"], Some("offer"), "", None).as_deref(), Some("trade"));
    assert_eq!(of(&["buy"], None, "", None), None, "the schema is missing");
    assert_eq!(of(&["sell"], Some("offer"), "You are Hilda, the Smith.", None).as_deref(), Some("smith"));
    assert_eq!(of(&[], None, "", Some(("x-feature", "quests"))).as_deref(), Some("peer"));
    assert_eq!(of(&[], None, "", Some(("x-feature", "barks"))), None);
    assert_eq!(of(&[], None, "", Some(("helicone-prompt-id", "barks-2"))).as_deref(), Some("barks-2"));
    assert_eq!(of(&[], None, "", Some(("helicone-prompt-id", "not a name"))), None);
    assert_eq!(of(&[], None, "", Some(("helicone-prompt-id", "default"))), None);
}

#[test]
fn a_rule_that_can_never_hold_or_names_nothing_is_refused_by_its_number() {
    let bad = |text: &str| MatchRules::new(&[rule("site = \"a\"\ntool = \"t\""), rule(text)]).map(|_| ()).unwrap_err();
    assert_eq!(bad("site = \"a\""), (2, BadRule::Empty));
    assert_eq!(bad("tool = \"t\""), (2, BadRule::NoSite));
    assert_eq!(bad("header = \"h\"\nvalue = \"v\""), (2, BadRule::NoSite));
    assert_eq!(bad("site = \"a\"\ntool = \"t\"\nvalue = \"v\""), (2, BadRule::Value));
    assert_eq!(bad("site = \"default\"\ntool = \"t\""), (2, BadRule::Default));
    assert!(matches!(bad("site = \"a\"\nsystem = \"(\""), (2, BadRule::Pattern(_))));
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
