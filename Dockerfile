# The images of the agent (target `poplin`) and of BIRD beside it (target `poplin-bird`), for amd64
# and arm64. What they hold is put together on the building machine's own architecture: programs of
# Debian packages with the libraries that they need, Node.js and koffi from npm, our own files. No
# shell and no package manager is in the agent's. Another base for building: --build-arg BASE=…;
# it needs apt, Node.js and npm (scripts/image.sh assembles one where no registry can be reached).
ARG BASE=node:24-bookworm-slim
FROM --platform=$BUILDPLATFORM ${BASE} AS build
ARG TARGETARCH
RUN packages="make binutils"; \
    if [ "$TARGETARCH" = "$(dpkg --print-architecture)" ]; then packages="$packages musl-tools"; \
    elif [ "$TARGETARCH" = arm64 ]; then \
      packages="$packages gcc-aarch64-linux-gnu libc6-dev-arm64-cross"; \
    else packages="$packages gcc-x86-64-linux-gnu libc6-dev-amd64-cross"; fi; \
    if ! dpkg -s $packages >/dev/null 2>&1; then \
      apt-get update -qq && apt-get install -y -qq --no-install-recommends $packages; fi
WORKDIR /src

# The executable that runtimes start, static.
COPY cni cni
RUN triplet=aarch64-linux-gnu; \
    if [ "$TARGETARCH" = amd64 ]; then triplet=x86-64-linux-gnu; fi; \
    if [ "$TARGETARCH" = "$(dpkg --print-architecture)" ]; then make -C cni; \
    else make -C cni CC=$triplet-gcc; fi

# What the bundle loads when it runs: koffi, etcd's client, Node.js itself. @kubernetes/client-node
# is left out: it is for kubeconfigs that start programs, and there are none in the image.
COPY package.json package-lock.json ./
COPY scripts/image scripts/image
RUN mkdir target && cp package-lock.json target/ && \
    node scripts/image/runtime-package.cjs package.json >target/package.json && cd target && \
    cpu=$TARGETARCH && if [ "$cpu" = amd64 ]; then cpu=x64; fi && \
    npm install --no-save --ignore-scripts --no-audit --no-fund --loglevel=error \
      --os=linux --libc=glibc --cpu=$cpu && \
    mkdir -p /rootfs/usr/bin && strip=strip && \
    if [ "$TARGETARCH" = arm64 ] && [ "$(dpkg --print-architecture)" != arm64 ]; then \
      strip=aarch64-linux-gnu-strip; fi && \
    if [ "$TARGETARCH" = amd64 ] && [ "$(dpkg --print-architecture)" != amd64 ]; then \
      strip=x86-64-linux-gnu-strip; fi && \
    $strip -o /rootfs/usr/bin/node node_modules/node-linux-$cpu/bin/node && \
    rm -rf node_modules/node-linux-* node_modules/.bin node_modules/.package-lock.json \
      node_modules/@koromix/koffi-linux-*/musl_* node_modules/koffi/src/koffi/src/*/ \
      node_modules/koffi/vendor node_modules/koffi/doc node_modules/koffi/lib && \
    find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.md' \
      -o -name '*.c' -o -name '*.h' \) -delete && find node_modules -type d -empty -delete

# The bundle, by the esbuild of the lock file.
COPY tsconfig.json ./
COPY src src
COPY scripts/build.sh scripts/bird-run.sh scripts/
RUN node scripts/image/build-package.cjs package.json >/tmp/package.json && \
    mv /tmp/package.json package.json && \
    npm install --no-save --ignore-scripts --no-audit --no-fund --loglevel=error && \
    sh scripts/build.sh

RUN sh scripts/image/rootfs.sh "$TARGETARCH" /rootfs nftables /usr/bin/node /usr/sbin/nft && \
    mkdir -p /rootfs/poplin/bin /rootfs/poplin/cni/build && cd /rootfs && \
    { echo '#!/usr/bin/node --max-semi-space-size=1' && cat /src/dist/poplin.cjs; } >poplin/bin/poplin && \
    chmod 755 poplin/bin/poplin && cp -R /src/dist/web poplin/bin/ && \
    install -m 755 /src/scripts/bird-run.sh poplin/bin/poplin-bird && cp /src/cni/build/poplin poplin/cni/build/ && \
    cp -R /src/target/node_modules poplin/ && cp -R /src/scripts/image/skeleton/. . && \
    mkdir -p proc sys dev tmp run/poplin run/netns var/lib/poplin var/lib/cni opt/cni/bin \
      etc/cni/net.d etc/poplin host/proc/sys/net && ln -s ../run var/run && : >etc/machine-id

FROM --platform=$BUILDPLATFORM build AS build-bird
ARG TARGETARCH
RUN sh scripts/image/rootfs.sh "$TARGETARCH" /bird 'bird2 busybox-static' \
      /usr/sbin/bird /usr/sbin/birdcl /bin/busybox && cd /bird && \
    for applet in cat cmp mv rm sh sleep; do ln -s busybox "bin/$applet"; done && \
    mkdir -p poplin/bin && cp /src/scripts/bird-run.sh poplin/bin/poplin-bird && \
    cp -R /src/scripts/image/skeleton/. . && chmod 755 poplin/bin/poplin-bird && \
    mkdir -p proc sys dev tmp run/poplin/bird var && ln -s ../run var/run

FROM scratch AS poplin-bird
COPY --from=build-bird /bird /
ENV PATH=/usr/sbin:/usr/bin:/bin
ENTRYPOINT ["/poplin/bin/poplin-bird"]
LABEL org.opencontainers.image.title="poplin-bird" \
      org.opencontainers.image.licenses="GPL-2.0-or-later"

FROM scratch AS poplin
COPY --from=build /rootfs /
ENV PATH=/poplin/bin:/usr/sbin:/usr/bin
ENTRYPOINT ["/poplin/bin/poplin"]
CMD ["agent"]
LABEL org.opencontainers.image.title="poplin" \
      org.opencontainers.image.licenses="Apache-2.0"
