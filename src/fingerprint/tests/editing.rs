//! What a person, a restart and the configuration do to found sites.

use callsite::SiteId;

use super::corpora::{self, Asked, Corpus};
use super::finding::{Nothing, ask, finder, found};
use crate::{Discover, EditError, Finder, FinderSettings, Split, Standing, Surroundings, adjusted_rand_index};

fn site(name: &str) -> SiteId {
    SiteId::new(name).unwrap()
}

fn game() -> (Finder, Corpus) {
    let (finder, corpus) = (finder(), corpora::all(5).remove(0));
    ask(&finder, &corpus.asked);
    (finder, corpus)
}

fn settings(discover: Discover, split: Split, sites_max: usize) -> FinderSettings {
    FinderSettings { discover, split, sites_max }
}

/// As a program that learns has them.
pub(super) fn learn() -> FinderSettings {
    settings(Discover::Learn, Split::Templates, 256)
}

fn name_of(finder: &Finder, begin: &str) -> SiteId {
    finder.sites().into_iter().map(|site| site.name).find(|name| name.as_str().starts_with(begin)).unwrap()
}

fn first<'a>(corpus: &'a Corpus, truth: &str) -> &'a Asked {
    corpus.asked.iter().find(|one| one.truth == truth).unwrap()
}

fn asks(finder: &Finder, one: &Asked) -> Option<SiteId> {
    finder.look_up(one.shape, &one.system, &one.user, true, 9)
}

#[test]
fn a_restart_keeps_names_counts_and_what_belongs_to_them() {
    let (before, corpus) = game();
    let names = found(&before, &corpus);
    let text = serde_json::to_string(&before.sites()).unwrap();
    let after = Finder::new(learn(), serde_json::from_str(&text).unwrap());
    let counted: u64 = after.sites().iter().map(|site| site.requests).sum();
    assert!(counted > corpus.asked.len() as u64, "{counted}");
    assert_eq!(found(&after, &corpus), names);
    ask(&after, &corpora::all(6).remove(0).asked);
    assert_eq!(after.sites().len(), 5, "the same game makes no new sites");
}

#[test]
fn a_name_stays_with_its_template_its_exchanges_are_found_and_its_evidence_begins_anew() {
    let (finder, corpus) = game();
    let shop = name_of(&finder, "shopkeeper");
    assert!(finder.take_changed() && !finder.take_changed());
    finder.rename(&shop, &site("shop")).unwrap();
    assert!(finder.take_changed(), "it must be written");
    assert_eq!(asks(&finder, first(&corpus, "shopkeeper")), Some(site("shop")));
    assert_eq!(finder.names_of(&site("shop")), [shop.clone(), site("shop")]);
    assert_eq!(finder.name_today(&shop), site("shop"));
    assert_eq!(
        (finder.name_today(&site("other")), finder.names_of(&site("other"))),
        (site("other"), vec![site("other")])
    );
    let named = finder.sites().into_iter().find(|found| found.name == site("shop")).unwrap();
    assert_eq!((named.standing, named.revision), (Standing::Named, 1));
    let names: Vec<_> = finder.sites().into_iter().map(|site| site.name).collect();
    assert!(names.is_sorted(), "of templates that fit equally well the first one owns a prompt, whatever became of it");
    // And back: its first name is its own.
    finder.rename(&site("shop"), &shop).unwrap();
    assert_eq!(finder.names_of(&shop), [site("shop"), shop.clone()]);
}

#[test]
fn a_paragraph_that_comes_later_changes_no_name_and_makes_no_site() {
    let finder = finder();
    let more = " The customer has a debt of long standing with the house and everybody in the room knows of it, so be polite, \
        mention it only once and in passing, and if they pay speak of something pleasant such as the weather or the harvest.";
    let ask = |number: usize, more: &str| {
        let system = format!(
            "You keep the inn by the old bridge. Rooms cost {number} coins.{more} Be brief and friendly to every guest who enters."
        );
        finder.look_up(corpora::plain(), &system, &format!("Is room {number} free?"), true, 1)
    };
    (0..100).for_each(|number| drop(ask(number, "")));
    let inn = finder.mine(1, &Nothing).found.pop().unwrap();
    assert_eq!(ask(200, more), None, "so much more text may be another site's");
    (201..300).for_each(|number| drop(ask(number, more)));
    assert_eq!(finder.mine(1, &Nothing).found, []);
    assert_eq!((ask(300, more), ask(301, "")), (Some(inn.clone()), Some(inn)));
}

