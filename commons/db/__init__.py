"""Django's own PostgreSQL backend, which also tells what failed and what may have been kept, and gives up a silent line."""
