"""Which home the runs' files belong to, and which process a worker's name belongs to."""

import sqlalchemy as sa
from alembic import op

revision = "r0003"
down_revision = "r0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of the home, and add the owner of a worker's name."""
    op.create_table(
        "homes",
        sa.Column("place", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("id", sa.String(), nullable=False),
    )
    for name in ("host", "incarnation"):
        op.add_column("workers", sa.Column(name, sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    """Remove both again."""
    with op.batch_alter_table("workers") as workers:
        for name in ("host", "incarnation"):
            workers.drop_column(name)
    op.drop_table("homes")