#[test]
fn prompts_that_say_much_more_than_a_short_template_are_another_sites() {
    let finder = finder();
    let ask = |number: usize, more: &str| {
        let name = ["Mara", "Bren", "Tilda"][number % 3];
        let system = format!("You are {name}, fortune teller in town {number}.{more}");
        finder.look_up(corpora::plain(), &system, &number.to_string(), true, 1)
    };
    let more = " Write a horoscope as JSON with the keys sign, love, work and luck. Luck is a number of one digit. Love and work \
        are a sentence each, in the second person, in the future tense, without names. Do not repeat a sign within a week.";
    (0..100).for_each(|number| drop(ask(number, "")));
    let teller = finder.mine(1, &Nothing).found.pop().unwrap();
    (100..200).for_each(|number| assert_eq!(ask(number, more), None));
    let horoscope = finder.mine(1, &Nothing).found.pop().unwrap();
    assert_eq!((ask(200, ""), ask(201, more)), (Some(teller), Some(horoscope)));
}

#[test]
fn merged_sites_are_one_until_they_are_split() {
    let (finder, corpus) = game();
    let (bard, tavern) = (name_of(&finder, "bard"), name_of(&finder, "keeper"));
    finder.merge(&bard, &tavern).unwrap();
    assert_eq!(asks(&finder, first(&corpus, "bard")), Some(tavern.clone()));
    assert_eq!(finder.names_of(&tavern), [bard, tavern.clone()]);
    finder.split(&tavern).unwrap();
    let (one, other) =
        (asks(&finder, first(&corpus, "bard")).unwrap(), asks(&finder, first(&corpus, "tavern")).unwrap());
    assert_ne!(one, other);
    assert_eq!((other, finder.sites().len()), (tavern, 5));
}

#[test]
fn an_ignored_site_is_default_until_it_gets_a_name() {
    let (finder, corpus) = game();
    let bard = name_of(&finder, "bard");
    finder.ignore(&bard).unwrap();
    assert_eq!(asks(&finder, first(&corpus, "bard")), None);
    finder.rename(&bard, &bard).unwrap();
    assert_eq!(asks(&finder, first(&corpus, "bard")), Some(bard));
}

#[test]
fn what_cannot_be_is_refused_and_changes_nothing() {
    let (finder, _) = game();
    let (bard, shop) = (name_of(&finder, "bard"), name_of(&finder, "shopkeeper"));
    finder.rename(&shop, &site("shop")).unwrap();
    let before = finder.sites();
    assert_eq!(finder.rename(&site("nobody"), &site("x")), Err(EditError::NotFound(site("nobody"))));
    assert_eq!(finder.rename(&bard, &site("default")), Err(EditError::Default));
    assert_eq!(finder.rename(&bard, &shop), Err(EditError::Former(shop.clone(), site("shop"))));
    assert_eq!(finder.merge(&bard, &bard), Err(EditError::Same(bard.clone())));
    assert_eq!(finder.merge(&bard, &site("nobody")), Err(EditError::NotFound(site("nobody"))));
    assert_eq!(finder.ignore(&site("nobody")), Err(EditError::NotFound(site("nobody"))));
    assert_eq!(finder.sites(), before);
    finder.split(&bard).unwrap();
    assert_eq!(finder.split(&bard), Err(EditError::Fine(bard)));
}

