"""The tables of how records are read: what could not be, what crosswalks left unread, where reading them again stands."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from harvester.catalogue.tables import MOMENT, metadata

unread_elements = Table(
    "unread_elements",
    metadata,
    Column("repository_id", ForeignKey("repositories.id"), primary_key=True),
    Column("format", Text, primary_key=True),
    Column("element", Text, primary_key=True),
    Column("seen", BigInteger, nullable=False, comment="with text that no rule of the crosswalk read"),
    Column("first_seen", MOMENT, nullable=False, server_default=func.now()),
    Column("last_seen", MOMENT, nullable=False, server_default=func.now()),
)

# Where `harvester renormalise` stands: a row per slice of the keys, gone when all are done.
renormalisations = Table(
    "renormalisations",
    metadata,
    Column("repository_id", Integer, primary_key=True, autoincrement=False, comment="0: all repositories"),
    Column("slice", SmallInteger, primary_key=True, autoincrement=False),
    Column(
        "versions",
        JSONB,
        nullable=False,
        comment="of the crosswalks and the order of formats: with others, all is begun again",
    ),
    Column("last_key", JSONB, comment="item_key in hex, repository_id, format"),
    Column("read", BigInteger, nullable=False, server_default="0"),
    Column("changed", BigInteger, nullable=False, server_default="0"),
    Column(
        "kept", BigInteger, nullable=False, server_default="0", comment="could not be read: keep their entry"
    ),
    Column(
        "unread",
        JSONB,
        nullable=False,
        server_default=text("'[]'::jsonb"),
        comment="[repository_id, format, {element: seen}]",
    ),
    Column("finished", Boolean, nullable=False, server_default=text("false")),
    Column("begun_at", MOMENT, nullable=False, server_default=func.now()),
    Column("updated_at", MOMENT, nullable=False, server_default=func.now()),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("repository_id", ForeignKey("repositories.id"), nullable=False),
    Column("format", Text, nullable=False),
    Column("set_spec", Text, nullable=False, server_default=""),
    Column("key", LargeBinary, nullable=False, comment="a hash of the identifier, or of the bytes"),
    Column("identifier", Text),
    Column("reason", Text, nullable=False),
    Column("raw", LargeBinary, nullable=False, comment="the bytes as they came, zstd"),
    Column(
        "position",
        BigInteger,
        comment="of the first byte in the answer, where the answer was not well-formed",
    ),
    Column("evidence", JSONB, comment="of the last failed request: url, status, excerpt"),
    Column("run_id", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False, server_default="0", comment="asked for again in vain"),
    Column(
        "retry_at", MOMENT, nullable=False, server_default=func.now(), comment="not to be asked for before"
    ),
    Column("first_seen", MOMENT, nullable=False, server_default=func.now()),
    Column("last_seen", MOMENT, nullable=False, server_default=func.now()),
    Column("resolved_at", MOMENT),
    Column("resolution", Text, comment="came_whole, gone or purged"),
    UniqueConstraint("repository_id", "format", "key"),
)
# What waits is counted for every status and every scrape, and what waited once stays.
Index("quarantine_waiting", quarantine.c.repository_id, postgresql_where=quarantine.c.resolved_at.is_(None))
