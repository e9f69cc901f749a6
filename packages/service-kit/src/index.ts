export { clientAddress, isLoopback } from './client-address.ts';
export { commandEnvironment, explainToOperator, notRunning } from './command-environment.ts';
export { commonSettings, strongSecret } from './config/common-settings.ts';
export { databaseUrl, type RedisAddress, redisAddress, redisKeyPrefix } from './config/engine-settings.ts';
export {
  ConfigError,
  type ConfigOf,
  combine,
  type Environment,
  readConfig,
  type Setting,
  type SettingResult,
  variable,
} from './config/read-config.ts';
export { authUrl, tokenSettings } from './config/token-settings.ts';
export { boolean, duration, integer, list, oneOf, optionalText, optionalUrl, port, text } from './config/variables.ts';
export { describeError, errorCode } from './describe-error.ts';
export { FewAtOnce, FewAtOnceForEach, requireWaiter } from './few-at-once.ts';
export { type AllowedOrigins, hostnameOf } from './http/allowed-origin.ts';
export { type AuthenticateOptions, authenticate, bearerToken, requireRole, requireScope } from './http/authenticate.ts';
export { type Client, clientOf } from './http/client-of.ts';
export { isEngineAway } from './http/error-reply.ts';
export { createHttpApp, type HttpApp, type HttpAppOptions } from './http/http-app.ts';
export type { HttpEnv } from './http/http-env.ts';
export { errorResponses, jsonBody, jsonResponse, packageVersion } from './http/openapi.ts';
export { afterCursor, type Page, type PageQuery, pageOf } from './http/pages.ts';
export { runHttpApp } from './http/run-http-app.ts';
export { type HttpServer, type HttpServerOptions, serveHttp } from './http/serve-http.ts';
export { type RunningApp, type RunOptions, runApp } from './lifecycle.ts';
export { CannotListen, listenError, urlOf } from './listen-error.ts';
export { createLogger, type Logger, type LogLevel } from './logger.ts';
export { Counter, createMetrics, Gauge, Histogram, type MetricsRequest, mayReadMetrics, Registry } from './metrics.ts';
export { orLate } from './or-late.ts';
export {
  bothLimits,
  createRateLimiter,
  firstConnectionAttempt,
  type RateLimit,
  type RateLimiter,
} from './rate-limit.ts';
export {
  evaluateReadiness,
  type Readiness,
  type ReadinessCheck,
  type ReadinessResult,
  readinessProbe,
} from './readiness.ts';
export { repeat } from './repeat.ts';
export { settleWithin } from './settle-within.ts';
