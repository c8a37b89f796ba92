"""The catalogue's tables. Every unique key of `records` begins with item_key, so that the same schema can be partitioned
or distributed (a global serial key could not).

A column is added here and in a migration below `alembic/versions/`; a test fails until both agree.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Sequence,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

# The revision of alembic/versions that this code needs; a test compares it with alembic's head.
REVISION = "0005"

# to_tsvector takes at most 1,048,575 bytes; 64 Ki characters are at most a quarter of it.
SEARCHED_CHARACTERS = 65_536

metadata = MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    }
)

MOMENT = DateTime(timezone=True)


def _now() -> Column[object]:
    return Column("created_at", MOMENT, nullable=False, server_default=func.now())


repositories = Table(
    "repositories",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("base_url", Text, nullable=False),
    Column("title", Text),
    Column("granularity", Text),
    Column("deleted_record", Text),
    Column("identify", JSONB),
    Column("identified_at", MOMENT),
    Column(
        "traits",
        JSONB,
        nullable=False,
        server_default=text("'{}'::jsonb"),
        comment="what it was observed to do: {name: {value, at, how}}",
    ),
    Column("configured", Boolean, nullable=False, server_default="false", comment="harvester.toml names it"),
    Column(
        "imported",
        Boolean,
        nullable=False,
        server_default="false",
        comment="out of a list, its address written by nobody here",
    ),
    Column(
        "paused",
        Boolean,
        nullable=False,
        server_default="false",
        comment="until a person resumes it, also when it was out of the schedule meanwhile",
    ),
    Column(
        "every",
        JSONB,
        comment="how often, as `harvester add` was told: {least, most, cron, zone}; null: as [defaults]",
    ),
    Column("removed_at", MOMENT, comment="taken out of the schedule; null: it is followed"),
    Column("formats", JSONB, comment="ListMetadataFormats, as last asked: [{prefix, namespace, schema}]"),
    Column("refreshed_at", MOMENT, comment="when ListSets and ListMetadataFormats were last asked"),
    Column("validators", JSONB, comment="ETag and Last-Modified by request: {verb: {etag, last_modified}}"),
    Column(
        "preference",
        ARRAY(Text),
        comment="the order of crosswalks by which records.preferred was set; null: none yet",
    ),
    _now(),
)

sets = Table(
    "sets",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("repository_id", ForeignKey("repositories.id"), nullable=False),
    Column("spec_key", LargeBinary, nullable=False, comment="a hash: a setSpec may be too long for an index"),
    Column("spec", Text, nullable=False),
    Column("title", Text, comment="setName, as ListSets tells it"),
    Column("first_listed_at", MOMENT, comment="when ListSets named it first; null: only headers did"),
    Column("listed_at", MOMENT, comment="when ListSets named it last"),
    UniqueConstraint("repository_id", "spec_key"),
)

streams = Table(
    "streams",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("repository_id", ForeignKey("repositories.id"), nullable=False),
    Column("set_spec", Text, nullable=False, server_default="", comment="empty: without a set"),
    Column("format", Text, nullable=False),
    Column(
        "watermark",
        MOMENT,
        comment="the server's clock; where the next incremental harvest begins, less an overlap",
    ),
    Column("rolled_to", MOMENT, comment="up to which datestamp records were harvested again, in this cycle"),
    Column("rolled_at", MOMENT, comment="when a slice was last harvested again"),
    _now(),
    UniqueConstraint("repository_id", "format", "set_spec"),
)

page_ids = Sequence("page_ids", metadata=metadata)
feed_seq = Sequence("feed_seq", metadata=metadata)

# One row per committed page, and per batch of entries derived again. Its seq is drawn last, under a short lock held to the commit, so that a reader of the change
# feed who has seen seq n never finds a smaller one later.
pages = Table(
    "pages",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False, unique=True),
    Column("run_id", BigInteger, comment="null: entries derived again, without a harvest"),
    Column("window_id", BigInteger),
    Column("number", Integer, nullable=False),
    Column("received", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
    Column("committed_at", MOMENT, nullable=False, server_default=func.now()),
)

dictionaries = Table(
    "dictionaries",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("repository_id", ForeignKey("repositories.id"), nullable=False),
    Column("format", Text, nullable=False),
    Column("data", LargeBinary, nullable=False, comment="zstd; never changed once used"),
    _now(),
    UniqueConstraint("repository_id", "format"),
)

records = Table(
    "records",
    metadata,
    Column(
        "item_key", LargeBinary, primary_key=True, comment="a hash of repository and identifier, 16 bytes"
    ),
    Column("repository_id", Integer, primary_key=True, autoincrement=False),
    Column("format", Text, primary_key=True, comment="the metadataPrefix"),
    Column("identifier", Text, nullable=False),
    Column("datestamp", MOMENT, nullable=False),
    Column(
        "datestamp_raw", Text, nullable=False, comment="as the repository wrote it; empty where it wrote none"
    ),
    Column("sets", ARRAY(Integer), nullable=False, comment="of the header, and those proven"),
    Column(
        "proven_sets",
        ARRAY(Integer),
        nullable=False,
        comment="by a stream of that set; end only by its reconciliation",
    ),
    Column("deleted", Boolean, nullable=False),
    Column("deleted_reason", Text),
    Column("preferred", Boolean, nullable=False, comment="stands for its item among the formats harvested"),
    Column("hash", LargeBinary, comment="sha256 of the canonical metadata"),
    Column("crosswalk", Text),
    Column("crosswalk_version", SmallInteger),
    Column("crosswalk_schema", Text, comment="version of the format, where its crosswalk reads several"),
    Column("title", Text),
    Column("creators", Text),
    Column("doi", Text),
    Column("year", Integer),
    Column("type", Text),
    Column(
        "entry",
        JSONB,
        comment="without absent values, the title, and an abstract that is its first description",
    ),
    Column("xml", LargeBinary, comment="canonical metadata, zstd"),
    Column("dictionary_id", Integer),
    Column("about", LargeBinary, comment="zstd"),
    Column("first_seen", MOMENT, nullable=False, server_default=func.now()),
    Column("received", MOMENT, comment="the server's date of the response that brought it as it is"),
    Column("page_id", BigInteger, nullable=False, comment="the page that last changed it"),
    # The rows stay in one piece: entry and XML are small, and the compressor of TOAST gives up on most of them.
    postgresql_with={"toast_tuple_target": 8160},
)
Index("records_page_id", records.c.page_id)
Index("records_doi", records.c.doi, postgresql_using="hash", postgresql_where=records.c.doi.is_not(None))
Index("records_sets", records.c.sets, postgresql_using="gin")

# 'simple' does not stem: titles come in every language.
SEARCH: ColumnElement[str] = literal_column(
    f"to_tsvector('simple', left(coalesce(title, ''), {SEARCHED_CHARACTERS}) || ' ' "
    f"|| left(coalesce(creators, ''), {SEARCHED_CHARACTERS}))"
)
Index("records_search", SEARCH, postgresql_using="gin", _table=records)

tallies = Table(
    "tallies",
    metadata,
    Column("repository_id", Integer, primary_key=True, autoincrement=False),
    Column("format", Text, primary_key=True),
    Column("set_id", Integer, primary_key=True, autoincrement=False, comment="0: all records of the format"),
    Column("live", BigInteger, nullable=False, server_default="0"),
    Column("deleted", BigInteger, nullable=False, server_default="0"),
)

hosts = Table(
    "hosts",
    metadata,
    Column(
        "name", Text, primary_key=True, comment="lower case, with the port where it is not the scheme's own"
    ),
    Column("next_allowed_at", MOMENT),
    Column("waiting_at", MOMENT, comment="when somebody began to wait for this host's lock"),
    Column(
        "pause",
        Double,
        nullable=False,
        server_default="0",
        comment="seconds between requests after penalties",
    ),
    Column("penalised_at", MOMENT),
    Column(
        "in_hand",
        Boolean,
        nullable=False,
        server_default="false",
        comment="somebody works there; found so by the next, he died with it in hand",
    ),
    Column(
        "failures", Integer, nullable=False, server_default="0", comment="in a row, of the host as a whole"
    ),
    Column("closed_until", MOMENT, comment="circuit breaker: until then the schedule leaves it alone"),
    Column("updated_at", MOMENT, nullable=False, server_default=func.now()),
)
