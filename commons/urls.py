"""Where every address leads: the ground floor's own, then each floor's list."""

from django.contrib import admin
from django.urls import include, path

from commons import converters, health, webhooks

converters.register()

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("admin/", admin.site.urls),
    path("anymail/", include(webhooks.patterns())),
    path("", include("accounts.urls")),
    path("", include("knowledge.urls")),
]

handler400 = "knowledge.views.errors.bad_request"
handler403 = "knowledge.views.errors.forbidden"
handler404 = "knowledge.views.errors.not_found"
handler429 = "knowledge.views.errors.too_often"
handler500 = "knowledge.views.errors.server_error"
