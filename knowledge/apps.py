from django.apps import AppConfig


class KnowledgeConfig(AppConfig):
    name = "knowledge"
    verbose_name = "What people make"

    def ready(self) -> None:
        from knowledge import hooks

        hooks.listen()
