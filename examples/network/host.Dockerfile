# The host alone: docker build -f examples/network/host.Dockerfile -t network-host .
FROM rust:1 AS build
WORKDIR /src
COPY . .
RUN cargo build --release --example network-host

FROM debian:stable-slim
COPY --from=build /src/target/release/examples/network-host /usr/local/bin/
USER nobody
ENTRYPOINT ["network-host", "--tls", "/etc/plugin-tls"]
