// Whatever a ledger goes through, one proof lets one decision through: in any order of calls, with crashes between them.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DecisionId } from "../../../src/kernel/ids.ts";
import { UsedProofs } from "../../../src/quota/used-proofs.ts";

const NOW = 1_790_000_000;
const decision = (n: number) => DecisionId.parse(`decision_${String(n).padStart(32, "0")}`);
const proofOf = (n: number, issuedAtSeconds = NOW, usedBy = n) => ({
  proofId: String(n).padStart(22, "A"),
  issuedAtSeconds,
  usedBy: decision(usedBy),
});

/** One ledger after another on the same disk. */
function ledgers() {
  let horizon = 0;
  let writes = 0;
  const start = () =>
    new UsedProofs(horizon, (seconds) => {
      horizon = seconds;
      writes += 1;
    });
  let running = start();
  return {
    crash() {
      running = start();
    },
    use: (proof: ReturnType<typeof proofOf>, atSeconds: number) =>
      running.use(proof, atSeconds * 1_000)?.code ?? "used",
    writes: () => writes,
  };
}

describe("a proof", () => {
  it("is its decision's, however often that asks, and no other one's", () => {
    const { use } = ledgers();
    expect(use(proofOf(1), NOW)).toBe("used");
    expect(use(proofOf(1), NOW + 5)).toBe("used");
    expect(use(proofOf(1, NOW, 2), NOW + 5)).toBe("proof_replayed");
    expect(use(proofOf(1, NOW + 1, 2), NOW + 5)).toBe("proof_replayed");
    expect(use(proofOf(2), NOW + 5)).toBe("used");
  });

  it("is forgotten only when it is too old to come again, to the second", () => {
    const { use } = ledgers();
    use(proofOf(1), NOW);
    expect(use(proofOf(1, NOW, 2), NOW + 90)).toBe("proof_replayed");
    use(proofOf(3, NOW + 91), NOW + 91);
    expect(use(proofOf(1, NOW, 2), NOW + 91)).toBe("proof_outdated");
    expect(use(proofOf(4, NOW), NOW + 90)).toBe("used");
    expect(use(proofOf(5, NOW), Number.NaN)).toBe("proof_outdated");
  });

  it("that a ledger may have seen before it started is refused, and one made later is not", () => {
    const { use, crash } = ledgers();
    use(proofOf(1, NOW + 10), NOW);
    crash();
    expect(use(proofOf(1, NOW + 10, 2), NOW + 1)).toBe("proof_unsettled");
    expect(use(proofOf(3, NOW + 10), NOW + 1)).toBe("proof_unsettled");
    expect(use(proofOf(4, NOW + 11), NOW + 1)).toBe("used");
    crash();
    expect(use(proofOf(4, NOW + 11, 5), NOW + 12)).toBe("proof_unsettled");
  });

  it("costs a write once for each second in which some were made", () => {
    const { use, writes } = ledgers();
    for (let call = 0; call < 300; call += 1) use(proofOf(call, NOW + Math.floor(call / 100)), NOW + 1);
    expect(writes()).toBe(3);
  });

  it("says how long to wait until a new one is taken", () => {
    const started = new UsedProofs(NOW + 20, () => {});
    expect(started.use(proofOf(1), NOW * 1_000)).toMatchObject({ retryAfterSeconds: 21 });
    expect(started.use(proofOf(1, NOW + 20), (NOW + 40) * 1_000)).toMatchObject({ retryAfterSeconds: 1 });
  });
});

it("lets one decision through and no second one, whatever happens between", () => {
  const step = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({ proof: fc.nat(5), by: fc.nat(3), skew: fc.integer({ min: -30, max: 30 }) }),
    },
    { weight: 1, arbitrary: fc.constant("crash" as const) },
    { weight: 2, arbitrary: fc.record({ seconds: fc.nat(60) }) },
  );
  let through = 0;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { use, crash } = ledgers();
      const users = new Map<number, number>();
      const made = new Map<number, number>();
      let at = NOW;
      for (const one of steps) {
        if (one === "crash") crash();
        else if ("seconds" in one) at += one.seconds;
        else {
          // A proof is made once, by a clock of its own; whoever sees it sends it as often as they like.
          const issuedAtSeconds = made.get(one.proof) ?? at + one.skew;
          made.set(one.proof, issuedAtSeconds);
          if (use(proofOf(one.proof, issuedAtSeconds, one.by), at) !== "used") continue;
          expect(users.get(one.proof) ?? one.by).toBe(one.by);
          users.set(one.proof, one.by);
          through += 1;
        }
      }
    }),
    { numRuns: 2_000 },
  );
  expect(through).toBeGreaterThan(2_000);
});
