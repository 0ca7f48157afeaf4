/** `POST /v1/enforce/{decisionId}/usage`: the caller called Azure itself, and says what that used. */
import { Hono } from "hono";
import { logFailure } from "../kernel/failure-log.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, type Result } from "../kernel/result.ts";
import { problemResponse } from "../kernel/wire.ts";
import { type EnforceDoorPorts, throughEnforceDoor } from "./enforce-door.ts";
import { type ReportPorts, reportUsage } from "./report-usage.ts";
import { createServerTiming, type ServerTiming } from "./server-timing.ts";
import { timedPorts } from "./timed-ports.ts";
import { type UsageReply, UsageReport } from "./usage-report.ts";

export interface ReportRoutePorts extends ReportPorts, EnforceDoorPorts {}

const PATH = "/v1/enforce/:decisionId/usage";

export function createUsageReportRoutes<Bindings extends object>(
  portsOf: (env: Bindings) => Promise<ReportRoutePorts>,
) {
  return new Hono<{ Bindings: Bindings }>()
    .post(PATH, async (context) => {
      const ports = await portsOf(context.env);
      const requestId = ports.ids.request();
      const timing = createServerTiming(ports.clock);
      const work = answer(
        timedPorts(ports, timing),
        timing,
        context.req.raw,
        context.req.param("decisionId"),
        requestId,
      );
      // A caller that has gone has reported all the same.
      ports.background(work);
      const reply = await work;
      const response = reply.ok
        ? Response.json(reply.value, { headers: { "x-request-id": requestId, "cache-control": "no-store" } })
        : problemResponse(reply.error, requestId);
      response.headers.set("server-timing", timing.header());
      return response;
    })
    .all(PATH, async ({ env }) => {
      const { ids } = await portsOf(env);
      return problemResponse(refuse("method_not_allowed"), ids.request(), { allow: "POST" });
    });
}

async function answer(
  ports: ReportRoutePorts,
  timing: ServerTiming,
  request: Request,
  decisionId: string,
  requestId: string,
): Promise<Result<UsageReply>> {
  try {
    const asked = await throughEnforceDoor(ports, timing, request, UsageReport);
    if (!asked.ok) return asked;
    return await reportUsage(ports, asked.value.apiKey, decisionId, asked.value.body, request);
  } catch (error) {
    logFailure({ event: "request_failed", error, requestId });
    return fail(refuse("internal_error"));
  }
}
