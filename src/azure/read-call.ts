/**
 * Reads from a body what a call to Azure asks for: how many tokens at most, how many choices, whether it streams,
 * who the end user is. Only fields the gateway acts on are checked; everything else passes (guarantee G10).
 */
import * as z from "zod";
import type { JsonObject } from "../kernel/json.ts";
import { isJsonObject } from "../kernel/json.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { FormPart } from "./call-form.ts";
import { type AnswerKind, answerKind, fileMisplaced, furtherModel, readMedia } from "./media-call.ts";
import type { Operation } from "./operation.ts";
import { type Prompt, readPrompt } from "./prompt-bound.ts";
import { asksToStore, type StorageNeed, storageNeeded, storedObjectUsed } from "./stored-objects.ts";
import { toolsUsed } from "./tools-used.ts";

const positive = z.int().min(1).max(10_000_000).nullish();
const text = z.string().max(10_000).nullish();

const ActedOn = z.object({
  model: z.string().nullish(),
  n: z.int().min(1).max(128).nullish(),
  best_of: z.int().min(1).max(128).nullish(),
  max_tokens: positive,
  max_completion_tokens: positive,
  max_output_tokens: positive,
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  user: text,
  safety_identifier: text,
  store: z.boolean().nullish(),
  partial_images: z.int().min(0).max(100).nullish(),
  background: z.boolean().nullish(),
});
/** Of a picture, `background` is what is seen behind it, and no switch. */
const ActedOnOfPictures = ActedOn.omit({ background: true });

export interface CallFacts {
  readonly model: string | null;
  readonly prompt: Prompt;
  /** The largest output bound the caller named, per choice; null = none. */
  readonly requestedOutputTokens: number | null;
  readonly choices: number;
  readonly stream: boolean;
  readonly wantsUsage: boolean;
  readonly endUser: string | null;
  /** Offered to the model. */
  readonly tools: readonly string[];
  /** Whether Azure is asked to keep the answer. */
  readonly stores: boolean;
  readonly storage: StorageNeed | null;
  /** What a successful answer is, unless it is a stream. */
  readonly answer: AnswerKind;
  /** Whether a file is part of the prompt that nothing here can look into: sound, or what nobody knows. */
  readonly holdsFile: boolean;
}

export interface ReadCall extends CallFacts {
  /** JSON's members, or a form's fields. */
  readonly body: JsonObject;
  /** Null where the body is no form. */
  readonly parts: readonly FormPart[] | null;
}

/** @param parts of a form, whose fields `body` then is. */
export function readCall(
  operation: Operation,
  body: unknown,
  parts: readonly FormPart[] | null = null,
): Result<ReadCall> {
  if (!isJsonObject(body))
    return fail(refuse("body_invalid", { message: "The body must be a JSON object." }));
  const parsed = (operation.action === "image" ? ActedOnOfPictures : ActedOn).safeParse(body);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const field = issue?.path.join(".") ?? "";
    return fail(
      refuse("body_invalid", { field, message: `\`${field}\`: ${issue?.message ?? "is invalid"}.` }),
    );
  }
  const misplaced = fileMisplaced(parts ?? []);
  if (misplaced) {
    const message = `\`${misplaced}\` must be a text, not a file.`;
    return fail(refuse("body_invalid", { field: misplaced, message }));
  }
  const further = furtherModel(operation, body);
  if (further) {
    const message = `\`${further}\` names a further model, which no policy has decided on.`;
    return fail(refuse("unsupported_parameter", { field: further, message }));
  }
  const stored = storedObjectUsed(operation, body);
  if (stored) return fail(refuse("stored_object_refused", { field: stored }));
  const facts = parsed.data;
  const outputs = operation.outputParameters
    .map((name) => body[name])
    .filter((value): value is number => typeof value === "number");
  const media = readMedia(operation, body, parts);
  return ok({
    body,
    parts,
    model: facts.model ?? null,
    prompt: media?.prompt ?? readPrompt(body),
    requestedOutputTokens: outputs.length > 0 ? Math.max(...outputs) : operation.defaultOutputTokens,
    choices: choicesOf(operation, facts, body),
    stream: media?.stream ?? facts.stream === true,
    wantsUsage: facts.stream_options?.include_usage === true,
    // An empty name names nobody: all who send one would share a counter.
    endUser: facts.safety_identifier || facts.user || null,
    tools: toolsUsed(body),
    stores: asksToStore(operation, body),
    storage: storageNeeded(operation, body),
    answer: answerKind(operation, body),
    holdsFile: media?.holdsFile ?? false,
  });
}

function choicesOf(operation: Operation, { n, best_of }: z.infer<typeof ActedOn>, body: JsonObject): number {
  switch (operation.output) {
    case "parameters":
      return Math.max(n ?? 1, best_of ?? 1) * promptCount(operation, body);
    case "picture":
      return n ?? 1;
    default:
      return 1;
  }
}

/** Completions take an array of prompts and generate `n` for each. */
function promptCount(operation: Operation, body: JsonObject): number {
  if (operation.name !== "completions" || !Array.isArray(body.prompt)) return 1;
  // An array of numbers is one prompt in tokens.
  return body.prompt.every((entry) => typeof entry === "number") ? 1 : body.prompt.length;
}
