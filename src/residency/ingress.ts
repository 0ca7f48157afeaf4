/**
 * Where a tenant's requests may come in and be processed, judged from the place alone, before any byte of the body.
 * Three questions, each with its own code: is the caller's country known (`residency_country`), is it inside
 * (`residency_ingress`), does the Worker run inside (`residency_colo`). And whatever the place, a promise is void on a
 * line in clear text.
 */
import { type Refusal, refuse } from "../kernel/refusal.ts";
import { countryOfColo } from "./colo-table.ts";
import type { Place } from "./place.ts";
import type { ResidencyPromise } from "./promise.ts";
import { isSecureTls } from "./secure-tls.ts";
import { callerInside, isInside } from "./zone.ts";

/** Null when the place keeps the promise. Unknown counts as outside. */
export function ingressRefusal(place: Place, promise: ResidencyPromise): Refusal | null {
  if (promise.zone === "none") return null;
  return (promise.ingress === "zone" ? placeRefusal(place, promise) : null) ?? tlsRefusal(place, promise);
}

function placeRefusal(place: Place, promise: ResidencyPromise): Refusal | null {
  if (place.country === null) {
    return refuse("residency_country", {
      message:
        "The country this request comes from is not known, and the tenant's residency promise needs it.",
      evidence: { ...promised(promise), country: "unknown" },
    });
  }
  if (!callerInside(place, promise)) {
    return refuse("residency_ingress", { evidence: { ...promised(promise), country: place.country } });
  }
  const coloCountry = countryOfColo(place.colo);
  if (isInside(coloCountry, promise)) return null;
  return refuse("residency_colo", {
    evidence: {
      ...promised(promise),
      colo: place.colo ?? "unknown",
      coloCountry: coloCountry ?? "unknown",
    },
  });
}

const tlsRefusal = ({ tlsVersion }: Place, promise: ResidencyPromise): Refusal | null =>
  isSecureTls(tlsVersion)
    ? null
    : refuse("encryption_required", {
        message: "The tenant's residency promise requires TLS 1.2 or newer from the caller.",
        evidence: { ...promised(promise), tlsVersion: tlsVersion ?? "unknown" },
      });

const promised = ({ zone, euReading }: ResidencyPromise) => (zone === "eu" ? { zone, euReading } : { zone });
