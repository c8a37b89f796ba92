"""The first shape of the catalogue."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(sa.schema.CreateSequence(sa.Sequence("page_ids")))
    op.execute(sa.schema.CreateSequence(sa.Sequence("feed_seq")))
    op.create_table(
        "hosts",
        sa.Column(
            "name",
            sa.Text(),
            nullable=False,
            comment="lower case, with the port where it is not the scheme's own",
        ),
        sa.Column("next_allowed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "waiting_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when somebody began to wait for this host's lock",
        ),
        sa.Column(
            "pause",
            sa.Double(),
            server_default="0",
            nullable=False,
            comment="seconds between requests after penalties",
        ),
        sa.Column("penalised_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("hosts_pkey")),
    )
    op.create_table(
        "pages",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("window_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("received", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column(
            "committed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pages_pkey")),
        sa.UniqueConstraint("seq", name=op.f("pages_seq_key")),
    )
    op.create_table(
        "records",
        sa.Column(
            "item_key",
            sa.LargeBinary(),
            nullable=False,
            comment="a hash of repository and identifier, 16 bytes",
        ),
        sa.Column("repository_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("format", sa.Text(), nullable=False, comment="the metadataPrefix"),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("datestamp", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "datestamp_raw",
            sa.Text(),
            nullable=False,
            comment="as the repository wrote it; empty where it wrote none",
        ),
        sa.Column(
            "sets", postgresql.ARRAY(sa.Integer()), nullable=False, comment="of the header, and those proven"
        ),
        sa.Column(
            "proven_sets",
            postgresql.ARRAY(sa.Integer()),
            nullable=False,
            comment="by a stream of that set; end only by its reconciliation",
        ),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("deleted_reason", sa.Text(), nullable=True),
        sa.Column(
            "preferred",
            sa.Boolean(),
            nullable=False,
            comment="stands for its item among the formats harvested",
        ),
        sa.Column("hash", sa.LargeBinary(), nullable=True, comment="sha256 of the canonical metadata"),
        sa.Column("crosswalk", sa.Text(), nullable=True),
        sa.Column("crosswalk_version", sa.SmallInteger(), nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("creators", sa.Text(), nullable=True),
        sa.Column("doi", sa.Text(), nullable=True),
        sa.Column("year", sa.Integer(), nullable=True),
        sa.Column("type", sa.Text(), nullable=True),
        sa.Column(
            "entry",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="without absent values, the title, and an abstract that is its first description",
        ),
        sa.Column("xml", sa.LargeBinary(), nullable=True, comment="canonical metadata, zstd"),
        sa.Column("dictionary_id", sa.Integer(), nullable=True),
        sa.Column("about", sa.LargeBinary(), nullable=True, comment="zstd"),
        sa.Column("first_seen", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("page_id", sa.BigInteger(), nullable=False, comment="the page that last changed it"),
        sa.PrimaryKeyConstraint("item_key", "repository_id", "format", name=op.f("records_pkey")),
        postgresql_with={"toast_tuple_target": 8160},
    )
    op.create_index(
        "records_doi",
        "records",
        ["doi"],
        unique=False,
        postgresql_using="hash",
        postgresql_where=sa.text("doi IS NOT NULL"),
    )
    op.create_index("records_page_id", "records", ["page_id"], unique=False)
    op.create_index(
        "records_search",
        "records",
        [
            sa.literal_column(
                "to_tsvector('simple', left(coalesce(title, ''), 65536) || ' ' || left(coalesce(creators, ''), 65536))"
            )
        ],
        unique=False,
        postgresql_using="gin",
    )
    op.create_index("records_sets", "records", ["sets"], unique=False, postgresql_using="gin")
    op.create_table(
        "repositories",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("base_url", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("granularity", sa.Text(), nullable=True),
        sa.Column("deleted_record", sa.Text(), nullable=True),
        sa.Column("identify", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("identified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("page_size", sa.Integer(), nullable=True, comment="records on a full page, as observed"),
        sa.Column("idempotent_tokens", sa.Boolean(), nullable=True, comment="null: not known"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("repositories_pkey")),
        sa.UniqueConstraint("name", name=op.f("repositories_name_key")),
    )
    op.create_table(
        "tallies",
        sa.Column("repository_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column(
            "set_id",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="0: all records of the format",
        ),
        sa.Column("live", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("deleted", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("repository_id", "format", "set_id", name=op.f("tallies_pkey")),
    )
    op.create_table(
        "dictionaries",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False, comment="zstd; never changed once used"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id"], ["repositories.id"], name=op.f("dictionaries_repository_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("dictionaries_pkey")),
        sa.UniqueConstraint("repository_id", "format", name=op.f("dictionaries_repository_id_format_key")),
    )
    op.create_table(
        "quarantine",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("set_spec", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "key", sa.LargeBinary(), nullable=False, comment="a hash of the identifier, or of the bytes"
        ),
        sa.Column("identifier", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False, comment="the bytes as they came, zstd"),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("first_seen", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_seen", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["repository_id"], ["repositories.id"], name=op.f("quarantine_repository_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("quarantine_pkey")),
        sa.UniqueConstraint(
            "repository_id", "format", "key", name=op.f("quarantine_repository_id_format_key_key")
        ),
    )
    op.create_table(
        "sets",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column(
            "spec_key",
            sa.LargeBinary(),
            nullable=False,
            comment="a hash: a setSpec may be too long for an index",
        ),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("sets_repository_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("sets_pkey")),
        sa.UniqueConstraint("repository_id", "spec_key", name=op.f("sets_repository_id_spec_key_key")),
    )
    op.create_table(
        "streams",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("set_spec", sa.Text(), server_default="", nullable=False, comment="empty: without a set"),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column(
            "watermark",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="the server's clock; where the next incremental harvest begins, less an overlap",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id"], ["repositories.id"], name=op.f("streams_repository_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("streams_pkey")),
        sa.UniqueConstraint(
            "repository_id", "format", "set_spec", name=op.f("streams_repository_id_format_set_spec_key")
        ),
    )
    op.create_table(
        "plans",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("stream_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="full, incremental or range"),
        sa.Column("from_", sa.DateTime(timezone=True), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("granularity", sa.Text(), nullable=False),
        sa.Column(
            "candidate_watermark",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="responseDate of the plan's first response",
        ),
        sa.Column(
            "state", sa.Text(), server_default="open", nullable=False, comment="open, done or abandoned"
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["stream_id"], ["streams.id"], name=op.f("plans_stream_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("plans_pkey")),
    )
    op.create_index(op.f("plans_stream_id"), "plans", ["stream_id"], unique=False)
    op.create_table(
        "runs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("stream_id", sa.Integer(), nullable=False),
        sa.Column("plan_id", sa.BigInteger(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True, comment="null while it runs"),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("sentence", sa.Text(), nullable=True),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("pages", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("requests", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("received", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("updated", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("unchanged", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("deleted", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("quarantined", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("restarts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column(
            "repairs",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column(
            "unread",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("runs_plan_id_fkey")),
        sa.ForeignKeyConstraint(["stream_id"], ["streams.id"], name=op.f("runs_stream_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("runs_pkey")),
    )
    op.create_index(op.f("runs_stream_id"), "runs", ["stream_id"], unique=False)
    op.create_table(
        "windows",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("plan_id", sa.BigInteger(), nullable=False),
        sa.Column("from_", sa.DateTime(timezone=True), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "state", sa.Text(), server_default="open", nullable=False, comment="open, ended or abandoned"
        ),
        sa.Column("fence", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("token", sa.Text(), nullable=True),
        sa.Column("token_received_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("token_life", sa.Double(), nullable=True, comment="seconds, by the server's two stamps"),
        sa.Column("complete_list_size", sa.BigInteger(), nullable=True),
        sa.Column(
            "pages", sa.Integer(), server_default="0", nullable=False, comment="since the last restart"
        ),
        sa.Column(
            "received",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="since the last restart, twins once",
        ),
        sa.Column("restarts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("reread", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("ending", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("windows_plan_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("windows_pkey")),
    )
    op.create_index(op.f("windows_plan_id"), "windows", ["plan_id"], unique=False)
    # Compressed by us: the server need not try again.
    op.execute("ALTER TABLE records ALTER COLUMN xml SET STORAGE EXTERNAL")
