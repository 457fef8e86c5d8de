//! What students' responses ended, kept in memory for a while. A client may continue a response by its id
//! (`previous_response_id`), and the teacher has never seen one that a student gave: it is told what was said until then.
//!
//! A response that was not to be stored cannot be continued, and is not remembered.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use parking_lot::Mutex;
use uuid::Uuid;
use wire::{Api, Request, continuing};

use crate::call::Call;

/// Bytes of conversations that are held; the oldest go first.
const BYTES_MAX: usize = 32 << 20;

/// See the module.
#[derive(Debug, Default)]
pub struct Continued(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    said: HashMap<Uuid, Said>,
    order: VecDeque<Uuid>,
    bytes: usize,
}

/// What was said until a response was given.
#[derive(Clone, Debug)]
struct Said {
    items: String,
    may_be_kept: bool,
}

impl Continued {
    /// A student gave `answer` to `call`.
    pub(crate) fn remember(&self, call: &Call, answer: &str) {
        if call.api != Api::Responses {
            return;
        }
        let request = call.api.parse(&call.body).ok().filter(Request::may_be_kept);
        let Some(items) = request.and_then(|request| continuing::conversation(&request, answer)) else { return };
        let mut held = self.0.lock();
        held.bytes += items.len();
        held.order.push_back(call.id);
        held.said.insert(call.id, Said { items, may_be_kept: call.capturable });
        while held.bytes > BYTES_MAX {
            let Some(oldest) = held.order.pop_front() else { return };
            held.bytes -= held.said.remove(&oldest).map_or(0, |said| said.items.len());
        }
    }

    /// `body` as it came; one that continues a student's response, with what was said before. What must not be kept takes that
    /// with it: `headers` then say so, too.
    pub(crate) fn alone(&self, api: Api, headers: &mut HeaderMap, body: Bytes) -> Bytes {
        if api != Api::Responses || self.0.lock().order.is_empty() {
            return body;
        }
        // Most continue nothing; looking for the word is far cheaper than reading them.
        let Some(text) = std::str::from_utf8(&body).ok().filter(|text| text.contains("\"previous_response_id\""))
        else {
            return body;
        };
        let changed = api.parse(text.as_bytes()).ok().and_then(|request| {
            let id = continuing::previous(&request)?;
            let id = Uuid::try_parse(id.strip_prefix("resp_")?).ok()?;
            let said = self.0.lock().said.get(&id).cloned()?;
            continuing::alone(&request, &body, &said.items).map(|alone| (alone, said.may_be_kept))
        });
        let Some((changed, may_be_kept)) = changed else { return body };
        if !may_be_kept {
            headers.append("x-apprentice-capture", HeaderValue::from_static("off"));
        }
        Bytes::from(changed)
    }
}
