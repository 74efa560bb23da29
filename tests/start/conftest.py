import os
from urllib.parse import urlsplit

import psycopg
import pytest


@pytest.fixture(scope="session")
def own_database(worker_id):
    """The address of an empty database on the tests' server."""
    name = f"commons_start_{worker_id}"
    address = urlsplit(os.environ["DATABASE_URL"])
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        server.execute(f"CREATE DATABASE {name}")
    yield address._replace(path=f"/{name}").geturl()
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")
