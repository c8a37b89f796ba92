"""Schedules, circuit breakers, what repositories list, and what somebody was told."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _tasks()
    _alerts()
    _what_is_known()
    op.drop_index("runs_stream_id", table_name="runs")
    op.create_index("runs_stream_id", "runs", ["stream_id", "id"])
    # Without them each plan that is forgotten is looked for in all runs, and in all reconciliations.
    op.create_index("runs_plan_id", "runs", ["plan_id"])
    op.create_index("reconciliations_plan_id", "reconciliations", ["plan_id"])
    op.create_index(
        "quarantine_waiting", "quarantine", ["repository_id"], postgresql_where=sa.text("resolved_at IS NULL")
    )


def _tasks() -> None:
    op.create_table(
        "tasks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("stream_id", sa.Integer(), nullable=True, comment="null: of the repository as a whole"),
        sa.Column("kind", sa.Text(), nullable=False, comment="harvest, rolling, reconcile, retry or refresh"),
        sa.Column(
            "host", sa.Text(), nullable=False, comment="as hosts.name: one slice of work serves one host"
        ),
        sa.Column("cron", sa.Text(), nullable=True, comment="five fields, in `zone`; null: by `interval`"),
        sa.Column("zone", sa.Text(), server_default="UTC", nullable=False),
        sa.Column(
            "least", sa.Double(), nullable=False, comment="seconds: the shortest interval that may be learned"
        ),
        sa.Column(
            "most", sa.Double(), nullable=False, comment="seconds: the longest; as `least` where it is fixed"
        ),
        sa.Column("interval", sa.Double(), nullable=False, comment="seconds between two, as learned"),
        sa.Column("next_due_at", MOMENT, nullable=True, comment="null: never by itself"),
        sa.Column("late_at", MOMENT, nullable=True, comment="when it goes before lists that were begun"),
        sa.Column("paused", sa.Boolean(), server_default="false", nullable=False),
        sa.Column(
            "begun_at",
            MOMENT,
            nullable=True,
            comment="when its work was begun that has not ended; null: nothing is open",
        ),
        sa.Column(
            "spend_by",
            MOMENT,
            nullable=True,
            comment="three quarters of the life of its token, as last seen",
        ),
        sa.Column("dies_at", MOMENT, nullable=True, comment="the end of that life"),
        sa.Column("tried_at", MOMENT, nullable=True),
        sa.Column("done_at", MOMENT, nullable=True, comment="when it was last brought to its end"),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False, comment="in a row"),
        sa.Column(
            "crashes",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="slices in a row that ended without a word",
        ),
        sa.Column("outcome", sa.Text(), nullable=True, comment="of the last try"),
        sa.Column("sentence", sa.Text(), nullable=True),
        sa.Column("held", sa.Text(), nullable=True, comment="why a person is needed"),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name="tasks_repository_id_fkey"),
        sa.ForeignKeyConstraint(["stream_id"], ["streams.id"], name="tasks_stream_id_fkey"),
        sa.PrimaryKeyConstraint("id", name="tasks_pkey"),
    )
    op.create_index(
        "tasks_begun",
        "tasks",
        ["host", "dies_at"],
        postgresql_where=sa.text("NOT paused AND held IS NULL AND begun_at IS NOT NULL"),
    )
    op.create_index(
        "tasks_host", "tasks", ["host", "late_at"], postgresql_where=sa.text("NOT paused AND held IS NULL")
    )
    op.create_index(
        "tasks_next_due_at", "tasks", ["next_due_at"], postgresql_where=sa.text("NOT paused AND held IS NULL")
    )
    op.create_index("tasks_repository_id", "tasks", ["repository_id"])
    op.create_index(
        "tasks_repository_id_kind",
        "tasks",
        ["repository_id", "kind"],
        unique=True,
        postgresql_where=sa.text("stream_id IS NULL"),
    )
    op.create_index(
        "tasks_stream_id_kind",
        "tasks",
        ["stream_id", "kind"],
        unique=True,
        postgresql_where=sa.text("stream_id IS NOT NULL"),
    )


def _alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=True, comment="null: of the service as a whole"),
        sa.Column(
            "subject", sa.Text(), nullable=False, comment="what it is about: a stream, a host, the service"
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("evidence", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("since", MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "told_at",
            MOMENT,
            nullable=True,
            comment="when the last of those who are to be told was; null: not yet",
        ),
        sa.Column(
            "deliveries",
            postgresql.JSONB(),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
            comment="who was told of what: {a hash of the webhook or mailbox: {alert, recovery}}",
        ),
        sa.Column("resolved_at", MOMENT, nullable=True),
        sa.Column(
            "recovery_told_at",
            MOMENT,
            nullable=True,
            comment="set too where nobody is to be told of it",
        ),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name="alerts_repository_id_fkey"),
        sa.PrimaryKeyConstraint("id", name="alerts_pkey"),
    )
    op.create_index(
        "alerts_open",
        "alerts",
        ["subject", "kind"],
        unique=True,
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
    op.create_index("alerts_repository_id", "alerts", ["repository_id"])


def _what_is_known() -> None:
    op.add_column(
        "hosts",
        sa.Column(
            "in_hand",
            sa.Boolean(),
            server_default="false",
            nullable=False,
            comment="somebody works there; found so by the next, he died with it in hand",
        ),
    )
    op.add_column(
        "hosts",
        sa.Column(
            "failures",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="in a row, of the host as a whole",
        ),
    )
    op.add_column(
        "hosts",
        sa.Column(
            "closed_until",
            MOMENT,
            nullable=True,
            comment="circuit breaker: until then the schedule leaves it alone",
        ),
    )
    op.add_column(
        "repositories",
        sa.Column(
            "configured",
            sa.Boolean(),
            server_default="false",
            nullable=False,
            comment="harvester.toml names it",
        ),
    )
    op.add_column(
        "repositories",
        sa.Column(
            "every",
            postgresql.JSONB(),
            nullable=True,
            comment="how often, as `harvester add` was told: {least, most, cron, zone}; null: as [defaults]",
        ),
    )
    op.add_column(
        "repositories",
        sa.Column(
            "removed_at", MOMENT, nullable=True, comment="taken out of the schedule; null: it is followed"
        ),
    )
    op.add_column(
        "repositories",
        sa.Column(
            "formats",
            postgresql.JSONB(),
            nullable=True,
            comment="ListMetadataFormats, as last asked: [{prefix, namespace, schema}]",
        ),
    )
    op.add_column(
        "repositories",
        sa.Column(
            "refreshed_at",
            MOMENT,
            nullable=True,
            comment="when ListSets and ListMetadataFormats were last asked",
        ),
    )
    op.add_column(
        "repositories",
        sa.Column(
            "validators",
            postgresql.JSONB(),
            nullable=True,
            comment="ETag and Last-Modified by request: {verb: {etag, last_modified}}",
        ),
    )
    op.add_column(
        "sets", sa.Column("title", sa.Text(), nullable=True, comment="setName, as ListSets tells it")
    )
    op.add_column(
        "sets",
        sa.Column(
            "first_listed_at",
            MOMENT,
            nullable=True,
            comment="when ListSets named it first; null: only headers did",
        ),
    )
    op.add_column(
        "sets", sa.Column("listed_at", MOMENT, nullable=True, comment="when ListSets named it last")
    )
