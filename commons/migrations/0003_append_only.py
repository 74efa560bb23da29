from django.db import migrations

from commons.append_only import append_only, make_function


class Migration(migrations.Migration):
    dependencies = [("commons", "0002_ladder_facts")]

    operations = [make_function, append_only("commons_activity")]
