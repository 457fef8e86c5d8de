//! What is left of prompts when somebody has them erased.

use callsite::SiteId;

use super::corpora;
use super::finding::{Nothing, finder};
use crate::{Finder, FoundSite};

fn asks(finder: &Finder, numbers: std::ops::Range<usize>) {
    for number in numbers {
        let system = format!("You are Nr. {number}, smith of glass swords. Name a price and praise the blade.");
        finder.look_up(corpora::plain(), &system, &format!("Hi from {number}"), true, 1);
    }
}

fn only(finder: &Finder) -> FoundSite {
    finder.sites().pop().unwrap()
}

#[test]
fn forgotten_samples_are_gone_and_come_again_of_new_prompts_alone() {
    let finder = finder();
    asks(&finder, 0..100);
    let name = finder.mine(1, &Nothing).found.pop().unwrap();
    let before = only(&finder);
    assert!(before.samples.len() == 3 && finder.take_changed());
    finder.forget(|site| *site == SiteId::default_site());
    assert_eq!(only(&finder), before, "it is another site's");
    finder.forget(|site| *site == name);
    assert!(finder.take_changed(), "it must be written");
    assert_eq!(only(&finder), FoundSite { samples: Vec::new(), wants_samples: true, ..before.clone() });
    // Across a restart; too few first.
    let kept = serde_json::to_string(&finder.sites()).unwrap();
    let finder = Finder::new(super::editing::learn(), serde_json::from_str(&kept).unwrap());
    asks(&finder, 1000..1002);
    finder.mine(1, &Nothing);
    assert_eq!(only(&finder).samples, []);
    asks(&finder, 1002..1020);
    assert!(finder.is_due());
    assert_eq!(finder.mine(1, &Nothing).found, []);
    let after = only(&finder);
    assert_eq!((&after.templates, after.samples.len(), after.wants_samples), (&before.templates, 3, false));
    assert!(after.samples.iter().all(|sample| sample.user.starts_with("Hi from 10")), "{:?}", after.samples);
    // What has its samples is remembered no longer.
    asks(&finder, 2000..2100);
    assert!(!finder.is_due());
}

#[test]
fn a_forgotten_prompt_makes_no_site() {
    let finder = finder();
    asks(&finder, 0..100);
    finder.forget(|_| true);
    assert!(!finder.is_due());
    assert_eq!(finder.mine(1, &Nothing).found, []);
    asks(&finder, 0..100);
    assert_eq!(finder.mine(1, &Nothing).found.len(), 1);
}
