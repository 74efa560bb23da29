from django.db import migrations

from commons.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [("knowledge", "0003_evidence_and_moves"), ("commons", "0003_append_only")]

    operations = [
        append_only("knowledge_version"),
        append_only("knowledge_move"),
        append_only("knowledge_lesson"),
        append_only("knowledge_earliertext"),
    ]
