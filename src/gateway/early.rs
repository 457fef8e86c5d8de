//! Exchanges from before their call site was found: kept in memory for a while, so that what a site was found from can be
//! learnt from too.

use std::collections::VecDeque;

use capture::Exchange;
use parking_lot::Mutex;

/// Bytes of requests and answers that are held; the oldest go first.
const BYTES_MAX: usize = 16 << 20;

/// See the module.
#[derive(Debug, Default)]
pub struct Early(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    exchanges: VecDeque<Exchange>,
    bytes: usize,
}

fn bytes(exchange: &Exchange) -> usize {
    exchange.request.len() + exchange.response.len()
}

impl Early {
    /// Holds an exchange that belongs to no site so far.
    pub(crate) fn hold(&self, exchange: Exchange) {
        let mut held = self.0.lock();
        held.bytes += bytes(&exchange);
        held.exchanges.push_back(exchange);
        while held.bytes > BYTES_MAX {
            let Some(oldest) = held.exchanges.pop_front() else { return };
            held.bytes -= bytes(&oldest);
        }
    }

    pub(crate) fn clear(&self) {
        *self.0.lock() = Held::default();
    }

    /// Takes those out that `belongs` makes a site's, the oldest first.
    pub(crate) fn take(&self, mut belongs: impl FnMut(&mut Exchange) -> bool) -> Vec<Exchange> {
        // What comes meanwhile waits in an empty queue, not for this.
        let held = std::mem::take(&mut *self.0.lock());
        let mut taken = Vec::new();
        let mut left = Vec::new();
        for mut exchange in held.exchanges {
            if belongs(&mut exchange) { taken.push(exchange) } else { left.push(exchange) }
        }
        let mut now = self.0.lock();
        for exchange in left.into_iter().rev() {
            now.bytes += bytes(&exchange);
            now.exchanges.push_front(exchange);
        }
        taken
    }
}
