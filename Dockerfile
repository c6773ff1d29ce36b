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

# Where agents' code runs, if an operator wants it apart: `docker build --target runner`. See manifests/compose.yaml for how it is held.
FROM python:3.12-slim AS runner
WORKDIR /opt/latchkey
COPY requirements-runner.lock ./
RUN python -m venv /opt/runner
RUN /opt/runner/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements-runner.lock
RUN /opt/runner/bin/pip uninstall --yes setuptools pip
COPY adapters/tools/sandbox/cell /opt/latchkey/cell
# matplotlib takes seconds to list fonts: once, here, and not on every run.
RUN MPLCONFIGDIR=/opt/latchkey/fonts /opt/runner/bin/python -B -c "import matplotlib.font_manager"
RUN mkdir /run/latchkey && chown 65534:65534 /run/latchkey
WORKDIR /
USER 65534:65534
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=60s --timeout=5s --start-period=5s \
    CMD ["/opt/runner/bin/python", "-I", "-c", "import socket; socket.socket(socket.AF_UNIX).connect('/run/latchkey/runner.sock')"]
ENTRYPOINT ["/opt/runner/bin/python", "-I", "-B", "-c", "import sys; sys.path.insert(0, '/opt/latchkey'); from cell import server; server.main()"]
CMD ["/run/latchkey/runner.sock"]

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
