/** Every authenticated refusal is recorded before it is answered (guarantee G5). */
import { type Refusal, refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { azureError, type Received } from "./azure-error.ts";
import { decisionRecordOf } from "./decision-record.ts";
import { deliverRecord } from "./deliver-record.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import type { Question, Refused } from "./question.ts";
import { setRateLimits } from "./rate-limit-headers.ts";
import { setTokenHeaders } from "./token-headers.ts";

type RecordPorts = Pick<GatewayPorts, "records" | "ledgers" | "clock">;

/** A refusal is answered once it is recorded; one that cannot be recorded is refused for that reason instead. */
export async function answerRefusal(
  ports: RecordPorts,
  received: Received,
  question: Question,
  refused: Refused,
): Promise<Response> {
  const recorded = await recordRefusal(ports, question, refused);
  const told = recorded.ok ? toldToModelCaller(refused.refusal) : recorded.error;
  const answer = azureError(told, received, question.decisionId);
  if (recorded.ok) setRateLimits(answer.headers, refused.bound);
  setTokenHeaders(answer.headers, question.capability, ports.clock());
  return answer;
}

/** Whoever calls a model is told what to do about it; decisions and records say that the request is pending. */
const toldToModelCaller = (refusal: Refusal): Refusal =>
  refusal.code === "pending_approval" ? { ...refusal, ...refuse("approval_required") } : refusal;

export async function recordRefusal(
  ports: RecordPorts,
  question: Question,
  refused: Refused,
): Promise<Result<null>> {
  const record = decisionRecordOf(question, refused, ports.clock());
  return (await deliverRecord(ports, record, question.capability))
    ? ok(null)
    : fail(refuse("audit_unavailable"));
}
