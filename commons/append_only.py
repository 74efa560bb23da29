"""Tables whose rows are written once: the database itself refuses to change or delete them, whoever asks.

A trigger, not a right taken away: the server that comes with the trial has one user, who owns every table. Two settings of a
transaction open it a little, each for one documented purpose:

- `commons.redacting`: an UPDATE may blank texts, and change nothing else (manage.py redact).
- `commons.emptying`: TRUNCATE may empty the table (tests, which begin from an empty one each time).
"""

from django.db.migrations import RunSQL

FUNCTION = """
CREATE FUNCTION commons_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'TRUNCATE' AND current_setting('commons.emptying', true) = 'on' THEN
    RETURN NULL;
  END IF;
  IF TG_OP = 'UPDATE' AND current_setting('commons.redacting', true) = 'on' AND NOT EXISTS (
    SELECT FROM jsonb_each(to_jsonb(OLD)) AS before
    WHERE to_jsonb(NEW) -> before.key IS DISTINCT FROM before.value
      AND NOT (jsonb_typeof(before.value) = 'string' AND to_jsonb(NEW) -> before.key = '""')
  ) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION '% is append-only: what happened is neither changed nor deleted', TG_TABLE_NAME
    USING ERRCODE = 'integrity_constraint_violation';
END $$
"""

make_function = RunSQL(FUNCTION, "DROP FUNCTION commons_append_only()")


def append_only(table: str) -> RunSQL:
    """A migration's operation that makes a table append-only."""
    return RunSQL(
        [
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION commons_append_only()",
            f"CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION commons_append_only()",
        ],
        [f"DROP TRIGGER append_only ON {table}", f"DROP TRIGGER append_only_whole ON {table}"],
    )
