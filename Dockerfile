# One image a service: `docker build --target edge .`, and likewise api, persister and migrate. Each holds one bundle, the
# few packages that a bundle leaves outside, and the Lua, SQL and manifests that it reads: deploy/image/collect.mjs says what.
# Nothing is written at run time, so a root that is read-only does; what is secret comes by `_FILE`.

FROM node:22-bookworm-slim AS build
WORKDIR /build
COPY . .
# Scripts of packages stay unrun: what an image holds needs none, and esbuild does without its own.
RUN npm ci --ignore-scripts && node esbuild.config.mjs && npx vite build packages/web \
  && for part in edge api persister migrate; do node deploy/image/collect.mjs "$part" "/parts/$part"; done

FROM node:22-bookworm-slim AS base
ENV NODE_ENV=production
WORKDIR /rookery
# The user `node` of the base image, by number, so that a cluster can see that it is not root.
USER 1000:1000

FROM base AS edge
# The header that carries a token of 8 KiB, and everything else beside it.
ENV ROOKERY_HOST=0.0.0.0 UWS_HTTP_MAX_HEADERS_SIZE=16384
COPY --from=build /parts/edge ./
EXPOSE 8080 9464
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s CMD ["node", "deploy/image/health.mjs"]
ENTRYPOINT ["node", "services/edge/dist/main.js"]
CMD []

FROM base AS api
ENV ROOKERY_HOST=0.0.0.0
COPY --from=build /parts/api ./
EXPOSE 8080 9464
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s CMD ["node", "deploy/image/health.mjs"]
ENTRYPOINT ["node", "services/api/dist/main.js"]
CMD []

FROM base AS persister
COPY --from=build /parts/persister ./
EXPOSE 9464
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s CMD ["node", "deploy/image/health.mjs"]
ENTRYPOINT ["node", "services/persister/dist/main.js"]
CMD []

# The whole `rookery` command, for what an operator asks of Postgres and the api; it migrates unless told otherwise.
FROM base AS migrate
COPY --from=build /parts/migrate ./
HEALTHCHECK NONE
ENTRYPOINT ["node", "packages/cli/bin/rookery.js"]
CMD ["migrate", "up"]
