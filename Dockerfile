# One image for the web server and the worker; compose.yaml runs both, beside PostgreSQL.
# tests/start/test_container.py takes these steps outside Docker; the build itself is not tested.

FROM python:3.11-slim-bookworm AS packages
COPY requirements/main.txt /packages/main.txt
RUN python -m venv /venv \
 && /venv/bin/pip install --no-cache-dir --require-hashes --only-binary :all: --requirement /packages/main.txt

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin commons \
 && install --directory --owner commons --group commons /var/lib/commons
ENV PATH=/venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    COMMONS_VAR=/var/lib/commons \
    STATIC_ROOT=/commons-static/files \
    HOST=0.0.0.0 \
    PORT=8000
COPY --from=packages /venv /venv
COPY . /commons
WORKDIR /commons
# The key is for this step only: a running commons gets one from SECRET_KEY, or makes one in its volume.
RUN SECRET_KEY=collecting python -m commons.prepare --static-only

USER commons
VOLUME /var/lib/commons
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/healthz', timeout=4)"]
# It prepares (migrates, in turn with others), then becomes the web server. The worker: --worker. Without --empty: samples.
ENTRYPOINT ["python", "-m", "commons.start"]
CMD ["--web", "--empty"]
