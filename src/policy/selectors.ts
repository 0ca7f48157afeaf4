/**
 * Selector constraints: facts of the request against a policy's values. A fact that nobody can supply is
 * `indeterminate`, never "no": on a grant it drops the grant, on a deny or a boundary it denies. Each constraint becomes
 * a check once, so that ranges and times are read when a snapshot is new and not for every request.
 */
import { type Refusal, type RefusalCode, refuse } from "../kernel/refusal.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import { isSecureTls } from "../residency/secure-tls.ts";
import { type Classification, withinCeiling } from "./classification.ts";
import type { Constraints } from "./constraints.ts";
import { indeterminate } from "./indeterminate.ts";
import { type IpRange, ipAddress, ipRange, isInRange } from "./ip-range.ts";

/** What selectors look at; all of it is known before a byte of the body is read. */
export interface Facts {
  readonly tenantId: string;
  readonly agentId: string;
  readonly roles: readonly string[];
  readonly classification: Classification;
  readonly tlsVersion: string | null;
  readonly country: string | null;
  readonly clientAddress: string | null;
  /** The decision's reading of the clock. */
  readonly nowMs: number;
}

/** Null when the constraint holds. */
export type Check = (facts: Facts) => Refusal | null;

/** Null where the value asks for nothing. */
type CheckMaker<K extends keyof Constraints> = (wanted: NonNullable<Constraints[K]>) => Check | null;

const checks: {
  readonly [K in
    | "allowedTenants"
    | "allowedRoles"
    | "allowedAgents"
    | "dataClassification"
    | "encryptionRequired"
    | "allowedCountries"
    | "deniedCountries"
    | "allowedIpRanges"
    | "validFrom"
    | "validUntil"]: CheckMaker<K>;
} = {
  allowedTenants: (tenants) => (facts) =>
    tenants.includes(facts.tenantId)
      ? null
      : // Whom else a policy of the platform names is nobody's business: evidence enters this tenant's records (G7).
        refuse("tenant_not_allowed", { evidence: { constraint: "allowedTenants", actual: facts.tenantId } }),
  allowedRoles: (roles) => (facts) =>
    roles.some((role) => facts.roles.includes(role))
      ? null
      : unmet("role_not_allowed", "allowedRoles", [...facts.roles], roles),
  allowedAgents:
    (agents) =>
    ({ agentId }) =>
      agents.includes(agentId) ? null : unmet("agent_not_allowed", "allowedAgents", agentId, agents),
  dataClassification: (ceiling) => (facts) =>
    withinCeiling(facts.classification, ceiling)
      ? null
      : unmet("classification_exceeded", "dataClassification", facts.classification, ceiling),
  encryptionRequired: (required) =>
    required
      ? ({ tlsVersion }) => {
          if (tlsVersion === null) return indeterminate("encryptionRequired", "request.cf.tlsVersion");
          return isSecureTls(tlsVersion)
            ? null
            : refuse("encryption_required", {
                evidence: { constraint: "encryptionRequired", actual: tlsVersion },
              });
        }
      : null,
  allowedCountries: (countries) => (facts) => {
    if (facts.country === null) return indeterminate("allowedCountries", "country");
    return countries.includes(facts.country)
      ? null
      : unmet("residency_country", "allowedCountries", facts.country, countries);
  },
  deniedCountries: (countries) => (facts) => {
    if (facts.country === null) return indeterminate("deniedCountries", "country");
    return countries.includes(facts.country)
      ? unmet("residency_country", "deniedCountries", facts.country, countries)
      : null;
  },
  allowedIpRanges: (texts) => {
    const ranges = texts.map(ipRange).filter((range): range is IpRange => range !== null);
    const isReadable = ranges.length === texts.length;
    return (facts) => {
      const address = facts.clientAddress === null ? null : ipAddress(facts.clientAddress);
      if (address === null) return indeterminate("allowedIpRanges", "client address");
      if (ranges.some((range) => isInRange(address, range))) return null;
      if (!isReadable) return indeterminate("allowedIpRanges", "range");
      // The address itself stays out of evidence: records keep no client address.
      return refuse("address_not_allowed", { evidence: { constraint: "allowedIpRanges", limit: texts } });
    };
  },
  validFrom: (from) => {
    const fromMs = Date.parse(from);
    return ({ nowMs }) =>
      nowMs >= fromMs ? null : unmet("outside_validity", "validFrom", timestampOf(nowMs), from);
  },
  validUntil: (until) => {
    const untilMs = Date.parse(until);
    return ({ nowMs }) =>
      nowMs < untilMs ? null : unmet("outside_validity", "validUntil", timestampOf(nowMs), until);
  },
};

const unmet = (
  code: RefusalCode,
  constraint: keyof Constraints,
  actual: string | readonly string[],
  limit: string | readonly string[],
): Refusal => refuse(code, { evidence: { constraint, actual, limit } });

type SelectorKey = keyof typeof checks;
// Object.keys loses the key type.
export const selectorKeys = Object.keys(checks) as readonly SelectorKey[];

function checkOf<K extends SelectorKey>(key: K, constraints: Constraints): Check | null {
  const wanted = constraints[key];
  return wanted === undefined ? null : checks[key](wanted);
}

/** The checks of the selectors that these constraints have. */
export const checksOf = (constraints: Constraints): readonly Check[] =>
  selectorKeys.map((key) => checkOf(key, constraints)).filter((check): check is Check => check !== null);

/**
 * Why the selectors do not hold together, or null when all hold. One that certainly fails outweighs one that cannot be
 * judged: whatever the missing fact is, the policy does not apply.
 */
export function unmetOf<F>(checks: readonly ((facts: F) => Refusal | null)[], facts: F): Refusal | null {
  let undecided: Refusal | null = null;
  for (const check of checks) {
    const refusal = check(facts);
    if (refusal === null) continue;
    if (refusal.code !== "indeterminate") return refusal;
    undecided ??= refusal;
  }
  return undecided;
}
