# The three targets differ only in TASKFLOW_ROLE.
#   docker build -t taskflow .                          accepts and runs jobs
#   docker build -t taskflow-api --target api .         accepts jobs
#   docker build -t taskflow-worker --target worker .   runs jobs
# To pin the base image, name it by its digest: --build-arg NODE_IMAGE=node:24-trixie-slim@sha256:…
ARG NODE_IMAGE=node:24-trixie-slim
FROM ${NODE_IMAGE} AS base
WORKDIR /app

# No package needs its install script, so none runs.
FROM base AS build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/build*.mjs scripts/uwebsockets.* scripts/
COPY src src
RUN npm run build

# uWebSockets.js has a binary for every platform and Node version: this stage removes all but the one that this Node
# loads. It also removes types, source maps, and the second copy of the S3 client, which only bundlers use.
FROM base AS dependencies
# The URL of a tarball with another build of uWebSockets.js than that in package-lock.json (README, Deployment). Its
# files are not checked.
ARG UWEBSOCKETS=
COPY package.json package-lock.json .npmrc ./
COPY scripts/uwebsockets.* scripts/
RUN npm ci --ignore-scripts --omit=dev \
 && if [ -n "$UWEBSOCKETS" ]; then npm install --no-save --ignore-scripts --omit=dev "uWebSockets.js@$UWEBSOCKETS"; \
    else node scripts/uwebsockets.mjs node_modules/uWebSockets.js; fi \
 && node -e 'const { readdirSync, rmSync } = require("node:fs"); \
      const own = ["uws", process.platform, process.arch, process.versions.modules].join("_") + ".node"; \
      for (const name of readdirSync("node_modules/uWebSockets.js")) \
        if (name.endsWith(".node") && name !== own) rmSync("node_modules/uWebSockets.js/" + name);' \
 && find node_modules \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.cts' -o -name '*.d.mts' \) -delete \
 && find node_modules/@aws-sdk node_modules/@smithy -type d \( -name dist-types -o -name dist-es \) -prune -exec rm -rf {} + \
 && node --input-type=module -e 'for (const name of ["uWebSockets.js", "sharp", "piscina", "@aws-sdk/client-s3", "@aws-sdk/lib-storage"]) await import(name);'

# The base without build tools. The next stage copies it to an empty image, because a layer cannot free space in the
# layers below it.
FROM base AS system
RUN rm -rf /usr/local/lib/node_modules /usr/local/include /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack \
      /usr/local/bin/yarn* /opt/yarn* /var/lib/apt/lists/* /var/cache/apt/* \
 && ln -s /app/dist/cli/main.js /usr/local/bin/taskflow \
 && install -d -o node -g node /data /data/artifacts

FROM scratch AS runtime
COPY --from=system / /
WORKDIR /app
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# MALLOC_MMAP_THRESHOLD_: glibc returns freed buffers of 4 MiB and more to the system. Without this setting, it raises
# the threshold to the size of the largest freed buffer.
ENV NODE_ENV=production SERVER_ADDR=":8080" UV_THREADPOOL_SIZE=16 MALLOC_MMAP_THRESHOLD_=4194304 DATA_DIR=/data ARTIFACTS_DIR=/data/artifacts
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json LICENSE ./
USER node
VOLUME /data/artifacts
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.SERVER_ADDR.split(':').pop() + '/api/v1/health/live').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# the program is process 1, so it gets the SIGTERM and drains
CMD ["node", "--no-allocation-site-pretenuring", "dist/main.js"]

FROM runtime AS api
ENV TASKFLOW_ROLE=api

FROM runtime AS worker
ENV TASKFLOW_ROLE=worker

FROM runtime AS taskflow
ENV TASKFLOW_ROLE=all
