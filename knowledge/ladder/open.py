"""The open vettings, as everybody may read them: the one that closes first comes first."""

from django.contrib.auth.models import AnonymousUser

from knowledge.posts.models import Post

ON_HOME, IN_AN_AREA = 4, 3


def vettings(limit: int = ON_HOME) -> list[Post]:
    """Posts whose organization asks for reviews."""
    return list(_open()[:limit])


def vettings_in(area: int, limit: int = IN_AN_AREA) -> list[Post]:
    """The same in one issue area, those below it included."""
    return list(_open().filter(listings__kind="area", listings__object_id=area)[:limit])


def _open():  # type: ignore[no-untyped-def]
    everyone = Post.objects.visible_to(AnonymousUser())
    return (
        everyone.filter(vetting_until__isnull=False)
        .select_related("organization", "shown")
        .order_by("vetting_until", "number")
    )
