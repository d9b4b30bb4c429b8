# One image for both processes: `node dist/api/server.js` (the default) and `node dist/activities/worker.js`.
# The steps are those of a fresh clone: npm ci, npm run build.
FROM node:20-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY activities activities
COPY api api
COPY connectors connectors
COPY store store
COPY workflows workflows
RUN npm run build && npm prune --omit=dev --no-audit --no-fund

FROM node:20-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
# A number, so that a platform which forbids root can tell without the image's user table. It owns nothing and needs no
# writable disk.
USER 10001:10001
ENV CASTELLAN_API_HOST=0.0.0.0 CASTELLAN_API_PORT=8080
EXPOSE 8080
STOPSIGNAL SIGTERM
CMD ["node", "dist/api/server.js"]
