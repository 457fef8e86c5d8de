//! Every limit of the exchange log, by name.

use std::time::Duration;

/// Bytes of a request and its answer together, at most. More than a student's context holds many times over: nothing could be
/// learnt from it.
pub const EXCHANGE_BYTES_MAX: usize = 1 << 20;
/// Largest stored form; what does not compress to it is not kept.
pub(crate) const STORED_BYTES_MAX: usize = 256 << 10;
/// Exchanges that may wait to be written.
pub const QUEUE_MAX: usize = 16_384;
/// What one waiting exchange takes beside its texts.
pub(crate) const EXCHANGE_OVERHEAD_BYTES: usize = 512;
/// Exchanges, and their bytes, that are written in one commit.
pub(crate) const BATCH_MAX: usize = 1024;
pub(crate) const BATCH_BYTES_MAX: usize = 8 << 20;
/// So many waiting exchanges wake the writer before its time.
pub(crate) const WAKE_AT: usize = 200;
/// So many that came while others were written are written at once.
pub(crate) const GO_ON_AT: usize = 64;
/// [`WAKE_AT`] exchanges within this time: whoever sends them may be waiting for the writer.
pub(crate) const RUSH: Duration = Duration::from_millis(25);
/// How long exchanges wait for company before they are written: nobody waits for them.
pub(crate) const LINGER: Duration = Duration::from_millis(100);
/// How long nothing is tried after a write error.
pub const RETRY_PAUSE: Duration = Duration::from_secs(5);

/// Unpacked bytes of a block, about: some ten exchanges that are compressed together.
pub(crate) const BLOCK_BYTES: usize = 32 << 10;
/// Exchanges of a block.
pub(crate) const BLOCK_EXCHANGES_MAX: usize = 1024;
/// Unpacked bytes of a block that are read, against decompression bombs in a damaged log: one exchange of the largest size, its
/// head, and a block before it.
pub(crate) const UNPACKED_BYTES_MAX: usize = EXCHANGE_BYTES_MAX + (64 << 10) + BLOCK_BYTES;
/// A block lies in the live store in parts of this size: sled puts pages (16 values) of more than 128 KiB into files of their own,
/// which our syncing does not reach.
pub(crate) const PART_BYTES_MAX: usize = 6 << 10;

/// Largest dictionary, and what it is trained on at most; with less than the least it is not worth its bytes.
pub(crate) const DICTIONARY_BYTES: usize = 32 << 10;
pub(crate) const SAMPLES_MAX: usize = 1000;
pub(crate) const SAMPLES_BYTES_MAX: usize = 4 << 20;
pub(crate) const SAMPLES_BYTES_MIN: usize = 256 << 10;

/// Largest entry of a sealed file that is read; its index is the largest.
pub(crate) const ENTRY_BYTES_MAX: usize = 16 << 20;
