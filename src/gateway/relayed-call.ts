/** An allowed call on its way to Azure, with what of the caller's request it needs. */
import type { FormPart } from "../azure/call-form.ts";
import { isStored } from "../azure/forwarded-body.ts";
import type { AnswerKind } from "../azure/media-call.ts";
import type { Operation } from "../azure/operation.ts";
import type { JsonObject } from "../kernel/json.ts";
import type { Obligations } from "../policy/decision.ts";
import type { Allowed, Question } from "./question.ts";

export interface RelayedCall {
  readonly question: Question;
  readonly allowed: Allowed;
  readonly operation: Operation;
  /** Without what its obligations strip. */
  readonly body: JsonObject;
  /** The same of a form; null where the body is none. */
  readonly parts: readonly FormPart[] | null;
  /** Whether anything was removed from it. */
  readonly isStripped: boolean;
  readonly wantsUsage: boolean;
  /** What a successful answer is, unless it is a stream. */
  readonly answer: AnswerKind;
  /** What the caller asked for; null where it left the choice to the gateway. */
  readonly apiVersion: string | null;
  readonly headers: Headers;
  /** Fires when the caller goes away. */
  readonly client: AbortSignal;
}

export interface KeptCall extends Pick<RelayedCall, "body" | "operation"> {
  readonly allowed: { readonly candidate: { readonly obligations: Pick<Obligations, "allowStore"> } };
}

/** Whether Azure was told to keep the answer. */
export const isKeptAtAzure = ({ body, operation, allowed }: KeptCall): boolean =>
  isStored(body, { operation, allowStore: allowed.candidate.obligations.allowStore });
