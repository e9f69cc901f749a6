import type { Logger } from './logger.ts';
import { orLate } from './or-late.ts';

export type ReadinessResult = { ok: true; note?: string } | { ok: false; reason: string };

/** One part a service needs. `check` may also throw; that counts as a failure with the error's text as reason. */
export interface ReadinessCheck {
  name: string;
  check(): Promise<ReadinessResult>;
}

export interface Readiness {
  status: 200 | 503;
  body: { status: 'ready' | 'unavailable'; parts: Record<string, ReadinessResult> };
}

/** Runs all checks at once; one that takes longer than `timeoutMs` counts as failed. Never throws. */
export async function evaluateReadiness(checks: readonly ReadinessCheck[], timeoutMs = 2_000): Promise<Readiness> {
  const results = await Promise.all(checks.map(async (part) => [part.name, await evaluate(part, timeoutMs)] as const));
  const ready = results.every(([, result]) => result.ok);
  return {
    status: ready ? 200 : 503,
    body: { status: ready ? 'ready' : 'unavailable', parts: Object.fromEntries(results) },
  };
}

/**
 * Readiness for a `/ready` route: however many ask at once, the checks run once. A change is logged, since the reply
 * goes to a load balancer and not to a person.
 */
export function readinessProbe(checks: readonly ReadinessCheck[], logger: Logger): () => Promise<Readiness> {
  let running: Promise<Readiness> | undefined;
  let lastStatus = 200;
  return () => {
    running ??= evaluateReadiness(checks).then((readiness) => {
      running = undefined;
      if (readiness.status !== lastStatus) logger.warn({ parts: readiness.body.parts }, `now ${readiness.body.status}`);
      lastStatus = readiness.status;
      return readiness;
    });
    return running;
  };
}

async function evaluate(part: ReadinessCheck, timeoutMs: number): Promise<ReadinessResult> {
  try {
    return await orLate(part.check(), timeoutMs, () => ({ ok: false, reason: `no answer within ${timeoutMs} ms` }));
  } catch (error) {
    return { ok: false, reason: reasonOf(error) };
  }
}

/** The innermost text: what wraps it may hold a statement with its parameters. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause instanceof Error) return reasonOf(error.cause);
  return error.message || ('code' in error ? String(error.code) : error.name);
}
