/** The headers of a relayed answer: Azure's by rule, plus what leads an administrator to the decision's record. */
import { callerHeaders } from "../azure/headers.ts";
import type { Allowed, Question } from "./question.ts";

/** What of a call its answer's headers tell. */
export interface AnsweredCall {
  readonly question: Pick<Question, "requestId">;
  readonly allowed: { readonly reserved: Pick<Allowed["reserved"], "decisionId"> };
}

export function answerHeaders(upstream: Response, { question, allowed }: AnsweredCall): Headers {
  const headers = callerHeaders(upstream.headers);
  if (!headers.has("x-request-id")) headers.set("x-request-id", question.requestId);
  headers.set("portcullis-request-id", question.requestId);
  headers.set("portcullis-decision", allowed.reserved.decisionId);
  return headers;
}
