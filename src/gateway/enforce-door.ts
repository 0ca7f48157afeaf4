/** What every route of /v1/enforce asks first: an API key with the scope, then a bounded body of the right form. */
import type * as z from "zod";
import { admitApiKey } from "../capability/admit-api-key.ts";
import type { ApiKey } from "../capability/api-key.ts";
import { type ApiKeyLookUp, requireScope } from "../capability/api-key-auth.ts";
import { MAX_ADMIN_BODY_BYTES } from "../kernel/limits.ts";
import { parseDocument } from "../kernel/parse-document.ts";
import { readJsonBody } from "../kernel/read-json-body.ts";
import { ok, type Result } from "../kernel/result.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import type { ServerTiming } from "./server-timing.ts";

export interface EnforceDoorPorts extends Pick<GatewayPorts, "clock" | "shield" | "startTimer"> {
  readonly apiKeys: ApiKeyLookUp;
}

export async function throughEnforceDoor<S extends z.ZodType>(
  { apiKeys, clock, shield, startTimer }: EnforceDoorPorts,
  timing: ServerTiming,
  request: Request,
  schema: S,
): Promise<Result<{ readonly apiKey: ApiKey; readonly body: z.output<S> }>> {
  const door = { find: apiKeys.find, clock, shield, startTimer };
  const apiKey = await timing.measure("authenticate", () => admitApiKey(door, request.headers));
  if (!apiKey.ok) return apiKey;
  const scoped = requireScope(apiKey.value, "enforce");
  if (!scoped.ok) return scoped;
  const read = await readJsonBody(request, MAX_ADMIN_BODY_BYTES);
  if (!read.ok) return read;
  const body = parseDocument(schema, read.value, "body_invalid");
  return body.ok ? ok({ apiKey: apiKey.value, body: body.value }) : body;
}
