# Two images from one file:
#   docker build --target backend  -t diswm-backend .     API, worker and training: torch (CUDA by plain pip) and headless EGL
#   docker build --target frontend -t diswm-frontend .    the page alone: no torch, no MuJoCo
# `make images` builds both and tries them together; what was seen: docs/decisions/containers.md

FROM python:3.11-slim-bookworm AS base
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    DISWM_HOME=/data
RUN useradd --create-home --uid 1000 diswm && install -d -o diswm -g diswm /data
WORKDIR /app
COPY pyproject.toml setup.py constraints.txt README.md LICENSE NOTICE ./
COPY diswm diswm
# The base image's pip is older than the pinned one.
RUN pip install -c constraints.txt pip setuptools

FROM base AS frontend
# The packages before the sources: a change of the sources then installs nothing again.
RUN mkdir frontend && touch frontend/__init__.py && pip install -c constraints.txt -e '.[frontend]'
COPY frontend frontend
USER diswm
EXPOSE 8501
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import os, urllib.request as r; r.build_opener(r.ProxyHandler({})).open(f\"http://127.0.0.1:8501{os.environ.get('STREAMLIT_SERVER_BASE_URL_PATH', '')}/_stcore/health\", timeout=4)"]
CMD ["python", "-m", "streamlit", "run", "frontend/server.py", "--server.address", "0.0.0.0", "--server.port", "8501", \
     "--server.headless", "true", "--server.fileWatcherType", "none", "--browser.gatherUsageStats", "false"]

FROM base AS backend
ENV MUJOCO_GL=egl \
    PYOPENGL_PLATFORM=egl \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=all
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends libegl1 libgl1 fonts-noto-core fonts-wqy-microhei \
    && rm -rf /var/lib/apt/lists/* \
    # Tells the GL dispatcher of NVIDIA's EGL, which the container toolkit mounts; without a GPU it is passed over for Mesa's.
    && mkdir -p /usr/share/glvnd/egl_vendor.d \
    && echo '{"file_format_version": "1.0.0", "ICD": {"library_path": "libEGL_nvidia.so.0"}}' \
       > /usr/share/glvnd/egl_vendor.d/10_nvidia.json
RUN mkdir backend models && touch backend/__init__.py models/__init__.py && pip install -c constraints.txt -e '.[backend,s3]'
COPY models models
COPY backend backend
COPY checkpoints checkpoints
USER diswm
EXPOSE 8000
# An API that listens beyond the loopback address refuses to start without DISWM_TOKEN.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request as r; r.build_opener(r.ProxyHandler({})).open(f\"http://127.0.0.1:{os.environ.get('DISWM_PORT', '8000')}/healthz\", timeout=4)"]
ENTRYPOINT ["diswm"]
CMD ["serve"]
