"""The tables of the schedule: what is to be done when, and what somebody was told about it."""

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
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from harvester.catalogue.tables import MOMENT, metadata

tasks = Table(
    "tasks",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("repository_id", ForeignKey("repositories.id"), nullable=False, index=True),
    Column("stream_id", ForeignKey("streams.id"), comment="null: of the repository as a whole"),
    Column("kind", Text, nullable=False, comment="harvest, rolling, reconcile, retry or refresh"),
    Column("host", Text, nullable=False, comment="as hosts.name: one slice of work serves one host"),
    Column("cron", Text, comment="five fields, in `zone`; null: by `interval`"),
    Column("zone", Text, nullable=False, server_default="UTC"),
    Column("least", Double, nullable=False, comment="seconds: the shortest interval that may be learned"),
    Column("most", Double, nullable=False, comment="seconds: the longest; as `least` where it is fixed"),
    Column("interval", Double, nullable=False, comment="seconds between two, as learned"),
    Column("next_due_at", MOMENT, comment="null: never by itself"),
    Column("late_at", MOMENT, comment="when it goes before lists that were begun"),
    Column("paused", Boolean, nullable=False, server_default="false"),
    Column("begun_at", MOMENT, comment="when its work was begun that has not ended; null: nothing is open"),
    Column("spend_by", MOMENT, comment="three quarters of the life of its token, as last seen"),
    Column("dies_at", MOMENT, comment="the end of that life"),
    Column("tried_at", MOMENT),
    Column("done_at", MOMENT, comment="when it was last brought to its end"),
    Column("failures", Integer, nullable=False, server_default="0", comment="in a row"),
    Column(
        "crashes",
        Integer,
        nullable=False,
        server_default="0",
        comment="slices in a row that ended without a word",
    ),
    Column("outcome", Text, comment="of the last try"),
    Column("sentence", Text),
    Column("held", Text, comment="why a person is needed"),
)
Index(
    "tasks_stream_id_kind",
    tasks.c.stream_id,
    tasks.c.kind,
    unique=True,
    postgresql_where=tasks.c.stream_id.is_not(None),
)
Index(
    "tasks_repository_id_kind",
    tasks.c.repository_id,
    tasks.c.kind,
    unique=True,
    postgresql_where=tasks.c.stream_id.is_(None),
)
_ACTIVE = ~tasks.c.paused & tasks.c.held.is_(None)
Index("tasks_next_due_at", tasks.c.next_due_at, postgresql_where=_ACTIVE)
Index("tasks_host", tasks.c.host, tasks.c.late_at, postgresql_where=_ACTIVE)
Index("tasks_begun", tasks.c.host, tasks.c.dies_at, postgresql_where=_ACTIVE & tasks.c.begun_at.is_not(None))

# What is wrong and was told, or is to be told; a row is resolved when it is right again.
alerts = Table(
    "alerts",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column(
        "repository_id", ForeignKey("repositories.id"), index=True, comment="null: of the service as a whole"
    ),
    Column("subject", Text, nullable=False, comment="what it is about: a stream, a host, the service"),
    Column("kind", Text, nullable=False),
    Column("sentence", Text, nullable=False),
    Column("evidence", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("since", MOMENT, nullable=False, server_default=text("now()")),
    Column("told_at", MOMENT, comment="when the last of those who are to be told was; null: not yet"),
    Column(
        "deliveries",
        JSONB,
        nullable=False,
        server_default=text("'{}'::jsonb"),
        comment="who was told of what: {a hash of the webhook or mailbox: {alert, recovery}}",
    ),
    Column("resolved_at", MOMENT),
    Column("recovery_told_at", MOMENT, comment="set too where nobody is to be told of it"),
)
Index(
    "alerts_open",
    alerts.c.subject,
    alerts.c.kind,
    unique=True,
    postgresql_where=alerts.c.resolved_at.is_(None),
)
