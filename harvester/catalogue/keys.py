"""Keys of fixed length for values that an index could not hold (Postgres: 2,704 bytes in a btree)."""

from hashlib import blake2b


def item_key(repository_id: int, identifier: str) -> bytes:
    """16 bytes for (repository, identifier): all formats of an item share it. Part of the catalogue's format: never changed."""
    return blake2b(repository_id.to_bytes(4, "big") + identifier.encode(), digest_size=16).digest()


def text_key(text: str) -> bytes:
    """16 bytes for a setSpec or another text within one repository."""
    return blake2b(text.encode(), digest_size=16).digest()


def bytes_key(raw: bytes) -> bytes:
    """16 bytes for the bytes of what could not be read."""
    return blake2b(raw, digest_size=16).digest()
