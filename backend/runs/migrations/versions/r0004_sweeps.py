"""Which sweep a run belongs to."""

import sqlalchemy as sa
from alembic import op

revision = "r0004"
down_revision = "r0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and its index."""
    op.add_column("runs", sa.Column("sweep", sa.String(), nullable=True))
    op.create_index("runs_by_sweep", "runs", ["sweep"])


def downgrade() -> None:
    """Remove both again."""
    op.drop_index("runs_by_sweep", "runs")
    with op.batch_alter_table("runs") as runs:
        runs.drop_column("sweep")
