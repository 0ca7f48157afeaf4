/**
 * `deniedPatterns` with `strip`: the body without the texts that policies deny, in every text of its prompt. A form
 * that is sent has the very texts of the body that is judged.
 */
import { type FormPart, memberOfPart } from "../azure/call-form.ts";
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
  return { body: stripped, parts: parts && strippedParts(parts, stripped), isStripped: true };
}

/** Numbers and switches are no texts there, so they stay as they were written. */
function strippedParts(parts: readonly FormPart[], stripped: JsonObject): readonly FormPart[] {
  const memberOf = memberOfPart(stripped);
  return parts.map((part) => {
    const member = memberOf(part);
    return typeof part.value === "string" && typeof member === "string" ? { ...part, value: member } : part;
  });
}