#[test]
fn a_site_that_is_split_falls_apart_by_its_texts() {
    let (finder, corpus) = (finder(), corpora::all(5).remove(2));
    ask(&finder, &corpus.asked);
    assert_eq!(finder.sites().len(), 3);
    let npc = name_of(&finder, "machine");
    finder.split(&npc).unwrap();
    // One character speaks for a while.
    let one = first(&corpus, "npc").clone();
    for at in 0..200 {
        asks(&finder, &Asked { user: format!("{} {at}", one.user), ..one.clone() });
    }
    finder.mine(0, &Nothing);
    let own = asks(&finder, &one).unwrap();
    assert_ne!(own, npc, "{:?}", finder.views());
    let other = corpus.asked.iter().find(|other| other.truth == "npc" && other.system != one.system).unwrap();
    assert_eq!(asks(&finder, other), Some(npc), "the others stay");
}

#[test]
fn with_split_texts_every_character_is_a_site() {
    let corpus = corpora::cast(5, 40);
    let finder = finder();
    ask(&finder, &corpus.asked);
    assert_eq!(finder.sites().len(), 1, "by templates they are one");
    let finder = Finder::new(settings(Discover::Learn, Split::Texts, 256), Vec::new());
    ask(&finder, &corpus.asked);
    let pairs = corpus.asked.iter().map(|one| one.truth).zip(found(&finder, &corpus));
    assert!(adjusted_rand_index(pairs) > 0.98, "{:?}", finder.views());
}

#[test]
fn suggested_sites_are_listed_and_only_named_ones_are_sites() {
    let corpus = corpora::all(5).remove(0);
    let finder = Finder::new(settings(Discover::Suggest, Split::Templates, 256), Vec::new());
    ask(&finder, &corpus.asked);
    assert_eq!(finder.views().len(), 5);
    assert!(finder.views().iter().all(|view| !view.active));
    assert_eq!(asks(&finder, first(&corpus, "bard")), None);
    finder.rename(&name_of(&finder, "bard"), &site("bard")).unwrap();
    assert_eq!(asks(&finder, first(&corpus, "bard")), Some(site("bard")));
    let off = Finder::new(settings(Discover::Off, Split::Templates, 256), finder.sites());
    assert_eq!(asks(&off, first(&corpus, "bard")), None);
    assert!(!off.is_due());
}

/// Evidence at `bard`, and no capture at `shopkeeper`.
struct Some_;

impl Surroundings for Some_ {
    fn keeps(&self, site: &SiteId) -> bool {
        !site.as_str().starts_with("shopkeeper")
    }
    fn is_bare(&self, site: &SiteId) -> bool {
        !site.as_str().starts_with("bard")
    }
    fn is_used(&self, _: &SiteId) -> bool {
        false
    }
}

fn mined(finder: &Finder, corpus: &Corpus, now_ms: u64) -> crate::Mined {
    for one in &corpus.asked {
        finder.look_up(one.shape, &one.system, &one.user, true, now_ms);
    }
    finder.mine(now_ms, &Some_)
}

#[test]
fn samples_are_kept_only_where_exchanges_are() {
    let finder = finder();
    mined(&finder, &corpora::all(5).remove(0), 1);
    for view in finder.views() {
        let keeps = !view.site.as_str().starts_with("shopkeeper");
        assert_eq!(view.samples.len(), if keeps { 3 } else { 0 }, "{view:?}");
    }
}

#[test]
fn places_are_for_those_with_traffic_and_evidence() {
    let finder = Finder::new(settings(Discover::Learn, Split::Templates, 5), Vec::new());
    assert_eq!(mined(&finder, &corpora::all(5).remove(0), 1).found.len(), 5);
    // Everybody is busy.
    let later = mined(&finder, &corpora::all(5).remove(6), 1_000);
    assert_eq!((later.found.len(), later.refused), (0, 4));
    // Nobody is: all but the one with evidence give their place away.
    let idle = finder.mine(1_000 + 3_600_000, &Some_);
    assert_eq!((idle.found.len(), idle.given_away.len(), idle.refused), (4, 4, 0));
    assert!(finder.sites().iter().any(|site| site.name.as_str().starts_with("bard")));
}
