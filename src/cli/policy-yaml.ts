/** A gateway's policies as a file: what a push of it would find unchanged. Defaults are left out, the order is by age. */
import { isMap, parseDocument, stringify } from "yaml";
import { PLATFORM, type Scope } from "../kernel/ids.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { PolicyInput } from "../policy/policy.ts";

export function policyYaml(scope: Scope, policies: readonly PolicyInput[]): string {
  return stringify({ ...ownerOf(scope), policies: policies.map(withoutDefaults) }, written);
}

/** The same text with other policies: tests, context and comments outside of them stay. */
export function withPolicies(
  text: string,
  scope: Scope,
  policies: readonly PolicyInput[],
): Result<string, string> {
  const document = parseDocument(text);
  const [[member, owner]] = Object.entries(ownerOf(scope)) as [[string, unknown]]; // One of two literals.
  if (document.errors.length > 0 || !isMap(document.contents) || document.get(member) !== owner)
    return fail("holds something else than policies of this scope: name another file, or delete it.");
  document.set("policies", document.createNode(policies.map(withoutDefaults)));
  return ok(document.toString(written));
}

const written = { lineWidth: 110 } as const;

const ownerOf = (scope: Scope): Readonly<Record<string, unknown>> =>
  scope === PLATFORM ? { platform: true } : { tenant: scope };

const plain = PolicyInput.parse({ name: "plain", effect: "allow", actions: ["*"], resources: ["*"] });

/** What says the same without being said. */
function withoutDefaults({ name, effect, actions, resources, ...rest }: PolicyInput): object {
  const said = Object.entries(rest).filter(
    ([member, value]) =>
      value !== undefined &&
      JSON.stringify(value) !== JSON.stringify(Reflect.get(plain, member)) &&
      !(member === "tests" && Array.isArray(value) && value.length === 0),
  );
  return { name, effect, actions, resources, ...Object.fromEntries(said) };
}
