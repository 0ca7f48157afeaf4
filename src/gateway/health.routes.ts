/**
 * `GET /v1/health`: this Worker is configured and answers, whatever its stores do. `GET /v1/ready`: it can decide, or
 * which store is ill. Neither takes a key, so neither says more than that.
 */
import { Hono } from "hono";
import { logFailure } from "../kernel/failure-log.ts";
import type { Readiness } from "./readiness.ts";

export interface HealthPorts {
  readonly readiness: () => Promise<Readiness>;
  readonly background: (work: Promise<unknown>) => void;
}

/** @param portsOf fails on a misconfigured Worker. */
export function createHealthRoutes<Bindings extends object>(
  portsOf: (env: Bindings) => Promise<HealthPorts>,
) {
  async function portsOrNull(env: Bindings): Promise<HealthPorts | null> {
    try {
      return await portsOf(env);
    } catch (error) {
      logFailure({ event: "request_failed", error });
      return null;
    }
  }
  return new Hono<{ Bindings: Bindings }>()
    .get("/v1/health", async ({ env }) => answer((await portsOrNull(env)) !== null))
    .get("/v1/ready", async ({ env }) => {
      const ports = await portsOrNull(env);
      if (ports === null) return answer(false);
      const work = ports.readiness();
      // The result serves the next callers too, so a caller who leaves does not end it.
      ports.background(work);
      const { isReady, stores } = await work;
      return answer(isReady, { stores });
    });
}

const answer = (isWell: boolean, details: object = {}): Response =>
  Response.json(
    { status: isWell ? "ok" : "ill", ...details },
    {
      status: isWell ? 200 : 503,
      headers: { "cache-control": "no-store", ...(isWell ? {} : { "retry-after": "1" }) },
    },
  );
