
import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0001_initial'),
        ('knowledge', '0012_web_push'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Draft',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('title', models.CharField(blank=True, max_length=160)),
                ('body', models.TextField(blank=True, max_length=200000)),
                ('made_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('from_mail', models.BooleanField(default=False)),
            ],
            options={
                'ordering': ['-made_at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='Received',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=64, unique=True)),
                ('sender', models.CharField(blank=True, max_length=254)),
                ('became', models.CharField(choices=[('comment', 'A comment'), ('draft', 'A draft'), ('bounce', 'Mail to its reader stops'), ('refused', 'Refused, with a word to who sent it'), ('ignored', 'Nothing')], default='ignored', max_length=8)),
                ('reason', models.CharField(blank=True, max_length=2000, verbose_name='why, in words')),
                ('made_id', models.BigIntegerField(null=True, verbose_name='the comment or draft it became')),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                'verbose_name_plural': 'received',
            },
        ),
        migrations.AddField(
            model_name='bounce',
            name='kind',
            field=models.CharField(choices=[('hard', 'Its server refuses it'), ('soft', 'It could not be delivered in time'), ('complain', 'Its owner complained')], default='hard', max_length=8),
        ),
        migrations.AddField(
            model_name='bounce',
            name='times',
            field=models.PositiveSmallIntegerField(default=1),
        ),
        migrations.AddField(
            model_name='following',
            name='mail_key',
            field=models.CharField(default=None, max_length=24, null=True, unique=True),
        ),
        migrations.AlterField(
            model_name='bounce',
            name='address',
            field=models.EmailField(max_length=254),
        ),
        migrations.AlterField(
            model_name='letter',
            name='sort',
            field=models.CharField(choices=[('at_once', 'As it happens'), ('daily', 'Daily digest'), ('weekly', 'Weekly digest'), ('confirm', 'Confirming a subscription by e-mail'), ('answer', 'Answer to mail that came')], max_length=8),
        ),
        migrations.AddConstraint(
            model_name='bounce',
            constraint=models.UniqueConstraint(django.db.models.functions.text.Upper('address'), name='bounce_once'),
        ),
        migrations.AddField(
            model_name='draft',
            name='by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='drafts', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='draft',
            name='organization',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization'),
        ),
        migrations.AddIndex(
            model_name='received',
            index=models.Index(fields=['at'], name='received_by_time'),
        ),
        migrations.AddIndex(
            model_name='draft',
            index=models.Index(fields=['by', '-made_at'], name='drafts_of'),
        ),
    ]
