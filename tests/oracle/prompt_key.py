"""Golden prompt keys, with another implementation of BLAKE3.

Usage: pip install blake3; python3 tests/oracle/prompt_key.py
Prints the numbers that src/verify/tests/prompt_key.rs holds its code to: the first eight bytes, little-endian, of
BLAKE3 over a domain and, for each part, its letter, its length as eight bytes and its text.
"""

import struct

from blake3 import blake3


def fingerprint(domain, parts):
    data = domain + b"".join(letter + struct.pack("<Q", len(text.encode())) + text.encode() for letter, text in parts)
    return struct.unpack("<Q", blake3(data).digest()[:8])[0]


if __name__ == "__main__":
    print("key", fingerprint(b"apprentice prompt 1", [(b"s", "Be kind."), (b"u", "Hi")]))
    print("near", fingerprint(b"apprentice near prompt 1", [(b"u", "order # now"), (b"t", "aye")]))
