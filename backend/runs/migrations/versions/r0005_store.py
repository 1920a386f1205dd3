"""Where the files of runs, data sets and checkpoints are in the store."""

import sqlalchemy as sa
from alembic import op

revision = "r0005"
down_revision = "r0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, and the table of places."""
    op.add_column("runs", sa.Column("needs", sa.JSON(), nullable=True))
    op.add_column("runs", sa.Column("files", sa.String(), nullable=True))
    op.add_column("runs", sa.Column("files_home", sa.String(), nullable=True))
    op.create_table(
        "places",
        sa.Column("place", sa.String(), primary_key=True),
        sa.Column("files", sa.String(), nullable=False),
    )


def downgrade() -> None:
    """Remove them again."""
    op.drop_table("places")
    with op.batch_alter_table("runs") as runs:
        for name in ("files_home", "files", "needs"):
            runs.drop_column(name)
