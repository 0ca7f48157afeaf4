/**
 * A JSON answer comes whole: it must be read to be metered, and an answer that breaks off can still become an error. So
 * does a transcript in another format, which nothing but its whole length says to be good, and which reports no usage.
 */
import { isCredentialRefused, settlementOfAnswer, settlementOfError } from "../azure/billing.ts";
import { storedIdOf } from "../azure/stored-objects.ts";
import { toldUnits } from "../azure/told-units.ts";
import { usageOfAnswer } from "../azure/usage.ts";
import { utf8Text } from "../kernel/encoding.ts";
import { MAX_METERED_STRING_BYTES } from "../kernel/limits.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { withoutLongStrings } from "../kernel/without-long-strings.ts";
import { answerHeaders } from "./answer-headers.ts";
import { readAnswer } from "./read-answer.ts";
import { isKeptAtAzure, type RelayedCall } from "./relayed-call.ts";
import type { CallEnd } from "./settle-call.ts";
import type { UpstreamCutoff } from "./upstream-cutoff.ts";

export async function relayWhole(
  call: RelayedCall,
  upstream: Response,
  cutoff: UpstreamCutoff,
  settle: (end: CallEnd) => Promise<void>,
): Promise<Result<Response>> {
  const { operation, allowed } = call;
  const upstreamStatus = upstream.status;
  const bytes = await readAnswer(upstream, cutoff);
  const answer = bytes && parsedJson(bytes);
  if (!bytes || (upstream.ok && answer === undefined && call.answer === "json")) {
    const end = cutoff.reason ?? (cutoff.clientGone ? "client_gone" : "upstream_broken");
    await settle({ end, upstreamStatus, outcome: { kind: "as_reserved" } });
    return fail(cutoff.refusal ?? refuse("upstream_broken"));
  }
  if (!upstream.ok) {
    await settle({
      end: "upstream_error",
      upstreamStatus,
      outcome: settlementOfError(operation, upstreamStatus, answer, allowed.ask.promptTokens),
    });
    // A refused credential is the gateway's own: told as it is, a caller would doubt the token.
    if (isCredentialRefused(upstreamStatus)) return fail(refuse("backend_unavailable"));
    // A redirect would lead the caller past the gateway.
    if (upstreamStatus >= 300 && upstreamStatus < 400) return fail(refuse("upstream_broken"));
  } else {
    // A transcript in plain text is its speaker's words, whatever they read like.
    const told = call.answer === "json" ? answer : undefined;
    const usage = usageOfAnswer(operation, told);
    const end = cutoff.clientGone ? "client_gone" : "complete";
    const storedId = isKeptAtAzure(call) ? storedIdOf(operation, answer) : null;
    await settle({
      end,
      upstreamStatus,
      outcome: settlementOfAnswer(usage, toldUnits(operation, call.body, told)),
      storedId,
    });
  }
  return ok(new Response(bytes, { status: upstreamStatus, headers: answerHeaders(upstream, call) }));
}

export function parsedJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8Text(withoutLongStrings(bytes, MAX_METERED_STRING_BYTES)) ?? "");
  } catch {
    return undefined;
  }
}
