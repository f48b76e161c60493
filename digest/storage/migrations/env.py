"""Alembic's entry: run on the connection that `migrate.upgrade` opened and locked."""

from alembic import context

from digest.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
