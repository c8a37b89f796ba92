"""Windows that can be cut, traits, history, takedowns, reconciliations, and a quarantine that is asked for again."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _repositories()
    _ledger()
    _quarantine()
    _history()
    _takedowns()
    _reconciliations()


def _repositories() -> None:
    op.add_column(
        "repositories",
        sa.Column(
            "traits",
            postgresql.JSONB(),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
            comment="what it was observed to do: {name: {value, at, how}}",
        ),
    )
    for name in ("page_size", "idempotent_tokens"):
        op.execute(
            "UPDATE repositories SET traits = traits || jsonb_build_object('%s', jsonb_build_object("
            "'value', %s, 'at', now(), 'how', 'observed by an earlier release')) WHERE %s IS NOT NULL"
            % (name, name, name)
        )
        op.drop_column("repositories", name)
    op.add_column(
        "streams",
        sa.Column(
            "rolled_to", MOMENT, comment="up to which datestamp records were harvested again, in this cycle"
        ),
    )
    op.add_column("streams", sa.Column("rolled_at", MOMENT, comment="when a slice was last harvested again"))


def _ledger() -> None:
    op.alter_column(
        "plans",
        "kind",
        existing_type=sa.Text(),
        existing_nullable=False,
        comment="full, incremental, range, rolling or reconcile",
    )
    op.add_column(
        "plans",
        sa.Column(
            "size",
            sa.BigInteger(),
            comment="completeListSize of the whole, before it was cut into windows",
        ),
    )
    op.alter_column(
        "windows",
        "state",
        existing_type=sa.Text(),
        existing_nullable=False,
        existing_server_default="open",
        comment="open, ended, split or abandoned",
    )
    for column in (
        sa.Column("set_spec", sa.Text(), comment="of this window only: a repository whose sets are months"),
        sa.Column(
            "way",
            sa.Text(),
            server_default="ListRecords",
            nullable=False,
            comment="ListRecords, GetRecord (identifier by identifier) or ListIdentifiers (headers only)",
        ),
        sa.Column(
            "failures",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="attempts in vain, in a row",
        ),
        sa.Column(
            "moved",
            sa.Boolean(),
            server_default="false",
            nullable=False,
            comment="the list changed while it was read",
        ),
        sa.Column(
            "skipped",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="not asked for: held as the list names them",
        ),
        sa.Column(
            "outside",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="received, but not asked for",
        ),
    ):
        op.add_column("windows", column)
    op.add_column(
        "runs",
        sa.Column(
            "kind",
            sa.Text(),
            server_default="harvest",
            nullable=False,
            comment="harvest, reconcile or retry",
        ),
    )


def _quarantine() -> None:
    for column in (
        sa.Column(
            "position",
            sa.BigInteger(),
            comment="of the first byte in the answer, where the answer was not well-formed",
        ),
        sa.Column("evidence", postgresql.JSONB(), comment="of the last failed request: url, status, excerpt"),
        sa.Column(
            "tries", sa.Integer(), server_default="0", nullable=False, comment="asked for again in vain"
        ),
        sa.Column(
            "retry_at",
            MOMENT,
            server_default=sa.text("now()"),
            nullable=False,
            comment="not to be asked for before",
        ),
        sa.Column("resolution", sa.Text(), comment="came_whole, gone or purged"),
    ):
        op.add_column("quarantine", column)


def _history() -> None:
    op.create_table(
        "history",
        sa.Column("item_key", sa.LargeBinary(), nullable=False),
        sa.Column("repository_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column(
            "page_id",
            sa.BigInteger(),
            autoincrement=False,
            nullable=False,
            comment="the page that had brought this version",
        ),
        sa.Column("ended_by", sa.BigInteger(), nullable=False, comment="the page that brought the next"),
        sa.Column("ended_at", MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.Column("received", MOMENT),
        sa.Column("datestamp", MOMENT, nullable=False),
        sa.Column("datestamp_raw", sa.Text(), nullable=False),
        sa.Column("sets", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("deleted_reason", sa.Text()),
        sa.Column("hash", sa.LargeBinary()),
        sa.Column("crosswalk", sa.Text()),
        sa.Column("crosswalk_version", sa.SmallInteger()),
        sa.Column("title", sa.Text()),
        sa.Column("entry", postgresql.JSONB()),
        sa.Column("xml", sa.LargeBinary()),
        sa.Column("dictionary_id", sa.Integer()),
        sa.Column("about", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("item_key", "repository_id", "format", "page_id", name=op.f("history_pkey")),
    )
    op.create_index("history_ended_at", "history", ["repository_id", "ended_at"])


def _takedowns() -> None:
    op.create_table(
        "takedowns",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("item_key", sa.LargeBinary(), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="suppress or purge"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "done_by",
            sa.Text(),
            nullable=False,
            comment="the account on the machine where it was done",
        ),
        sa.Column("done_at", MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.Column("undone_at", MOMENT),
        sa.Column("undone_by", sa.Text()),
        sa.Column("undone_reason", sa.Text()),
        sa.ForeignKeyConstraint(
            ["repository_id"], ["repositories.id"], name=op.f("takedowns_repository_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("takedowns_pkey")),
    )
    op.create_index(
        "takedowns_item_key", "takedowns", ["item_key"], postgresql_where=sa.text("undone_at IS NULL")
    )


def _reconciliations() -> None:
    op.create_table(
        "census",
        sa.Column("plan_id", sa.BigInteger(), nullable=False),
        sa.Column("item_key", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("census_plan_id_fkey")),
        sa.PrimaryKeyConstraint("plan_id", "item_key", name=op.f("census_pkey")),
    )
    counts = {
        "listed": "identifiers that the repository lists",
        "live": "live records of the stream before",
        "absent": "live records that it does not list",
        "removed": "tombstones made",
        "left_set": "memberships ended",
        "found": "absent from the list, and there all the same",
    }
    op.create_table(
        "reconciliations",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("stream_id", sa.Integer(), nullable=False),
        sa.Column("plan_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), comment="the run that has last worked on it"),
        sa.Column(
            "state",
            sa.Text(),
            server_default="listing",
            nullable=False,
            comment="listing, held, confirming, done, abandoned or reverted",
        ),
        *(
            sa.Column(name, sa.BigInteger(), server_default="0", nullable=False, comment=comment)
            for name, comment in counts.items()
        ),
        sa.Column("sentence", sa.Text()),
        sa.Column("approved_at", MOMENT),
        sa.Column("begun_at", MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", MOMENT),
        sa.ForeignKeyConstraint(
            ["stream_id"], ["streams.id"], name=op.f("reconciliations_stream_id_fkey")
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("reconciliations_plan_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("reconciliations_pkey")),
    )
    op.create_index("reconciliations_stream_id", "reconciliations", ["stream_id"])
