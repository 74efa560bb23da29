"""What a load balancer asks: does the process answer, and is it ready for readers?"""

import datetime as dt

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

WORKER_SEEN_WITHIN = dt.timedelta(minutes=2)


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers. Asks nothing of the database."""
    return _never_stored(JsonResponse({"status": "ok"}))


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when the database answers, no migration is missing and a worker was seen lately; else 503 with what is not."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT max(last_heartbeat) FROM procrastinate_workers")
            seen = cursor.fetchone()[0]
        executor = MigrationExecutor(connection)
        checks = {
            "database": True,
            "migrations": not executor.migration_plan(executor.loader.graph.leaf_nodes()),
            "worker": bool(seen and timezone.now() - seen < WORKER_SEEN_WITHIN),
        }
    except DatabaseError:
        checks = {"database": False}
    ready = all(checks.values())
    return _never_stored(
        JsonResponse({"status": "ok" if ready else "not ready", **checks}, status=200 if ready else 503)
    )


def _never_stored(response: JsonResponse) -> JsonResponse:
    response["Cache-Control"] = "no-store"
    return response
