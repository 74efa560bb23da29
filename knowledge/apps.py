from django.apps import AppConfig


class KnowledgeConfig(AppConfig):
    name = "knowledge"
    verbose_name = "What people make"

    def ready(self) -> None:
        from commons.account_mail import mail_hold
        from knowledge import hooks
        from knowledge.notifications.sending import held_since

        hooks.listen()
        mail_hold.read_from(held_since)
