//! A kept item as an exchange of its call site, as if a client had asked and been answered: one log, one noun.

use callsite::SiteId;
use capture::{Distillable, Exchange, Source};
use uuid::Uuid;
use wire::{Answer, Api, Delivery, Envelope, Finish, Prompt, Role, Sampling, Signals, Usage};

use crate::item::Item;

/// The exchange that teaches `item`, put into the log at `now_ms` (Unix time): whoever reads the log from where it stopped finds it.
/// None where the item is no example by itself, or was dropped.
#[must_use]
pub fn of(item: &Item, site: &SiteId, distillable: Distillable, now_ms: u64) -> Option<Exchange> {
    if !item.is_kept() {
        return None;
    }
    let (answer, turns) = item.messages.split_last()?;
    if answer.role != Role::Assistant || turns.is_empty() {
        return None;
    }
    let sampling = Sampling::Greedy;
    let prompt = Prompt { turns: turns.to_vec(), max_tokens: item.drawn.max_tokens.max(1), sampling, stop: Vec::new() };
    let answer = Answer {
        text: answer.text.clone(),
        finish: Finish::Stop,
        usage: Usage::default(),
        signals: Signals::default(),
    };
    let envelope = Envelope { id: &item.id, created_s: item.created_at_ms / 1000, model: &item.model };
    let (_, response) = Api::Chat.write(Delivery { stream: false, include_usage: false }, &envelope, &answer);
    Some(Exchange {
        id: id(item, now_ms),
        site: site.clone(),
        at_ms: now_ms,
        api: Api::Chat,
        source: Source::Generated(item.pipeline.clone()),
        status: 200,
        stream: false,
        complete: true,
        retry: false,
        distillable,
        request: String::from_utf8(Api::Chat.write_request(&item.model, &prompt)).ok()?,
        response: String::from_utf8(response).ok()?,
    })
}

/// Version 7: the time, then the item's own name.
fn id(item: &Item, now_ms: u64) -> Uuid {
    let mut hasher = blake3::Hasher::new();
    hasher.update(item.pipeline.as_bytes()).update(item.id.as_bytes()).update(item.prompt_hash.as_bytes());
    let mut random = [0; 10];
    hasher.finalize_xof().fill(&mut random);
    uuid::Builder::from_unix_timestamp_millis(now_ms, &random).into_uuid()
}
