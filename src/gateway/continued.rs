//! What students' responses ended, kept in memory for a while. A client may continue a response by its id
//! (`previous_response_id`), and the teacher has never seen one that a student gave: it is told what was said until then.
//!
//! A response that was not to be stored cannot be continued, and is not remembered.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use parking_lot::Mutex;
use uuid::Uuid;
use wire::{Answer, Api, Request, continuing};

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
    pub(crate) fn remember(&self, call: &Call, answer: &Answer) {
        if call.api != Api::Responses {
            return;
        }
        let request = call.api.parse(&call.text).ok().filter(Request::may_be_kept);
        let id = call.id.simple().to_string();
        let Some(items) = request.and_then(|request| continuing::conversation(&request, &id, answer)) else { return };
        let mut held = self.0.lock();
        held.bytes += items.len();
        held.order.push_back(call.id);
        held.said.insert(call.id, Said { items, may_be_kept: call.capturable });
        while held.bytes > BYTES_MAX {
            let Some(oldest) = held.order.pop_front() else { return };
            held.bytes -= held.said.remove(&oldest).map_or(0, |said| said.items.len());
        }
    }

    pub(crate) fn clear(&self) {
        *self.0.lock() = Held::default();
    }

    /// `body` with what was said before, if it continues a student's response. What must not be kept takes that with it: `headers` then
    /// say so, too.
    pub(crate) fn alone(&self, api: Api, headers: &mut HeaderMap, body: &Bytes) -> Option<Bytes> {
        if api != Api::Responses || self.0.lock().order.is_empty() {
            return None;
        }
        // Most continue nothing; looking for the word is far cheaper than reading them.
        let text = std::str::from_utf8(body).ok().filter(|text| text.contains("\"previous_response_id\""))?;
        let request = api.parse(text.as_bytes()).ok()?;
        let id = continuing::previous(&request)?;
        let id = Uuid::try_parse(id.strip_prefix("resp_")?).ok()?;
        let said = self.0.lock().said.get(&id).cloned()?;
        let alone = continuing::alone(&request, body, &said.items)?;
        if !said.may_be_kept {
            headers.append("x-apprentice-capture", HeaderValue::from_static("off"));
        }
        Some(Bytes::from(alone))
    }
}
