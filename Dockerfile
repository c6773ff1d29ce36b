# Small and non-root. `.ci/prove-dockerfile` walks these steps in a clean root where no container engine is at hand.
# For keeps, pin the base by digest (python:3.12-slim@sha256:...), so that the same commit gives the same image.
FROM python:3.12-slim AS build
WORKDIR /src
RUN python -m venv /opt/latchkey
COPY requirements.lock ./
RUN /opt/latchkey/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements.lock
COPY . ./
RUN /opt/latchkey/bin/pip install --no-cache-dir --no-deps --no-build-isolation .
# What built the project has no business where it runs.
RUN /opt/latchkey/bin/pip uninstall --yes setuptools wheel pip

FROM python:3.12-slim
RUN mkdir /data && chown 65532:65532 /data && chmod 700 /data
COPY --from=build /opt/latchkey /opt/latchkey
ENV LATCHKEY_DATA_DIR=/data LATCHKEY_HOST=0.0.0.0 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /data
USER 65532:65532
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["/opt/latchkey/bin/python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ.get('LATCHKEY_PORT', '8080') + '/healthz', timeout=4)"]
ENTRYPOINT ["/opt/latchkey/bin/latchkey"]
CMD ["serve"]
