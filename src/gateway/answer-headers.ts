/** The headers of a relayed answer: Azure's by rule, plus what leads an administrator to the decision's record. */
import { callerHeaders } from "../azure/headers.ts";
import type { RelayedCall } from "./relayed-call.ts";

export function answerHeaders(
  upstream: Response,
  { question, allowed }: Pick<RelayedCall, "question" | "allowed">,
): Headers {
  const headers = callerHeaders(upstream.headers);
  if (!headers.has("x-request-id")) headers.set("x-request-id", question.requestId);
  headers.set("portcullis-request-id", question.requestId);
  headers.set("portcullis-decision", allowed.reserved.decisionId);
  return headers;
}
