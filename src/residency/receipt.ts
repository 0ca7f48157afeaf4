/**
 * A receipt: what the gateway states, signed, about one allowed request. It is made of the decision's record, so the two
 * cannot disagree. Fields are only ever added, and readers ignore those they do not know.
 */
import * as z from "zod";
import type { DecisionRecord } from "../audit/audit-record.ts";
import { DecisionId, TenantId } from "../kernel/ids.ts";
import { Revisions } from "../policy/snapshot.ts";
import { Home } from "./home.ts";
import { Place } from "./place.ts";

export const RECEIPT_HEADER = "portcullis-receipt";

/** 9999-12-31T23:59:59Z: what comes after it cannot be written as a date of four digits. */
const LAST_SECOND = 253_402_300_799;

export const Receipt = z.looseObject({
  /** The deployment of the gateway that signed this. */
  iss: z.url(),
  /** When it was decided, in whole seconds: the record's `at`. */
  iat: z.int().min(0).max(LAST_SECOND),
  /** Leads to the record. A replay of /v1/enforce is the same decision and has a receipt of its own. */
  decision: DecisionId,
  surface: z.enum(["relay", "enforce", "model_list", "stored_object"]),
  tenant: TenantId,
  /** Where the tenant's data rests. */
  home: Home,
  /** Where the request came in and was worked on (`colo`), by the platform alone; null = unknown. */
  place: Place.pick({ country: true, continent: true, isEu: true, colo: true, tlsVersion: true }),
  /** Where the call was sent; null where the gateway sent nothing (`enforce`, `model_list`). */
  backend: z.object({ id: z.string(), region: z.string(), sku: z.string() }).nullable(),
  /** Under which policies, tenant document and deployments it was decided. */
  revisions: Revisions,
});
export type Receipt = z.infer<typeof Receipt>;

/** What of a record goes into its receipt. */
export type ReceiptFacts = Pick<
  DecisionRecord,
  "at" | "decision" | "decisionId" | "surface" | "tenantId" | "home" | "backend" | "revisions"
> & { readonly place: Receipt["place"] };

/** @throws for anything but an allowed decision: a refusal has no receipt. */
export function receiptOf(issuer: string, record: ReceiptFacts) {
  const { at, decisionId, surface, tenantId, home, place, backend, revisions } = record;
  if (record.decision !== "allowed" || revisions === null || surface === "unserved")
    throw new Error("Only an allowed decision has a receipt.");
  return {
    iss: issuer,
    iat: Math.floor(Date.parse(at) / 1_000),
    decision: decisionId,
    surface,
    tenant: tenantId,
    home,
    place: {
      country: place.country,
      continent: place.continent,
      isEu: place.isEu,
      colo: place.colo,
      tlsVersion: place.tlsVersion,
    },
    backend,
    revisions,
  };
}
