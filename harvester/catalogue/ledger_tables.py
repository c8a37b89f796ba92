"""The tables of the ledger: plans, their windows, and the runs that work on them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from harvester.catalogue.tables import MOMENT, metadata

plans = Table(
    "plans",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("stream_id", ForeignKey("streams.id"), nullable=False, index=True),
    Column("kind", Text, nullable=False, comment="full, incremental, range, rolling or reconcile"),
    Column("from_", MOMENT),
    Column("until", MOMENT),
    Column("granularity", Text, nullable=False),
    Column("candidate_watermark", MOMENT, comment="responseDate of the plan's first response"),
    Column("size", BigInteger, comment="completeListSize of the whole, before it was cut into windows"),
    Column("state", Text, nullable=False, server_default="open", comment="open, done or abandoned"),
    Column("created_at", MOMENT, nullable=False, server_default=func.now()),
    Column("finished_at", MOMENT),
)

windows = Table(
    "windows",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("plan_id", ForeignKey("plans.id"), nullable=False, index=True),
    Column("from_", MOMENT),
    Column("until", MOMENT),
    Column("set_spec", Text, comment="of this window only: a repository whose sets are months"),
    Column(
        "way",
        Text,
        nullable=False,
        server_default="ListRecords",
        comment="ListRecords, GetRecord (identifier by identifier) or ListIdentifiers (headers only)",
    ),
    Column("state", Text, nullable=False, server_default="open", comment="open, ended, split or abandoned"),
    Column("failures", Integer, nullable=False, server_default="0", comment="attempts in vain, in a row"),
    Column("fence", BigInteger, nullable=False, server_default="0"),
    Column("token", Text),
    Column("token_received_at", MOMENT),
    Column("token_life", Double, comment="seconds, by the server's two stamps"),
    Column("complete_list_size", BigInteger),
    Column("pages", Integer, nullable=False, server_default="0", comment="since the last restart"),
    Column(
        "received",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="since the last restart, twins once",
    ),
    Column("restarts", Integer, nullable=False, server_default="0"),
    Column("reread", Boolean, nullable=False, server_default="false"),
    Column(
        "moved", Boolean, nullable=False, server_default="false", comment="the list changed while it was read"
    ),
    Column(
        "skipped",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="not asked for: held as the list names them",
    ),
    Column("outside", BigInteger, nullable=False, server_default="0", comment="received, but not asked for"),
    Column("ending", Text),
    Column("updated_at", MOMENT, nullable=False, server_default=func.now()),
)

runs = Table(
    "runs",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("stream_id", ForeignKey("streams.id"), nullable=False),
    Column("plan_id", ForeignKey("plans.id"), index=True),
    Column("kind", Text, nullable=False, server_default="harvest", comment="harvest, reconcile or retry"),
    Column("started_at", MOMENT, nullable=False, server_default=func.now()),
    Column("finished_at", MOMENT),
    Column("outcome", Text, comment="null while it runs"),
    Column("reason", Text),
    Column("sentence", Text),
    Column("evidence", JSONB),
    *(
        Column(name, BigInteger, nullable=False, server_default="0")
        for name in (
            "pages",
            "requests",
            "received",
            "created",
            "updated",
            "unchanged",
            "deleted",
            "quarantined",
            "restarts",
        )
    ),
    Column("repairs", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("unread", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
)
# A stream's last runs are asked for all the time, and after a year it has thousands.
Index("runs_stream_id", runs.c.stream_id, runs.c.id)
