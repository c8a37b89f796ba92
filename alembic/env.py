"""Runs the migrations on the connection that harvester.catalogue.migration hands over."""

from alembic import context

from harvester.catalogue.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transaction_per_migration=True,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
