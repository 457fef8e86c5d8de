//! Bytes that prove themselves: lines chained by their hashes, and small files with a hash in front.
//! Pure; knows nothing of files.

use blake3::Hash;

/// Hexadecimal digits of a hash.
const HASH_TEXT: usize = 64;

/// The hash before the first line of a log.
pub(crate) const GENESIS: Hash = Hash::from_bytes([0; 32]);

/// The hash of a line that follows the one with hash `before`.
pub(crate) fn chained(before: &Hash, payload: &[u8]) -> Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(before.as_bytes());
    hasher.update(payload);
    hasher.finalize()
}

/// One line of the log: hash, space, payload, line feed.
pub(crate) fn line(before: &Hash, payload: &[u8]) -> (Vec<u8>, Hash) {
    let hash = chained(before, payload);
    (join(&hash, b' ', payload), hash)
}

/// The payload and hash of a line without its line feed, when it follows the one with hash `before`.
pub(crate) fn open_line<'a>(before: &Hash, line: &'a [u8]) -> Option<(&'a [u8], Hash)> {
    let (said, payload) = split(line, b' ')?;
    (said == chained(before, payload)).then_some((payload, said))
}

/// A file with its hash in front.
pub(crate) fn seal(payload: &[u8]) -> Vec<u8> {
    join(&blake3::hash(payload), b'\n', payload)
}

/// The payload of a sealed file, when it is whole.
pub(crate) fn open(bytes: &[u8]) -> Option<&[u8]> {
    let (said, rest) = split(bytes, b'\n')?;
    let payload = rest.strip_suffix(b"\n")?;
    (said == blake3::hash(payload)).then_some(payload)
}

fn join(hash: &Hash, separator: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HASH_TEXT + 2 + payload.len());
    bytes.extend_from_slice(hash.to_hex().as_bytes());
    bytes.push(separator);
    bytes.extend_from_slice(payload);
    bytes.push(b'\n');
    bytes
}

fn split(bytes: &[u8], separator: u8) -> Option<(Hash, &[u8])> {
    let (hash, rest) = bytes.split_at_checked(HASH_TEXT)?;
    let (found, payload) = rest.split_first()?;
    // Exactly the text that was written: another way to write the same hash is damage too.
    let hash = Hash::from_hex(hash).ok().filter(|read| read.to_hex().as_bytes() == hash)?;
    (*found == separator).then_some((hash, payload))
}
