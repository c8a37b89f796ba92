"""Crosswalks that can be run again: versions of formats, unread elements, and where a renormalisation stands."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.add_column(
        "repositories",
        sa.Column(
            "preference",
            postgresql.ARRAY(sa.Text()),
            nullable=True,
            comment="the order of crosswalks by which records.preferred was set; null: none yet",
        ),
    )
    op.add_column(
        "records",
        sa.Column(
            "crosswalk_schema",
            sa.Text(),
            nullable=True,
            comment="version of the format, where its crosswalk reads several",
        ),
    )
    op.add_column(
        "records",
        sa.Column(
            "received",
            moment,
            nullable=True,
            comment="the server's date of the response that brought it as it is",
        ),
    )
    op.alter_column(
        "pages",
        "run_id",
        existing_type=sa.BigInteger(),
        nullable=True,
        comment="null: entries derived again, without a harvest",
    )
    op.alter_column("pages", "window_id", existing_type=sa.BigInteger(), nullable=True)
    # Of records that are there already, our own clock at the commit stands for the server's.
    op.execute(
        "UPDATE records SET received = pages.committed_at FROM pages WHERE pages.id = records.page_id"
    )
    op.create_table(
        "unread_elements",
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("element", sa.Text(), nullable=False),
        sa.Column(
            "seen",
            sa.BigInteger(),
            nullable=False,
            comment="with text that no rule of the crosswalk read",
        ),
        sa.Column("first_seen", moment, server_default=sa.text("now()"), nullable=False),
        sa.Column("last_seen", moment, server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id"], ["repositories.id"], name=op.f("unread_elements_repository_id_fkey")
        ),
        sa.PrimaryKeyConstraint("repository_id", "format", "element", name=op.f("unread_elements_pkey")),
    )
    op.create_table(
        "renormalisations",
        sa.Column(
            "repository_id",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="0: all repositories",
        ),
        sa.Column("slice", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "versions",
            postgresql.JSONB(),
            nullable=False,
            comment="of the crosswalks and the order of formats: with others, all is begun again",
        ),
        sa.Column(
            "last_key",
            postgresql.JSONB(),
            nullable=True,
            comment="item_key in hex, repository_id, format",
        ),
        sa.Column("read", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("changed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column(
            "kept",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="could not be read: keep their entry",
        ),
        sa.Column(
            "unread",
            postgresql.JSONB(),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
            comment="[repository_id, format, {element: seen}]",
        ),
        sa.Column("finished", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("begun_at", moment, server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", moment, server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("repository_id", "slice", name=op.f("renormalisations_pkey")),
    )
