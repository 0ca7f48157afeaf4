/**
 * Local queues live in memory, so a gateway that stops would lose the records that wait in them. A denied
 * `/v1/enforce` is recorded like any decision: once it can be read, everything sent before it can be as well.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import * as z from "zod";
import { PLATFORM } from "../../src/kernel/ids.ts";
import { PLATFORM_HOME } from "../../src/residency/home.ts";
import type { ControlPlane } from "./control-plane.ts";

const POLL_MS = 100;
/** `max_batch_timeout` of every audit queue in wrangler.toml, and as long again for the batch to be stored. */
const OTHER_HOMES_MS = 2_000;

const AuditPage = z.object({ items: z.array(z.looseObject({ requestId: z.string() })) });
const HomeOfTenant = z.looseObject({ home: z.string() });

/** False when the records did not arrive in time. */
export async function drainRecords(controlPlane: ControlPlane, boundMs: number): Promise<boolean> {
  const until = performance.now() + boundMs;
  const requestId = `drain-${randomUUID()}`;
  const question = {
    requestId,
    capabilityToken: "none",
    action: "chat",
    resourceId: "api://azure-openai/models/none",
  };
  await controlPlane.send("POST", "/v1/enforce", question, z.unknown());
  // The marker travels on the platform's queue; the other homes' queues run beside it, on the same timeout.
  const elsewhere = await controlPlane.find(
    "/v1/tenants",
    HomeOfTenant,
    ({ home }) => home !== PLATFORM_HOME,
  );
  if (elsewhere !== undefined) await wait(OTHER_HOMES_MS);
  while (performance.now() < until) {
    const { items } = await controlPlane.get(`/v1/audit?tenant=${PLATFORM}`, AuditPage);
    if (items.some((record) => record.requestId === requestId)) return true;
    await wait(POLL_MS);
  }
  return false;
}
