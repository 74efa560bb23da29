"""What the shipped web server calls. Every request is answered by `commons.wsgi`, behind the bridge that keeps slow clients off."""

from commons.serving import Bridge
from commons.wsgi import application as wsgi

application = Bridge(wsgi)
