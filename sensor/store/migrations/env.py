"""What Alembic runs: the migrations, in the transaction of who opened the database."""

from alembic import context

from sensor.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
context.run_migrations()
