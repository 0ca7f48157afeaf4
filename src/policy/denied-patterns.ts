/**
 * `deniedPatterns`: literal texts, whatever their case, that a prompt may not hold; of our own in two sets, and a policy's.
 * Never expressions: matching stays linear whatever a policy writes.
 */
import * as z from "zod";
import { folded } from "../kernel/literal-matcher.ts";

export const BuiltInPatterns = z.enum(["script_markup", "data_url_markup"]);
type BuiltInPatterns = z.infer<typeof BuiltInPatterns>;

/** Which texts: both sets may be empty. */
export const PatternSet = z.strictObject({
  builtIn: z.array(BuiltInPatterns),
  patterns: z.array(z.string()),
});
export type PatternSet = z.infer<typeof PatternSet>;

/** What makes a browser run script out of HTML or a link (HTML Living Standard, as of 2026-11). */
const builtInLiterals: Readonly<Record<BuiltInPatterns, readonly string[]>> = {
  script_markup: [
    "<script",
    "</script",
    "javascript:",
    "vbscript:",
    "onclick=",
    "onerror=",
    "onfocus=",
    "onload=",
    "onmouseover=",
  ],
  // A URL that carries its content with it (RFC 2397), by its media type.
  data_url_markup: [
    "data:application/",
    "data:audio/",
    "data:font/",
    "data:image/",
    "data:text/",
    "data:video/",
    "data:;base64,",
  ],
};

/** Folded, each once. */
export const literalsOf = ({ builtIn, patterns }: PatternSet): readonly string[] => [
  ...new Set([...builtIn.flatMap((name) => builtInLiterals[name]), ...patterns.map(folded)]),
];

/** What a record may say of a match: the set it is of, or its place among the policy's own; never the text. */
export function patternNamed({ builtIn, patterns }: PatternSet, literal: string): string {
  const set = builtIn.find((name) => builtInLiterals[name].includes(literal));
  return set ?? `patterns[${patterns.findIndex((pattern) => folded(pattern) === literal)}]`;
}

/** All that any of them names. */
export function unitedPatterns(sets: readonly PatternSet[]): PatternSet | null {
  const [first, ...rest] = sets;
  if (first === undefined || rest.length === 0) return first ?? null;
  return {
    builtIn: [...new Set(sets.flatMap(({ builtIn }) => builtIn))],
    patterns: [...new Set(sets.flatMap(({ patterns }) => patterns))],
  };
}

/** Written in more than one way, or unseen: it would not match the text that whoever wrote it has in mind. */
export const needsNormalising = (pattern: string): boolean =>
  pattern !== pattern.normalize("NFC") || pattern !== pattern.trim() || /\p{C}/u.test(pattern);
