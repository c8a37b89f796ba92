"""The tables of what is never forgotten: earlier versions of records, takedowns, and passes over all identifiers."""

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
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from harvester.catalogue.tables import MOMENT, metadata

# What a record was before a page changed it. Where only its header changed, `xml` and `entry` are null: they are those of the
# version that followed.
history = Table(
    "history",
    metadata,
    Column("item_key", LargeBinary, primary_key=True),
    Column("repository_id", Integer, primary_key=True, autoincrement=False),
    Column("format", Text, primary_key=True),
    Column(
        "page_id",
        BigInteger,
        primary_key=True,
        autoincrement=False,
        comment="the page that had brought this version",
    ),
    Column("ended_by", BigInteger, nullable=False, comment="the page that brought the next"),
    Column("ended_at", MOMENT, nullable=False, server_default=func.now()),
    Column("received", MOMENT),
    Column("datestamp", MOMENT, nullable=False),
    Column("datestamp_raw", Text, nullable=False),
    Column("sets", ARRAY(Integer), nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("deleted_reason", Text),
    Column("hash", LargeBinary),
    Column("crosswalk", Text),
    Column("crosswalk_version", SmallInteger),
    Column("title", Text),
    Column("entry", JSONB),
    Column("xml", LargeBinary),
    Column("dictionary_id", Integer),
    Column("about", LargeBinary),
)
Index("history_ended_at", history.c.repository_id, history.c.ended_at)

# Who must not be shown (suppress), or must not be kept (purge). Rows stay when they are undone: they are the audit.
takedowns = Table(
    "takedowns",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("item_key", LargeBinary, nullable=False),
    Column("repository_id", ForeignKey("repositories.id"), nullable=False),
    Column("identifier", Text, nullable=False),
    Column("kind", Text, nullable=False, comment="suppress or purge"),
    Column("reason", Text, nullable=False),
    Column("done_by", Text, nullable=False, comment="the account on the machine where it was done"),
    Column("done_at", MOMENT, nullable=False, server_default=func.now()),
    Column("undone_at", MOMENT),
    Column("undone_by", Text),
    Column("undone_reason", Text),
)
Index("takedowns_item_key", takedowns.c.item_key, postgresql_where=takedowns.c.undone_at.is_(None))

# The identifiers that a pass of ListIdentifiers has met; gone when its reconciliation is done.
census = Table(
    "census",
    metadata,
    Column("plan_id", ForeignKey("plans.id"), primary_key=True),
    Column("item_key", LargeBinary, primary_key=True),
)

reconciliations = Table(
    "reconciliations",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("stream_id", ForeignKey("streams.id"), nullable=False, index=True),
    Column("plan_id", ForeignKey("plans.id"), nullable=False, index=True),
    Column("run_id", BigInteger, comment="the run that has last worked on it"),
    Column(
        "state",
        Text,
        nullable=False,
        server_default="listing",
        comment="listing, held, confirming, done, abandoned or reverted",
    ),
    Column(
        "listed",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="identifiers that the repository lists",
    ),
    Column(
        "live", BigInteger, nullable=False, server_default="0", comment="live records of the stream before"
    ),
    Column(
        "absent", BigInteger, nullable=False, server_default="0", comment="live records that it does not list"
    ),
    Column("removed", BigInteger, nullable=False, server_default="0", comment="tombstones made"),
    Column("left_set", BigInteger, nullable=False, server_default="0", comment="memberships ended"),
    Column(
        "found",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="absent from the list, and there all the same",
    ),
    Column("sentence", Text),
    Column("approved_at", MOMENT),
    Column("begun_at", MOMENT, nullable=False, server_default=func.now()),
    Column("finished_at", MOMENT),
)
