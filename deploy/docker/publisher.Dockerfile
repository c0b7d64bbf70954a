# Image of sightline-publisher: docker build --file deploy/docker/publisher.Dockerfile --tag sightline-publisher .
#
# Cameras come from a mounted file (SIGHTLINE_CONFIG) or the environment (SIGHTLINE_CAMERAS__GATE__SOURCE=...).
# A camera of the host needs `--device /dev/video0 --group-add video`. exec: sources need their program: put it
# on top with an image of your own.
FROM rust:1-bookworm AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libclang1 cmake nasm \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target,id=sightline-publisher \
    cargo build --release --locked --package sightline-publisher --features turbojpeg \
    && cp target/release/sightline-publisher /usr/local/bin/

FROM debian:bookworm-slim
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /usr/local/bin/sightline-publisher /usr/local/bin/
USER 10001:10001
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["sightline-publisher", "healthcheck"]
ENTRYPOINT ["sightline-publisher"]
