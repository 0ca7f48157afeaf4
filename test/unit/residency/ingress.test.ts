// Every caller's country × every location × every promise, against rules written down here without the tables.
import { describe, expect, it } from "vitest";
import { ingressRefusal } from "../../../src/residency/ingress.ts";
import { placeOf } from "../../../src/residency/place.ts";
import { ResidencyPromise } from "../../../src/residency/promise.ts";

/** Sorted by hand: where on the map of the two zones something is. */
type Whereabouts = "eu" | "efta" | "us" | "elsewhere" | "unknown";

interface Caller {
  readonly country?: string;
  readonly isEUCountry?: string;
  readonly is: Whereabouts;
}

const euCallers = [
  ..."AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split(" "),
  // Åland and Réunion: parts of members with codes of their own, for which the platform's mark speaks.
  "AX",
  "RE",
].map((country): Caller => ({ country, isEUCountry: "1", is: "eu" }));
const callersElsewhere =
  "GB UA TR RS BA AL MD ME MK GE RU BY MC SM VA AD GI FO GL JE SJ CA MX PR GU VI UM BR IN CN";
const callers: readonly Caller[] = [
  ...euCallers,
  ...["NO", "CH", "IS", "LI"].map((country): Caller => ({ country, is: "efta" })),
  { country: "US", is: "us" },
  ...callersElsewhere.split(" ").map((country): Caller => ({ country, is: "elsewhere" })),
  // Platform and table contradict each other: nothing is known for certain, so nobody is inside.
  { country: "DE", is: "elsewhere" },
  { country: "GB", isEUCountry: "1", is: "elsewhere" },
  { country: "T1", is: "unknown" },
  { country: "T1", isEUCountry: "1", is: "unknown" },
  { country: "XX", is: "unknown" },
  { country: "de", isEUCountry: "1", is: "unknown" },
  { is: "unknown" },
];

const colos: readonly (readonly [is: Whereabouts, colos: string])[] = [
  [
    "eu",
    "FRA AMS CDG DUB ARN HEL VIE PRG WAW MAD LIS MXP ATH OTP SOF ZAG LJU MLA LCA RIX TLL VNO LUX BRU CPH BTS BUD",
  ],
  ["efta", "OSL ZRH GVA KEF"],
  ["us", "IAD EWR ORD DFW SJC SEA ANC HNL MIA"],
  // Puerto Rico, Guam and Réunion among them: what is not a state or a member as such is outside.
  ["elsewhere", "LHR MAN EDI IST BEG KBP TIA SKP KIV SJU GUM RUN YYZ YUL MEX SIN NRT SYD GRU JNB DME"],
  ["unknown", "QQQ fra constructor __proto__"],
];

const insiders: Readonly<Record<string, readonly Whereabouts[]>> = {
  "eu data_boundary": ["eu", "efta"],
  "eu members": ["eu"],
  "us data_boundary": ["us"],
  "us members": ["us"],
};

const promises = (["none", "eu", "us"] as const).flatMap((zone) =>
  (["data_boundary", "members"] as const).flatMap((euReading) =>
    (["zone", "anywhere"] as const).map((ingress) => ResidencyPromise.parse({ zone, euReading, ingress })),
  ),
);

function expected(caller: Whereabouts, colo: Whereabouts, promise: ResidencyPromise): string {
  const inside = insiders[`${promise.zone} ${promise.euReading}`];
  if (inside === undefined || promise.ingress === "anywhere") return "welcome";
  if (caller === "unknown") return "residency_country";
  if (!inside.includes(caller)) return "residency_ingress";
  return inside.includes(colo) ? "welcome" : "residency_colo";
}

const everyColo = [
  ...colos.flatMap(([is, codes]) => codes.split(" ").map((colo) => ({ is, colo }))),
  { is: "unknown" as const, colo: undefined },
];

describe("a request's place", () => {
  it.each(promises)("under $zone, $euReading, ingress $ingress", (promise) => {
    for (const { is: caller, ...country } of callers) {
      for (const { is, colo } of everyColo) {
        const place = placeOf({ ...country, colo, tlsVersion: "TLSv1.3" }, "192.0.2.1");
        const outcome = ingressRefusal(place, promise)?.code ?? "welcome";
        expect(outcome, `${JSON.stringify(country)} at ${colo}`).toBe(expected(caller, is, promise));
      }
    }
  });

  it("that nobody stated is refused where the promise needs one", () => {
    for (const facts of [undefined, null, {}, "DE"]) {
      for (const promise of promises) {
        const needed = promise.zone !== "none" && promise.ingress === "zone";
        const code = needed
          ? "residency_country"
          : promise.zone === "none"
            ? undefined
            : "encryption_required";
        expect(ingressRefusal(placeOf(facts, "192.0.2.1"), promise)?.code).toBe(code);
      }
    }
  });
});

describe("the line", () => {
  const secret = [null, "", "none", "SSLv3", "TLSv1", "TLSv1.1", "tlsv1.3"];
  const inFrankfurt = { country: "DE", isEUCountry: "1", colo: "FRA" };
  const inAshburn = { country: "US", colo: "IAD" };

  it.each(promises)("must be encrypted under $zone, $euReading, ingress $ingress", (promise) => {
    const cf = promise.zone === "us" ? inAshburn : inFrankfurt;
    const told = (tlsVersion: unknown) => ingressRefusal(placeOf({ ...cf, tlsVersion }, null), promise)?.code;
    for (const version of secret)
      expect(told(version)).toBe(promise.zone === "none" ? undefined : "encryption_required");
    for (const version of ["TLSv1.2", "TLSv1.3"]) expect(told(version)).toBeUndefined();
  });
});

it("a refusal says what was compared, for administrators", () => {
  const eu = ResidencyPromise.parse({ zone: "eu" });
  const of = (cf: object) => ingressRefusal(placeOf({ tlsVersion: "TLSv1.3", ...cf }, null), eu)?.evidence;
  const asked = { zone: "eu", euReading: "data_boundary" };
  expect(of({})).toEqual({ ...asked, country: "unknown" });
  expect(of({ country: "GB" })).toEqual({ ...asked, country: "GB" });
  expect(of({ country: "NO", colo: "LHR" })).toEqual({ ...asked, colo: "LHR", coloCountry: "GB" });
  expect(of({ country: "NO", colo: "OSL", tlsVersion: "TLSv1" })).toEqual({ ...asked, tlsVersion: "TLSv1" });
});
