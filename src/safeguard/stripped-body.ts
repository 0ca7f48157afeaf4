/**
 * `deniedPatterns` with `strip`: the body without the texts that policies deny, in every text of its prompt. In a form,
 * each field is stripped as the member of its name would be.
 */
import { type FormPart, holdsText } from "../azure/call-form.ts";
import { mapPromptTexts } from "../azure/prompt-texts.ts";
import type { JsonObject } from "../kernel/json.ts";
import { type LiteralMatcher, literalMatcher } from "../kernel/literal-matcher.ts";
import { literalsOf, type PatternSet } from "../policy/denied-patterns.ts";

interface Sent {
  readonly body: JsonObject;
  /** Null where the body is no form. */
  readonly parts: readonly FormPart[] | null;
}

export interface StrippedBody extends Sent {
  /** Whether anything was removed. */
  readonly isStripped: boolean;
}

/** A policy's own set is the same object as long as its snapshot lives. */
const matchers = new WeakMap<PatternSet, LiteralMatcher>();

export function strippedBody({ body, parts }: Sent, patterns: PatternSet | null): StrippedBody {
  if (patterns === null) return { body, parts, isStripped: false };
  let matcher = matchers.get(patterns);
  if (!matcher) {
    matcher = literalMatcher(literalsOf(patterns));
    matchers.set(patterns, matcher);
  }
  const stripped = mapPromptTexts(body, matcher.strip);
  if (stripped === body) return { body, parts, isStripped: false };
  return { body: stripped, parts: parts && strippedParts(parts, matcher.strip), isStripped: true };
}

const strippedParts = (parts: readonly FormPart[], strip: (text: string) => string): readonly FormPart[] =>
  parts.map((part) => {
    const { field, value } = part;
    if (!holdsText(field)) return part;
    const stripped = mapPromptTexts({ [field]: value }, strip)[field];
    return typeof value === "string" && typeof stripped === "string" ? { ...part, value: stripped } : part;
  });
