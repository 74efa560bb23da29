"""A tag without a letter had an empty slug, and so no address: it gets one. (Whatever else has a slug had a last resort already.)
And a saved search may be as long as a search can be asked, in any script.
"""

from itertools import chain, count

from django.db import migrations, models


def mend(apps, schema_editor):
    tags = apps.get_model("knowledge", "Tag").objects
    for tag in tags.filter(slug=""):  # the column is unique: there is one, or none
        taken = set(tags.filter(slug__startswith="tag").values_list("slug", flat=True))
        numbered = (f"tag_{number}" for number in count(1))
        tag.slug = next(slug for slug in chain(["tag"], numbered) if slug not in taken)
        tag.save(update_fields=["slug"])


class Migration(migrations.Migration):
    dependencies = [("knowledge", "0019_which_database")]

    operations = [
        migrations.RunPython(mend, migrations.RunPython.noop, elidable=True),
        migrations.AlterField("savedsearch", "query", models.CharField(max_length=2600, unique=True)),
    ]
