# One image for all roles: serve (the default), work and migrate. It builds for amd64 and arm64.

FROM --platform=$BUILDPLATFORM golang:1.26.8-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG TARGETOS TARGETARCH
ARG VERSION=1.0.0 COMMIT=
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -buildvcs=false -ldflags "-s -w -X risingstars/app.version=$VERSION -X risingstars/app.revision=$COMMIT" -o /out/app .

# The certificates of databases on AWS: deploy.sh replaces this stage by a folder that has them; elsewhere there are none.
FROM debian:12.12-slim AS rds
RUN mkdir /rds

FROM debian:12.12-slim
# ffmpeg's packages depend on graphics drivers and their compiler: 160 MB that nothing here loads.
RUN printf 'path-exclude=/usr/lib/*/%s\n' 'dri/*' 'libLLVM-*' 'libz3.so*' >/etc/dpkg/dpkg.cfg.d/showcase \
    && apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates ffmpeg \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log \
    && groupadd --gid 10001 app \
    && useradd --uid 10001 --gid app --no-create-home --home-dir /data --shell /usr/sbin/nologin app \
    && install -d -o app -g app -m 0755 /data
COPY --from=rds /rds/ /usr/local/share/rds/
COPY --from=build /out/app /usr/local/bin/app
# After the packages, so that a new version reuses their layer.
ARG VERSION=1.0.0
LABEL org.opencontainers.image.title="Rising Stars Showcase" \
      org.opencontainers.image.description="A video contest in one binary" \
      org.opencontainers.image.version=$VERSION
USER 10001:10001
ENV DATA_DIR=/data HTTP_ADDR=:8000 LOG_FORMAT=json
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["app", "healthcheck"]
ENTRYPOINT ["app"]
CMD ["serve"]
