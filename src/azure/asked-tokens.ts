/** The tokens that one request may use at most, by its operation: what a reservation is made of (guarantee G1). */
import { type Action, isOutputFixed } from "../policy/action.ts";
import type { Deployment } from "./deployment.ts";
import type { Operation } from "./operation.ts";
import { pictureTokens } from "./picture-tokens.ts";
import { promptTokenBound } from "./prompt-bound.ts";
import type { ReadCall } from "./read-call.ts";

export interface AskedTokens {
  /** Null = the request cannot be bounded. */
  readonly promptTokens: number | null;
  /** Per choice. */
  readonly outputTokens: number;
  /** Nothing that could be written into the request makes the answer shorter. */
  readonly outputIsFixed: boolean;
}

const UNBOUNDED: AskedTokens = { promptTokens: null, outputTokens: 0, outputIsFixed: true };

export function askedTokens(
  operation: Operation,
  { prompt, requestedOutputTokens, body }: Pick<ReadCall, "prompt" | "requestedOutputTokens" | "body">,
  { model, maxOutputTokens: cap }: Pick<Deployment, "model" | "maxOutputTokens">,
): AskedTokens {
  const promptTokens = promptTokenBound(prompt, model);
  switch (operation.output) {
    case "parameters":
      return {
        promptTokens,
        outputTokens: Math.min(requestedOutputTokens ?? cap, cap),
        outputIsFixed: false,
      };
    case "none":
      return { promptTokens, outputTokens: 0, outputIsFixed: false };
    case "picture": {
      const outputTokens = pictureTokens(model, body);
      return outputTokens === null ? UNBOUNDED : { promptTokens, outputTokens, outputIsFixed: true };
    }
    case "unknown":
      return UNBOUNDED;
  }
}

/**
 * Whether a deployment serves an operation. Where it does not say what it serves, one whose output is bounded generates
 * text, and one whose output is not serves what generates no text: which of these its model is for, Azure knows.
 */
export function serves(
  { actions, maxOutputTokens }: Pick<Deployment, "actions" | "maxOutputTokens">,
  { action, output }: Pick<Operation, "action" | "output">,
): boolean {
  const generatesText = output === "parameters";
  if (generatesText && maxOutputTokens === 0) return false;
  if (actions !== undefined) return actions.some((served) => served === action);
  return generatesText || output === "none" || maxOutputTokens === 0;
}

/** What a caller's own bound of an answer is cut to: a deployment's cap is one of text. */
export const outputCapOf = (
  action: Action,
  deployment: Pick<Deployment, "maxOutputTokens"> | null | undefined,
): number =>
  isOutputFixed(action) ? Number.MAX_SAFE_INTEGER : (deployment?.maxOutputTokens ?? Number.MAX_SAFE_INTEGER);
