/**
 * The simulator's own remote control under `/_simulator/`, for people with curl and for drivers in other
 * processes. It has no authentication: the simulator listens on the loopback only. Not entered in the log.
 */
import { Hono } from "hono";
import * as z from "zod";
import { QueuedFaults } from "./fault.ts";
import { IdentityFault } from "./identity-fault.ts";
import type { SimulatorContext, SimulatorEnv } from "./simulator-context.ts";

export function controlRoutes(context: SimulatorContext): Hono<SimulatorEnv> {
  const app = new Hono<SimulatorEnv>();

  app.post("/faults", async (c) => {
    const body: unknown = await c.req.json().catch(() => undefined);
    const parsed = QueuedFaults.safeParse(asQueuedFaults(body));
    if (!parsed.success) return c.json({ error: z.prettifyError(parsed.error) }, 400);
    context.faults.add(parsed.data);
    return c.json({ queued: context.faults.length }, 201);
  });
  app.get("/requests", (c) =>
    c.json({ requests: context.log.requests.map(({ finished: _, ...rest }) => rest) }),
  );
  app.delete("/requests", (c) => {
    context.log.clear();
    context.faults.clear();
    return c.body(null, 204);
  });
  app.post("/identity-faults", async (c) => {
    const body: unknown = await c.req.json().catch(() => undefined);
    const parsed = IdentityFault.safeParse(body);
    if (!parsed.success) return c.json({ error: z.prettifyError(parsed.error) }, 400);
    context.identity.faults.push(parsed.data);
    return c.json({ queued: context.identity.faults.length }, 201);
  });
  app.all("*", (c) =>
    c.json(
      {
        error: "The simulator has /_simulator/faults, /_simulator/identity-faults and /_simulator/requests.",
      },
      404,
    ),
  );
  return app;
}

/** One fault may be posted bare, with its deployment beside its own fields. */
function asQueuedFaults(body: unknown): unknown {
  if (typeof body !== "object" || body === null || "faults" in body) return body;
  const { deployment, ...fault } = { deployment: undefined, ...body };
  return { faults: [fault], ...(deployment === undefined ? {} : { deployment }) };
}
