import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('knowledge', '0014_drafts'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='LastRead',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField(verbose_name='the number of the version')),
                ('at', models.DateTimeField(verbose_name='when it was first read')),
                ('earlier', models.PositiveIntegerField(null=True)),
                ('earlier_at', models.DateTimeField(null=True)),
                ('member', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='last_reads', to=settings.AUTH_USER_MODEL)),
                ('post', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='last_reads', to='knowledge.post')),
            ],
        ),
        migrations.AddIndex(
            model_name='lastread',
            index=models.Index(fields=['at'], name='last_reads_by_time'),
        ),
        migrations.AddConstraint(
            model_name='lastread',
            constraint=models.UniqueConstraint(fields=('member', 'post'), name='last_read_once'),
        ),
    ]
