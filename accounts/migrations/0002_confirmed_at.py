"""When a member first signed in, for which an address must be confirmed; of those who have done so, when they joined."""

from django.db import migrations, models
from django.db.models import Exists, F, OuterRef

BATCH = 2_000  # members of one statement, so that none is locked for long


def fill_in(apps, schema_editor):
    Member = apps.get_model("accounts", "Member")
    EmailAddress = apps.get_model("account", "EmailAddress")
    confirmed = EmailAddress.objects.filter(user=OuterRef("pk"), verified=True)
    waiting = Member.objects.filter(Exists(confirmed), confirmed_at=None).order_by("pk")
    while numbers := list(waiting.values_list("pk", flat=True)[:BATCH]):
        Member.objects.filter(pk__in=numbers).update(confirmed_at=F("joined_at"))


class Migration(migrations.Migration):
    atomic = False  # the column is there at once; filling it in holds no lock on the table, and may be begun again

    dependencies = [
        ("accounts", "0001_initial"),
        ("account", "0001_initial"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "ALTER TABLE accounts_member ADD COLUMN IF NOT EXISTS confirmed_at timestamp with time zone NULL",
                    "ALTER TABLE accounts_member DROP COLUMN IF EXISTS confirmed_at",
                )
            ],
            state_operations=[
                migrations.AddField("member", "confirmed_at", models.DateTimeField(editable=False, null=True))
            ],
        ),
        migrations.RunPython(fill_in, migrations.RunPython.noop),
    ]
