/** What is wrong with a document, in one plain sentence, with the JSON path at fault. Values are never repeated. */
import type * as z from "zod";
import { type RefusalCode, refuse } from "./refusal.ts";
import { fail, ok, type Result } from "./result.ts";

/** Parameters of a refinement: what fails it is well-formed, and means nothing. */
export const MEANINGLESS = { refusal: "meaningless" } as const;

/** Parses against a schema; the first issue becomes the refusal. */
export function parseDocument<S extends z.ZodType>(
  schema: S,
  value: unknown,
  code: RefusalCode,
): Result<z.output<S>> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return ok(parsed.data);
  const issue = parsed.error.issues[0];
  if (issue === undefined) return fail(refuse(code));
  const { path, message } = faultOf(issue, value);
  const field = jsonPath(path);
  const isMeaningless = issue.code === "custom" && issue.params?.refusal === MEANINGLESS.refusal;
  return fail(refuse(isMeaningless ? "meaningless" : code, field === "" ? { message } : { field, message }));
}

export interface DocumentFault {
  readonly path: readonly PropertyKey[];
  /** A whole sentence, which names the path. */
  readonly message: string;
}

/** One issue of a schema, told of the document that has it. */
export function faultOf(issue: z.core.$ZodIssue, value: unknown): DocumentFault {
  const path = issue.code === "unrecognized_keys" ? [...issue.path, issue.keys[0] ?? ""] : issue.path;
  const field = jsonPath(path);
  const subject = field === "" ? "The body" : `\`${field}\``;
  return { path, message: `${subject} ${complaint(issue, isAbsent(value, path))}.` };
}

/** `constraints.allowedTenants[0]` */
export function jsonPath(path: readonly PropertyKey[]): string {
  const parts = path.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`));
  return parts.join("").replace(/^\./, "");
}

function complaint(issue: z.core.$ZodIssue, absent: boolean): string {
  if (issue.code === "unrecognized_keys") return "is not known here";
  if (absent && issue.code !== "custom") return "is required";
  if (issue.code === "invalid_type") return `must be of type ${issue.expected}`;
  if (issue.code === "invalid_value") return `must be one of: ${issue.values.map(String).join(", ")}`;
  if (issue.code === "invalid_union") return "has none of the accepted forms";
  // Our own messages continue the sentence; the library's are sentences of their own.
  return /^[a-z]/.test(issue.message) ? issue.message : `is not valid (${issue.message})`;
}

function isAbsent(value: unknown, path: readonly PropertyKey[]): boolean {
  let here: unknown = value;
  for (const part of path) {
    if (typeof here !== "object" || here === null) return true;
    here = Reflect.get(here, part);
  }
  return here === undefined;
}
