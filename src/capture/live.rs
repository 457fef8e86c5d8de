//! A segment that is written to: blocks in a [`Store`], durable when an append returns.
//!
//! Key: site, a zero byte, last id, first id, number of the part. Value: a part of the block. So a site's blocks lie together, in
//! the order of their newest exchange, and what is newer than an id is found without reading the rest.

use std::path::Path;

use callsite::SiteId;
use parking_lot::Mutex;
use store::{Opened, Put, Store};
use uuid::Uuid;

use crate::CaptureError;
use crate::block::{Block, Header, Unpacker, damaged};
use crate::limits::PART_BYTES_MAX;
use crate::record::Exchange;
use crate::segment::{Damage, Segment, Visit};
use crate::summary::{self, SiteSummary, Sites};

const BLOCKS: &str = "blocks";
const ID_BYTES: usize = 16;

/// A segment in a store.
#[derive(Debug)]
pub(crate) struct Live {
    store: Store,
    sites: Mutex<Sites>,
}

impl Live {
    /// Opens or creates the segment in `dir`, climbing the store's recovery ladder on damage.
    pub(crate) fn open(dir: &Path) -> Result<(Self, Opened), CaptureError> {
        let (store, opened) = Store::open(dir)?;
        let live = Self { store, sites: Mutex::default() };
        let mut sites = Sites::new();
        live.blocks(None, None, &mut |site, header, _| summary::add(&mut sites, site, &SiteSummary::from(header)))?;
        *live.sites.lock() = sites;
        Ok((live, opened))
    }

    /// Keeps `blocks`; when it returns they survive a crash.
    pub(crate) fn append(&self, blocks: &[(&SiteId, Block)]) -> Result<(), CaptureError> {
        let mut puts = Vec::with_capacity(blocks.len() * 2);
        for (site, block) in blocks {
            for (number, part) in (0_u16..).zip(block.payload.chunks(PART_BYTES_MAX)) {
                puts.push(Put { tree: BLOCKS, key: key(site, &block.header, number), value: part.to_vec() });
            }
        }
        self.store.write(&puts)?;
        let mut sites = self.sites.lock();
        for (site, block) in blocks {
            summary::add(&mut sites, site, &SiteSummary::from(&block.header));
        }
        Ok(())
    }

    /// Bytes on disk.
    pub(crate) fn size_bytes(&self) -> Result<u64, CaptureError> {
        Ok(self.store.size_bytes()?)
    }

    /// Calls `visit` with the blocks of `site`, or of all, that hold something newer than `after`; counts the damaged.
    fn blocks(
        &self,
        site: Option<&SiteId>,
        after: Option<Uuid>,
        visit: &mut dyn FnMut(&SiteId, &Header, &[u8]),
    ) -> Result<Damage, CaptureError> {
        let prefix = site.map(|site| [site.as_str().as_bytes(), &[0]].concat()).unwrap_or_default();
        // Past every block whose newest is `after`.
        let behind = after.map(|after| [prefix.as_slice(), after.as_bytes(), &[u8::MAX; ID_BYTES + 2]].concat());
        let mut damage = Damage::default();
        let mut block = Joining::default();
        for item in self.store.scan(BLOCKS, &prefix, behind.as_deref())? {
            let (key, part) = match item {
                Ok(item) => item,
                Err(error) => {
                    block.parts.clear();
                    damage.add(error);
                    continue;
                }
            };
            if block.is_cut_by(&key) {
                damage.add(damaged("a block without its end"));
            }
            match block.add(&key, part) {
                Ok(Some((site, header, payload))) => visit(&site, &header, &payload),
                Ok(None) => {}
                Err(error) => damage.add(error),
            }
        }
        if !block.parts.is_empty() {
            damage.add(damaged("a block without its end"));
        }
        Ok(damage)
    }
}

impl Segment for Live {
    fn sites(&self) -> Sites {
        self.sites.lock().clone()
    }

    fn visit(&self, site: &SiteId, after: Option<Uuid>, visit: &mut Visit<'_>) -> Result<Damage, CaptureError> {
        let mut unpacker = Unpacker::new(None)?;
        let mut unreadable = Damage::default();
        let mut going = true;
        let mut damage = self.blocks(Some(site), after, &mut |site, _, payload| {
            if going {
                match unpacker.unpack(site, payload) {
                    Ok(exchanges) => going = exchanges.into_iter().all(|exchange| newer(exchange, after, visit)),
                    Err(error) => unreadable.add(error),
                }
            }
        })?;
        damage.merge(unreadable);
        Ok(damage)
    }
}

/// Visits `exchange` if it is newer than `after`; whether to go on.
pub(crate) fn newer(exchange: Exchange, after: Option<Uuid>, visit: &mut Visit<'_>) -> bool {
    after.is_some_and(|after| exchange.id <= after) || visit(exchange).is_continue()
}

fn key(site: &SiteId, header: &Header, number: u16) -> Vec<u8> {
    let mut key = site.as_str().as_bytes().to_vec();
    key.push(0);
    key.extend(header.last.as_bytes());
    key.extend(header.first.as_bytes());
    key.extend(number.to_be_bytes());
    key
}

/// A block whose parts come one by one.
#[derive(Default)]
struct Joining {
    /// The key without the number.
    of: Vec<u8>,
    next: u16,
    parts: Vec<u8>,
}

impl Joining {
    /// Whether a block is begun that this key does not belong to.
    fn is_cut_by(&self, key: &[u8]) -> bool {
        !self.parts.is_empty() && !key.starts_with(&self.of)
    }

    /// Takes the next part; gives back the block with its last one. Later parts of a block that was damaged are passed over.
    fn add(&mut self, key: &[u8], part: Vec<u8>) -> Result<Option<(SiteId, Header, Vec<u8>)>, CaptureError> {
        let (of, number) = key.split_last_chunk::<2>().ok_or_else(|| damaged("a key that is cut"))?;
        let number = u16::from_be_bytes(*number);
        if number == 0 {
            (self.of, self.next, self.parts) = (of.to_vec(), 0, part);
        } else if self.parts.is_empty() || self.next != number {
            let passed_over = self.parts.is_empty() && self.of == of;
            (self.of, self.parts) = (of.to_vec(), Vec::new());
            return if passed_over { Ok(None) } else { Err(damaged("a part without those before it")) };
        } else {
            self.parts.extend(part);
        }
        self.next += 1;
        let payload = std::mem::take(&mut self.parts);
        let (header, _) = Header::read(&payload)?;
        if payload.len() < header.payload_bytes() {
            self.parts = payload;
            return Ok(None);
        }
        let name = of.split(|byte| *byte == 0).next().and_then(|name| std::str::from_utf8(name).ok());
        let site = name.and_then(|name| SiteId::new(name).ok()).ok_or_else(|| damaged("a block of no site"))?;
        Ok(Some((site, header, payload)))
    }
}
