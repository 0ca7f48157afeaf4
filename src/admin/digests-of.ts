/** Digests of the texts that policies name, as records keep them of those that were found. */
import type { TenantId } from "../kernel/ids.ts";
import { patternsOf } from "../policy/content.ts";
import { BuiltInPatterns, literalsOf } from "../policy/denied-patterns.ts";
import type { Snapshot } from "../policy/snapshot.ts";

/** A text beyond these counts as one that nobody can say to be there or not. */
const MAX_DIGESTS = 2_000;

export async function digestsOf(
  { hashText }: { readonly hashText: (tenantId: TenantId, text: string) => Promise<string> },
  { platform, tenant }: Snapshot,
): Promise<ReadonlyMap<string, string>> {
  const named = [...platform.policies, ...tenant.policies].flatMap(({ constraints }) => {
    const patterns = patternsOf(constraints);
    return patterns ? literalsOf(patterns) : [];
  });
  // A token's own details name built-in texts alone, or are not recorded.
  const builtIn = literalsOf({ builtIn: BuiltInPatterns.options, patterns: [] });
  const literals = [...new Set([...builtIn, ...named])].slice(0, MAX_DIGESTS);
  const digests = await Promise.all(literals.map((literal) => hashText(tenant.tenant.id, literal)));
  return new Map(literals.map((literal, index) => [literal, digests[index] ?? ""]));
}
