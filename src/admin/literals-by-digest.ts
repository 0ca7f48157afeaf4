/** The texts that policies name, by the digests that records keep of those that were found. */
import type { TenantId } from "../kernel/ids.ts";
import { patternsOf } from "../policy/content.ts";
import { BuiltInPatterns, literalsOf } from "../policy/denied-patterns.ts";
import type { Policy } from "../policy/policy.ts";

/** A digest of a text beyond these is of a text that nobody knows, and what was found is not certain then. */
const MAX_DIGESTS = 2_000;

export async function literalsByDigest(
  { hashText }: { readonly hashText: (tenantId: TenantId, text: string) => Promise<string> },
  tenantId: TenantId,
  policies: readonly Policy[],
): Promise<ReadonlyMap<string, string>> {
  const named = policies.flatMap(({ constraints }) => {
    const patterns = patternsOf(constraints);
    return patterns ? literalsOf(patterns) : [];
  });
  // A token's own details name built-in texts alone, or are not recorded.
  const builtIn = literalsOf({ builtIn: BuiltInPatterns.options, patterns: [] });
  const literals = [...new Set([...builtIn, ...named])].slice(0, MAX_DIGESTS);
  const digests = await Promise.all(literals.map((literal) => hashText(tenantId, literal)));
  return new Map(digests.map((digest, index) => [digest, literals[index] ?? ""]));
}
