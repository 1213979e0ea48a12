# SPDX-License-Identifier: MIT
# The programs and the modules in an image of Debian 12:
#
#     docker build -t manymoons .
#     docker run --rm -v "$PWD:/work" manymoons script.lua
#     docker run --rm manymoons worker redis://host:6379/0 --pool jobs
FROM debian:12-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc make binutils libc6-dev pkg-config \
    libhiredis-dev liblua5.1-0-dev liblua5.3-dev liblua5.4-dev libluajit-5.1-dev
WORKDIR /src
COPY . .
RUN make -j"$(nproc)" SKIP_SETUP=1 && make SKIP_SETUP=1 PREFIX=/usr DESTDIR=/out install

FROM debian:12-slim
RUN apt-get update && apt-get install -y --no-install-recommends libhiredis0.14 libssl3 libreadline8 liblua5.4-0 libluajit-5.1-2 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/usr/bin /usr/bin
COPY --from=build /out/usr/lib /usr/lib
WORKDIR /work
ENTRYPOINT ["manymoons"]
