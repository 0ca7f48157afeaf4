/** One request to the backend that was chosen, and what its answer says of how the backend is. */
import type { AzureRequest } from "../azure/azure-calls.ts";
import { UNANSWERED, UNKNOWN, type Verdict, verdictOf } from "../azure/backend-verdict.ts";
import { isCredentialRefused } from "../azure/billing.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { Chosen } from "./backend-for.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import type { UpstreamCutoff } from "./upstream-cutoff.ts";

export async function sendToBackend(
  { azure, clock, backendHealths }: Pick<GatewayPorts, "azure" | "clock" | "backendHealths">,
  { backend, credential }: Pick<Chosen, "backend" | "credential">,
  request: Omit<AzureRequest, "signal">,
  cutoff: UpstreamCutoff,
): Promise<Result<Response>> {
  const isProbe = backendHealths.sentTo(backend, clock());
  const judge = (verdict: Verdict) => backendHealths.judged(backend, verdict, isProbe, clock());
  try {
    const answer = await azure.send({ ...request, signal: cutoff.signal });
    cutoff.headersArrived();
    if (isCredentialRefused(answer.status)) credential.refused();
    judge(verdictOf(answer, clock()));
    return ok(answer);
  } catch {
    judge(cutoff.isOver || cutoff.clientGone ? UNKNOWN : UNANSWERED);
    // What fetch throws names hosts and addresses: callers get the code alone.
    return fail(cutoff.refusal ?? refuse("upstream_unreachable"));
  }
}
