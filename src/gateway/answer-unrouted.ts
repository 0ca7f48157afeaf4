/**
 * A request that no route takes. Whoever presents a good token gets a recorded decision, as for every refusal (guarantee
 * G5); everybody else is counted by the flood shield. No credential in a query is ever looked at.
 */
import type { Unrouted } from "../azure/route.ts";
import { admit } from "./admit.ts";
import { answerRefusal } from "./answer-refusal.ts";
import { azureError, type Received } from "./azure-error.ts";
import { bodilessQuestion } from "./bodiless-question.ts";
import { confirmedRefusal, unconfirmed, underCurrentRevisions } from "./confirm.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import { presentedToken } from "./presented-token.ts";
import type { Refused } from "./question.ts";
import { toldRoute } from "./told-route.ts";

export async function answerUnrouted(
  ports: GatewayPorts,
  received: Received,
  unrouted: Unrouted,
): Promise<Response> {
  const { refusal, allow } = unrouted;
  const answer = await answerRefused(ports, received, unrouted);
  // RFC 9110, section 15.5.6.
  if (answer.status === 405 && refusal.code === "method_not_allowed")
    answer.headers.set("allow", allow.join(", "));
  return answer;
}

async function answerRefused(
  ports: GatewayPorts,
  received: Received,
  { refusal, action, pattern }: Unrouted,
): Promise<Response> {
  const { request } = received;
  const token = presentedToken(request.headers);
  const verified = token.ok ? await ports.verifier.verify(token.value, ports.clock()) : token;
  if (!verified.ok) {
    const address = request.headers.get("cf-connecting-ip");
    return azureError(await ports.shield.refused(address, refusal), received);
  }
  const capability = verified.value;
  const { pathname } = new URL(request.url);
  const question = bodilessQuestion(ports, received, capability, {
    surface: "unserved",
    action,
    asked: { route: toldRoute(request.method, pathname, pattern), object: null },
  });
  const judged = await underCurrentRevisions<Refused>(ports, async (atLeast) => {
    const loaded = await ports.snapshots.load(capability, atLeast);
    if (!loaded.ok) return unconfirmed(ports, loaded.error);
    const admitted = admit(question, loaded.value);
    return confirmedRefusal(ports, question, loaded.value, admitted.ok ? refusal : admitted.error);
  });
  return answerRefusal(ports, received, question, judged);
}
