"""The kept metadata XML: zstd per record, with a dictionary per repository and format trained on what was harvested.

A dictionary makes one record of about 2 KB as small as a hundred compressed together. It is numbered, stored in the
catalogue in the transaction of the page that first uses it, and never changed.
"""

from collections.abc import Iterable, Sequence

import zstandard
from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert as upsert

from harvester.catalogue.tables import dictionaries
from harvester.errors import CatalogueError

_LEVEL = 3
_SAMPLES = 1000  # records; a dictionary of 32 kB costs 32 bytes for each of them at worst
_SAMPLE_BYTES = 8_000_000
_DICTIONARY_BYTES = 32_768
LARGEST = 256 * 1024 * 1024  # bytes; beyond any page that the wire lets in


class Compressor:
    """Compresses the records of one repository and format; trains the dictionary when it has seen enough.

    One per harvest. `prepare` must run inside the transaction of the page whose records use what it may store.
    """

    def __init__(self, repository_id: int, format_: str) -> None:
        self._repository_id = repository_id
        self._format = format_
        self._id: int | None = None
        self._zstd = zstandard.ZstdCompressor(level=_LEVEL)
        self._samples: list[bytes | bytearray | memoryview[int]] = []
        self._sampled = 0
        self._looked = False

    def prepare(self, connection: Connection) -> None:
        """Load the stored dictionary, or train and store one once enough records were seen."""
        if not self._looked:
            self._look(connection)
        if self._id is None and (len(self._samples) >= _SAMPLES or self._sampled >= _SAMPLE_BYTES):
            self._train(connection)

    def compress(self, xml: bytes) -> tuple[bytes, int | None]:
        """The compressed bytes and the number of the dictionary they need."""
        if self._id is None and self._sampled < _SAMPLE_BYTES:
            self._samples.append(xml)
            self._sampled += len(xml)
        return self._zstd.compress(xml), self._id

    def forget(self) -> None:
        """After a rolled-back page: a dictionary stored in it does not exist."""
        self._id = None
        self._looked = False
        self._zstd = zstandard.ZstdCompressor(level=_LEVEL)

    def _look(self, connection: Connection) -> None:
        self._looked = True
        row = connection.execute(
            select(dictionaries.c.id, dictionaries.c.data).where(
                dictionaries.c.repository_id == self._repository_id, dictionaries.c.format == self._format
            )
        ).one_or_none()
        if row is not None:
            self._use(row.id, row.data)

    def _train(self, connection: Connection) -> None:
        try:
            data = zstandard.train_dictionary(_DICTIONARY_BYTES, self._samples).as_bytes()
        except zstandard.ZstdError:
            # Too few or too uniform samples: plain zstd serves, and the next pages bring more.
            self._samples, self._sampled = [], 0
            return
        # Another harvest of this repository may train at the same time: one dictionary is kept, the first.
        connection.execute(
            upsert(dictionaries)
            .values(repository_id=self._repository_id, format=self._format, data=zstandard.compress(data))
            .on_conflict_do_nothing()
        )
        self._look(connection)

    def _use(self, number: int, packed: bytes) -> None:
        dictionary = zstandard.ZstdCompressionDict(zstandard.decompress(packed))
        self._zstd = zstandard.ZstdCompressor(level=_LEVEL, dict_data=dictionary)
        self._id = number
        self._samples = []


def decompressors(
    connection: Connection, numbers: Iterable[int] | None = None
) -> dict[int | None, zstandard.ZstdDecompressor]:
    """A decompressor for each stored dictionary (those of `numbers`, else all), and under None one without."""
    chosen = select(dictionaries.c.id, dictionaries.c.data)
    if numbers is not None:
        chosen = chosen.where(dictionaries.c.id.in_(list(numbers)))
    found: dict[int | None, zstandard.ZstdDecompressor] = {None: zstandard.ZstdDecompressor()}
    for row in connection.execute(chosen):
        data = zstandard.ZstdCompressionDict(zstandard.decompress(row.data))
        found[row.id] = zstandard.ZstdDecompressor(dict_data=data)
    return found


def unpack(connection: Connection, packed: Sequence[tuple[bytes, int | None]]) -> list[bytes]:
    """The XML of records as stored, in the order given. Raises CatalogueError where it is damaged."""
    by_number = decompressors(connection, {number for _, number in packed if number is not None})
    try:
        return [by_number[number].decompress(xml, max_output_size=LARGEST) for xml, number in packed]
    except (zstandard.ZstdError, KeyError) as error:
        raise CatalogueError(
            "the kept XML of a record is damaged in the catalogue: restore a dump, or delete the record's row and harvest its "
            "repository with --full"
        ) from error
