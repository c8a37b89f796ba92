"""${message}

A migration runs while older processes still read: add what is nullable or has a default, fill in batches, and drop a
column only in the release after the one that stopped using it. No COMPRESSION lz4: the embedded server has none.
"""

from alembic import op
import sqlalchemy as sa
${imports if imports else ""}

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}
