//! What students' responses ended, kept in memory for a while. A client may continue a response by its id
//! (`previous_response_id`), and the teacher has never seen one that a student gave: it is told what was said until then.
//!
//! A response that was not to be stored cannot be continued, and is not remembered.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
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
    said: HashMap<Uuid, String>,
    order: VecDeque<Uuid>,
    bytes: usize,
}

impl Continued {
    /// A student gave `answer` to `call`.
    pub(crate) fn remember(&self, call: &Call, answer: &str) {
        if call.api != Api::Responses {
            return;
        }
        let request = call.api.parse(&call.body).ok().filter(Request::may_be_kept);
        let Some(said) = request.and_then(|request| continuing::conversation(&request, answer)) else { return };
        let mut held = self.0.lock();
        held.bytes += said.len();
        held.order.push_back(call.id);
        held.said.insert(call.id, said);
        while held.bytes > BYTES_MAX {
            let Some(oldest) = held.order.pop_front() else { return };
            held.bytes -= held.said.remove(&oldest).map_or(0, |said| said.len());
        }
    }

    /// `body` as it came; one that continues a student's response, with what was said before.
    pub(crate) fn alone(&self, api: Api, body: Bytes) -> Bytes {
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
            continuing::alone(&request, &body, &said)
        });
        changed.map_or(body, Bytes::from)
    }
}
