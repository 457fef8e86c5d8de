//! What the text for the author claims is so: every claim is run in the worker.

use sandbox::{Outcome, Pool, SUBSET};
use serde::Deserialize;

use crate::common::{name, one, patient};

#[derive(Deserialize)]
struct Claims {
    claim: Vec<Claim>,
}

#[derive(Deserialize)]
struct Claim {
    says: String,
    gives: String,
    source: String,
}

fn claims() -> Vec<Claim> {
    toml::from_str::<Claims>(include_str!("subset.toml")).unwrap().claim
}

#[tokio::test]
async fn every_claim_of_the_subset_is_true_in_the_worker() {
    let pool = Pool::start(patient()).await.unwrap();
    let mut wrong = Vec::new();
    for Claim { says, gives, source } in claims() {
        assert!(SUBSET.contains(&says), "the text does not say `{says}`");
        let outcome = one(&pool, &source, "a response").await;
        let given = match &outcome {
            Outcome::Value(true) => "yes".to_owned(),
            Outcome::Value(false) => "no".to_owned(),
            other => name(other),
        };
        if given != gives {
            wrong.push(format!("`{says}` gives {given}, not {gives}: {outcome:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_word_in_backticks_is_a_claim_that_is_tested() {
    let claims = claims();
    let words = SUBSET.split('`').skip(1).step_by(2);
    let untested: Vec<&str> = words.filter(|word| !claims.iter().any(|claim| claim.says == **word)).collect();
    assert!(untested.is_empty(), "{untested:?}");
}
