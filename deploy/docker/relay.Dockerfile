# Image of sightline-relay: docker build --file deploy/docker/relay.Dockerfile --tag sightline-relay .
#
# NATS comes from the environment: SIGHTLINE_NATS__URL=nats://host:4222.
FROM rust:1-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target,id=sightline-relay \
    cargo build --release --locked --package sightline-relay \
    && cp target/release/sightline-relay /usr/local/bin/

FROM debian:bookworm-slim
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /usr/local/bin/sightline-relay /usr/local/bin/
USER 10001:10001
# Reached from outside of the container only as far as its ports are published.
ENV SIGHTLINE_LISTEN=0.0.0.0:8080
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["sightline-relay", "healthcheck"]
ENTRYPOINT ["sightline-relay"]
