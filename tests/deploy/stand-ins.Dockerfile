# Redis and Prometheus from Debian's packages, for machines that reach no registry:
# users, folders and probes as in the images that docker-compose.yml names.
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS redis
ARG DEBIAN_FRONTEND=noninteractive
RUN groupadd --gid 999 redis \
    && useradd --uid 999 --gid 999 --no-create-home --shell /usr/sbin/nologin redis \
    && apt-get update && apt-get install -y --no-install-recommends redis-server \
    && rm -rf /var/lib/apt/lists/* \
    && install -d -o redis -g redis /data
USER 999:999
CMD ["redis-server"]

FROM ${BASE} AS prometheus
ARG DEBIAN_FRONTEND=noninteractive
RUN apt-get update && apt-get install -y --no-install-recommends prometheus wget \
    && rm -rf /var/lib/apt/lists/* \
    && install -d -o 65534 -g 65534 /prometheus
USER 65534:65534
ENTRYPOINT ["prometheus"]
