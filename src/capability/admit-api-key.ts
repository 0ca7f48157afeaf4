/** The API key of a request, behind the flood shield: what both the control plane and /v1/enforce begin with. */
import type { StartTimer } from "../kernel/clock.ts";
import { fail, type Result } from "../kernel/result.ts";
import { storeAnswer } from "../kernel/store-answer.ts";
import type { ApiKey } from "./api-key.ts";
import { type ApiKeyAuthPorts, authenticateApiKey } from "./api-key-auth.ts";
import type { FloodShield } from "./flood-shield.ts";

interface AdmitApiKeyPorts extends ApiKeyAuthPorts {
  readonly shield: FloodShield;
  readonly startTimer: StartTimer;
}

export async function admitApiKey(
  { find, clock, shield, startTimer }: AdmitApiKeyPorts,
  headers: Headers,
): Promise<Result<ApiKey>> {
  const clientAddress = headers.get("cf-connecting-ip");
  const flood = shield.knownFlood(clientAddress);
  if (flood) return fail(flood);
  const inTime: typeof find = (hash) => storeAnswer(startTimer, () => find(hash));
  const apiKey = await authenticateApiKey({ find: inTime, clock }, headers.get("x-api-key"));
  return apiKey.ok ? apiKey : fail(await shield.refused(clientAddress, apiKey.error));
}
