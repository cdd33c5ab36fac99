# docker build -t varscore .
# docker run --rm --user "$(id -u):$(id -g)" -v "$PWD":/data varscore score my.vcf.gz -g hg38.fa ...
FROM python:3.11-slim-bookworm AS build
WORKDIR /source
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.11-slim-bookworm
# PyTorch for CPUs is a tenth of the size of the one for GPUs. For GPUs build with
# --build-arg TORCH_INDEX=https://pypi.org/simple and run with --gpus all.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
COPY constraints.txt /tmp/constraints.txt
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --constraint /tmp/constraints.txt --index-url "$TORCH_INDEX" torch \
    && wheel=$(find /wheels -name 'varscore-*.whl') \
    && pip install --no-cache-dir --constraint /tmp/constraints.txt "${wheel}[workflow]" \
    && rm /tmp/constraints.txt
# Caches of compiled loops, of models and of figures are nobody's in particular.
ENV NUMBA_CACHE_DIR=/cache/numba VARSCORE_CACHE=/cache/varscore MPLCONFIGDIR=/cache/matplotlib
RUN install -d -m 1777 /cache /cache/numba /cache/varscore /cache/matplotlib
WORKDIR /data
USER 1000:1000
ENTRYPOINT ["varscore"]
CMD ["--help"]
