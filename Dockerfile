# The indexer as an image: docker compose build. What is installed is what requirements.lock says, by hash.
ARG PYTHON=3.13.9-slim-trixie

FROM python:${PYTHON} AS build
WORKDIR /build
COPY requirements.lock ./
# Wheels of everything that the lock names, checked against its hashes; the next step takes of them what a run needs.
RUN pip wheel --no-cache-dir --require-hashes --no-deps --requirement requirements.lock --wheel-dir wheels
COPY pyproject.toml README.md LICENSE ./
COPY indexer indexer
COPY config config
COPY idl idl
COPY migrations migrations
# The version is that of this folder.
# hadolint ignore=DL3013
RUN python -m venv --without-pip /opt/perps-indexer \
    && pip --python /opt/perps-indexer/bin/python install --no-cache-dir --no-index --find-links wheels '.[fast,parquet]'

FROM python:${PYTHON}
LABEL org.opencontainers.image.title="perps-indexer" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin perps
COPY --from=build /opt/perps-indexer /opt/perps-indexer
ENV PATH=/opt/perps-indexer/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001
STOPSIGNAL SIGTERM
ENTRYPOINT ["perps-indexer"]
CMD ["run"]
