"""A worker of some lanes, without what a schedule runs: for tests that say themselves when a minute has passed.

python -m tests.lanes documents pictures
"""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "commons.settings")
    import django

    django.setup()
    from procrastinate.contrib.django import app

    with app.replace_connector(app.connector.get_worker_connector()) as working:
        working.periodic_registry.periodic_tasks.clear()
        working.run_worker(queues=sys.argv[1:], concurrency=2)


if __name__ == "__main__":
    main()
