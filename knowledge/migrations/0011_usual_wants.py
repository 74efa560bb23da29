from django.db import migrations

# What a subscription from before was to: what a new one of its kind is to by default
TO_ALL = "UPDATE knowledge_subscription SET wants = '{moves,aside,vettings,reports,new,versions,comments}' WHERE kind = 'post'"
TO_TOPIC = "UPDATE knowledge_subscription SET wants = '{moves,aside,vettings,reports,new}' WHERE kind <> 'post'"


class Migration(migrations.Migration):
    dependencies = [("knowledge", "0010_following")]

    operations = [migrations.RunSQL([TO_ALL, TO_TOPIC], migrations.RunSQL.noop)]
