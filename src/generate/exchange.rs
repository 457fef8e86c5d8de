//! What was made or brought as an exchange of its call site, as if a client had asked and been answered: one log, one noun.

use callsite::SiteId;
use capture::{Distillable, Exchange, Source};
use uuid::Uuid;
use wire::{Answer, Api, Delivery, Envelope, Finish, Prompt, Role, Sampling, Signals, Turn, Usage};

use crate::item::Item;

/// What an exchange is made of.
pub struct Made<'a> {
    /// Its name where it comes from.
    pub id: &'a str,
    /// Who wrote the answer.
    pub model: &'a str,
    /// The conversation, its last turn the answer.
    pub messages: &'a [Turn],
    pub source: Source,
}

/// The exchange that teaches a kept `item`; none where the item is no example by itself, or was dropped.
#[must_use]
pub fn of(item: &Item, site: &SiteId, distillable: Distillable, now_ms: u64) -> Option<Exchange> {
    let source = Source::Generated(item.pipeline.clone());
    let parts = Made { id: &item.id, model: &item.model, messages: &item.messages, source };
    if item.is_kept() { made(&parts, site, distillable, now_ms) } else { None }
}

/// The exchange, put into the log at `now_ms` (Unix time): whoever reads the log from where it stopped finds it. None where
/// nothing is asked or answered.
#[must_use]
pub fn made(made: &Made<'_>, site: &SiteId, distillable: Distillable, now_ms: u64) -> Option<Exchange> {
    let (answer, turns) = made.messages.split_last()?;
    if answer.role != Role::Assistant || turns.is_empty() {
        return None;
    }
    let prompt = Prompt::new(turns.to_vec(), 1, Sampling::Greedy);
    let request = Api::Chat.write_request(made.model, &prompt);
    let (usage, signals) = (Usage::default(), Signals::default());
    let answer = Answer::new(answer.text.clone(), Finish::Stop, usage, signals);
    let envelope = Envelope { id: made.id, created_s: now_ms / 1000, model: made.model, asked: &request };
    let (_, response) = Api::Chat.write(Delivery::default(), &envelope, &answer);
    Some(Exchange {
        id: id(made, now_ms),
        site: site.clone(),
        at_ms: now_ms,
        api: Api::Chat,
        source: made.source.clone(),
        status: 200,
        stream: false,
        complete: true,
        retry: false,
        distillable,
        user: None,
        redacted: false,
        request: String::from_utf8(request).ok()?,
        response: String::from_utf8(response).ok()?,
    })
}

/// Version 7: the time, then the exchange's own name and words.
fn id(made: &Made<'_>, now_ms: u64) -> Uuid {
    let mut hasher = blake3::Hasher::new();
    hasher.update(made.id.as_bytes());
    made.messages.iter().for_each(|turn| {
        hasher.update(turn.text.as_bytes());
    });
    let mut random = [0; 10];
    hasher.finalize_xof().fill(&mut random);
    uuid::Builder::from_unix_timestamp_millis(now_ms, &random).into_uuid()
}
