/**
 * Selector constraints: facts of the request against a policy's values. A fact that nobody can supply is
 * `indeterminate`, never "no": on a grant it drops the grant, on a deny it denies.
 */
import { type Refusal, refuse } from "../kernel/refusal.ts";
import { type Classification, withinCeiling } from "./classification.ts";
import type { Constraints } from "./constraints.ts";

/** What selectors look at. */
export interface Facts {
  readonly tenantId: string;
  readonly roles: readonly string[];
  readonly classification: Classification;
  readonly tlsVersion: string | null;
}

type Selector<K extends keyof Constraints> = (
  wanted: NonNullable<Constraints[K]>,
  facts: Facts,
) => Refusal | null;

const SECURE_TLS = new Set(["TLSv1.2", "TLSv1.3"]);

const selectors: {
  readonly [K in
    | "allowedTenants"
    | "allowedRoles"
    | "dataClassification"
    | "encryptionRequired"]: Selector<K>;
} = {
  allowedTenants: (tenants, facts) =>
    tenants.includes(facts.tenantId)
      ? null
      : refuse("tenant_not_allowed", {
          evidence: { constraint: "allowedTenants", actual: facts.tenantId, limit: tenants },
        }),
  allowedRoles: (roles, facts) =>
    roles.some((role) => facts.roles.includes(role))
      ? null
      : refuse("role_not_allowed", {
          evidence: { constraint: "allowedRoles", actual: [...facts.roles], limit: roles },
        }),
  dataClassification: (ceiling, facts) =>
    withinCeiling(facts.classification, ceiling)
      ? null
      : refuse("classification_exceeded", {
          evidence: { constraint: "dataClassification", actual: facts.classification, limit: ceiling },
        }),
  encryptionRequired: (required, facts) => {
    if (!required) return null;
    if (facts.tlsVersion === null) {
      return refuse("indeterminate", {
        evidence: { constraint: "encryptionRequired", missing: "request.cf.tlsVersion" },
      });
    }
    return SECURE_TLS.has(facts.tlsVersion)
      ? null
      : refuse("encryption_required", {
          evidence: { constraint: "encryptionRequired", actual: facts.tlsVersion },
        });
  },
};

/** The first selector that does not hold, or null when all hold. */
export function unmetSelector(constraints: Constraints, facts: Facts): Refusal | null {
  const { allowedTenants, allowedRoles, dataClassification, encryptionRequired } = constraints;
  return (
    (allowedTenants && selectors.allowedTenants(allowedTenants, facts)) ??
    (allowedRoles && selectors.allowedRoles(allowedRoles, facts)) ??
    (dataClassification && selectors.dataClassification(dataClassification, facts)) ??
    (encryptionRequired !== undefined ? selectors.encryptionRequired(encryptionRequired, facts) : null)
  );
}
