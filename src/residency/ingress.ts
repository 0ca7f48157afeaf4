/** Where a tenant's requests may come in and be processed, judged from the place alone, before any byte of the body. */
import { type Refusal, refuse } from "../kernel/refusal.ts";
import { isEuColo } from "./colo-table.ts";
import type { Place } from "./place.ts";
import type { ResidencyPromise } from "./promise.ts";

/** Null when the place keeps the promise. Unknown counts as outside. */
export function ingressRefusal(place: Place, promise: ResidencyPromise): Refusal | null {
  if (promise.zone === "none" || promise.ingress === "anywhere") return null;
  if (!inZone(place, promise)) {
    return refuse("residency_ingress", {
      evidence: { zone: promise.zone, country: place.country ?? "unknown" },
    });
  }
  if (!coloInZone(place, promise)) {
    return refuse("residency_colo", { evidence: { zone: promise.zone, colo: place.colo ?? "unknown" } });
  }
  return null;
}

function inZone(place: Place, promise: ResidencyPromise): boolean {
  if (promise.zone === "us") return place.country === "US";
  return place.isEu === true;
}

// Locations of the US home are not in the table yet, so they count as outside.
const coloInZone = (place: Place, promise: ResidencyPromise): boolean =>
  promise.zone === "eu" && place.colo !== null && isEuColo(place.colo);
