"""What the shipped web server calls. Every request is answered by `commons.wsgi`, behind the bridge that keeps slow clients off."""

from commons import news
from commons.serving import Bridge
from commons.streams import Streams
from commons.wsgi import application as wsgi

application = Bridge(wsgi, streams=Streams(news.connection_parameters()))
