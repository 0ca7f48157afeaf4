/**
 * What an answer to a check tells. A good status is not enough: the answer must be one of the operation's. Of what Azure says
 * only a code and the model's name are passed on, and neither where it repeats the credential.
 */
import * as z from "zod";
import type { UpstreamCredential } from "../azure/upstream-credentials.ts";
import type { BackendCheck } from "../kernel/backend-check.ts";
import { utf8Text } from "../kernel/encoding.ts";
import { MAX_CHECKED_ANSWER_BYTES } from "../kernel/limits.ts";
import { readBeginning } from "../kernel/read-beginning.ts";
import type { CheckedOperation } from "./check-plan.ts";

export type Finding = Pick<BackendCheck, "outcome" | "status" | "reason" | "model">;

export const UNSUPPORTED = "OperationNotSupported";

/** Rejects where the answer breaks off. */
export async function findingIn(
  answer: Response,
  operation: CheckedOperation,
  { header: [, credential] }: Pick<UpstreamCredential, "header">,
): Promise<Finding> {
  const { status } = answer;
  const beginning = await readBeginning(answer.body, MAX_CHECKED_ANSWER_BYTES);
  if (!answer.ok) return failureIn(status, beginning, credential);
  const contentType = answer.headers.get("content-type") ?? "";
  const read = answers[operation](beginning, contentType);
  return read === null
    ? { outcome: "failed", status, reason: "answer not understood", model: null }
    : { outcome: "answered", status, reason: null, model: told(read.model, modelName, credential) };
}

const outcomes: Readonly<Record<number, Finding["outcome"]>> = {
  401: "refused",
  403: "refused",
  429: "busy",
};

const Failure = z.looseObject({
  error: z.looseObject({
    code: z.unknown().optional(),
    type: z.unknown().optional(),
    message: z.unknown().optional(),
  }),
});

/** Nothing in the answer tells this refusal from others but its sentence. */
const outputBoundReached = /output limit was reached/;

function failureIn(status: number, bytes: Uint8Array, credential: string): Finding {
  const failure = Failure.safeParse(jsonOf(bytes));
  const { code, type, message } = failure.success ? failure.data.error : {};
  // The model thought for as long as it was let, and the bound is the check's own.
  if (status === 400 && typeof message === "string" && outputBoundReached.test(message))
    return { outcome: "answered", status, reason: "stopped at the bound of the check", model: null };
  const reason = told(code, errorCode, credential) ?? told(type, errorCode, credential);
  return {
    outcome: outcomes[status] ?? "failed",
    status,
    // Azure's outermost layer has no codes but the status.
    reason: reason === String(status) ? null : reason,
    model: null,
  };
}

const errorCode = /^[A-Za-z0-9_]{1,60}$/;
const modelName = /^[\w.:/-]{1,200}$/;
/** Shorter texts stand in a credential by chance. */
const MIN_PART_LENGTH = 12;

/** Null where it is nothing of the kind, or the credential or a part of it. */
function told(value: unknown, shape: RegExp, credential: string): string | null {
  if (typeof value !== "string" || !shape.test(value)) return null;
  const secret = credential.replace(/^Bearer /, "");
  const isSecret = value.includes(secret) || (value.length >= MIN_PART_LENGTH && secret.includes(value));
  return isSecret ? null : value;
}

/** Null where it is no answer. */
type Reader = (beginning: Uint8Array, contentType: string) => { readonly model?: unknown } | null;

const jsonWith =
  (schema: z.ZodType<object>): Reader =>
  (beginning) => {
    const read = schema.safeParse(jsonOf(beginning));
    return read.success ? read.data : null;
  };

const transcript = jsonWith(z.looseObject({ text: z.string() }));

const answers: Readonly<Record<CheckedOperation, Reader>> = {
  "chat/completions": jsonWith(choicesWith({ message: z.looseObject({}) })),
  completions: jsonWith(choicesWith({ text: z.string() })),
  responses: jsonWith(
    z.looseObject({ status: z.enum(["completed", "incomplete"]), output: z.array(z.unknown()) }),
  ),
  embeddings: jsonWith(
    z.looseObject({ data: z.tuple([z.looseObject({ embedding: z.array(z.number()).min(1) })]) }),
  ),
  // Megabytes, whose beginning shows what they are.
  "images/generations": (beginning) =>
    /"(?:b64_json|url)"\s*:\s*"[^"]/.test(new TextDecoder().decode(beginning)) ? {} : null,
  "audio/speech": (beginning, contentType) =>
    beginning.length > 0 && /^(?:audio\/|application\/octet-stream)/i.test(contentType) ? {} : null,
  // Whoever listens to silence hears nothing, or imagines something.
  "audio/transcriptions": transcript,
  "audio/translations": transcript,
};

function choicesWith(members: z.ZodRawShape) {
  return z.looseObject({ choices: z.array(z.looseObject(members)).min(1) });
}

/** Undefined where it is none, and where it is longer than any answer that is looked at whole. */
function jsonOf(beginning: Uint8Array): unknown {
  try {
    return JSON.parse(utf8Text(beginning) ?? "");
  } catch {
    return undefined;
  }
}
