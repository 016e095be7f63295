# The plugin alone: docker build -f examples/network/plugin.Dockerfile -t network-plugin .
FROM rust:1 AS build
WORKDIR /src
COPY . .
RUN cargo build --release --example network-plugin

FROM debian:stable-slim
COPY --from=build /src/target/release/examples/network-plugin /usr/local/bin/
ENV BASIC_PLUGIN=hello PLUGIN_HOST=true
EXPOSE 10000
USER nobody
ENTRYPOINT ["network-plugin", "--listen", "0.0.0.0:10000", "--tls", "/etc/plugin-tls"]
