"""Addresses out of lists, and pauses that outlive the time in which a repository is out of the schedule."""

from alembic import op
import sqlalchemy as sa

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "repositories",
        sa.Column(
            "imported",
            sa.Boolean(),
            server_default="false",
            nullable=False,
            comment="out of a list, its address written by nobody here",
        ),
    )
    op.add_column(
        "repositories",
        sa.Column(
            "paused",
            sa.Boolean(),
            server_default="false",
            nullable=False,
            comment="until a person resumes it, also when it was out of the schedule meanwhile",
        ),
    )
    op.execute(
        "UPDATE repositories SET paused = true WHERE id IN (SELECT repository_id FROM tasks WHERE paused)"
    )
