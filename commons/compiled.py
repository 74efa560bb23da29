"""Small queries that many pages ask: built once, then only run.

Putting a small query together with the ORM takes several times the processor time of running it. The ORM still writes it,
so that a rule or a column stands in one place.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, ParamSpec

from django.db import connection
from django.db.models import QuerySet

P = ParamSpec("P")

MARK = 2_000_000_000  # marks the place of the first argument, the next whole number that of the second …


class Compiled(Generic[P]):
    """A query whose arguments are whole numbers or texts. Called with them, it gives the rows as tuples.

    `build` is called once, with a mark for each argument, and must put each into the query as it came: the query may not
    depend on what the arguments are.
    """

    def __init__(self, build: Callable[P, QuerySet[Any, Any]]) -> None:
        self.build = build
        self.__doc__ = build.__doc__
        self.sql = ""
        self.places: list[tuple[type, int] | None] = []
        self.params: list[Any] = []

    def __call__(self, *values: P.args, **_: P.kwargs) -> list[tuple[Any, ...]]:
        if not self.sql:
            self._compile(len(values))
        params = [
            value if place is None else place[0](values[place[1]])
            for value, place in zip(self.params, self.places, strict=True)
        ]
        with connection.cursor() as cursor:
            cursor.execute(self.sql, params)
            return cursor.fetchall()

    def _compile(self, arguments: int) -> None:
        marks = [MARK + number for number in range(arguments)]
        sql, params = self.build(*marks).query.sql_with_params()  # type: ignore[call-arg, arg-type]
        found = {str(mark): number for number, mark in enumerate(marks)}
        places = [(type(param), found[str(param)]) if str(param) in found else None for param in params]
        assert {place[1] for place in places if place} == set(found.values()), "an argument is nowhere in the query"
        self.places, self.params, self.sql = places, list(params), sql


@contextmanager
def planned_once(cursor: Any) -> Iterator[None]:
    """Within this, a statement's plan is made once for each connection, whatever it is asked with.

    For a statement of many parts, each of which finds little: to plan it anew takes ten times what it takes to run it, and
    PostgreSQL would, because it believes that it knows more with the values in hand.
    """
    cursor.execute("SET plan_cache_mode = force_generic_plan")
    try:
        yield
    except BaseException:
        if not connection.in_atomic_block:  # else it goes with what is rolled back
            cursor.execute("RESET plan_cache_mode")
        raise
    cursor.execute("RESET plan_cache_mode")
