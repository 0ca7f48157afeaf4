// What a renewal does to an agent's ledger, and what an expiry releases that nobody renewed.
import { expect, it } from "vitest";
import { type ReservationId, reservationOf } from "../../../src/kernel/ids.ts";
import { RELAY_RESERVATION_MS, RESERVATION_GRACE_MS } from "../../../src/kernel/limits.ts";
import type { AgentBook } from "../../../src/quota/agent-book.ts";
import { longestLifeMs, reservationLifeMs } from "../../../src/quota/agent-reservation.ts";
import type { ReserveRequest } from "../../../src/quota/contracts.ts";
import type { LimitClaim } from "../../../src/quota/limit-claim.ts";
import { ids, moment, NOW, newBook, RELAY_MAX_MS, who } from "./book-fixture.ts";

const caller = (agentVersion = 1) => ({ ...who, agentVersion, tokenId: ids.token(), issuedAtSeconds: 0 });
const concurrency: LimitClaim = {
  owner: "policy:p",
  scope: "tenant",
  subject: null,
  meter: "concurrent",
  window: "open",
  limit: 5,
  amount: 1,
};

function reserve(
  book: AgentBook,
  {
    nowMs = NOW,
    purpose = "relay",
    permitId = null,
  }: Partial<Pick<ReserveRequest, "purpose"> & { nowMs: number; permitId: ReservationId | null }> = {},
): ReservationId {
  const reservationId = reservationOf(ids.decision());
  const candidate = {
    claims: permitId === null ? [] : [concurrency],
    reservedTokens: 100,
    reservedCostNanoUsd: null,
  };
  const request: ReserveRequest = {
    v: 1,
    caller: caller(),
    reservationId,
    decisionId: ids.decision(),
    snapshot: { tenant: 1, platform: 1 },
    purpose,
    candidates: [candidate],
    idempotency: null,
    subject: { requestId: "r", action: "chat", resource: "m", endUser: null },
  };
  const step = book.open(request, 0, candidate, permitId && { permitId, limits: [] }, moment(nowMs));
  expect(step).toMatchObject({ kind: "answer", reply: { outcome: "reserved", relayMaxMs: RELAY_MAX_MS } });
  return reservationId;
}

const renew = (book: AgentBook, reservationId: ReservationId, nowMs: number, agentVersion = 1) =>
  book.renew({ v: 1, caller: caller(agentVersion), reservationId }, moment(nowMs));

it("a reservation lasts as long again from each renewal, and no longer", () => {
  const { book, open, records } = newBook();
  const id = reserve(book);
  expect(book.nextDeadlineMs()).toBe(NOW + RELAY_RESERVATION_MS);
  for (const laterMs of [80_000, 160_000]) {
    book.expire(NOW + laterMs);
    expect(renew(book, id, NOW + laterMs)).toMatchObject({ outcome: "renewed" });
    expect(open.get(id)?.expiresAtMs).toBe(NOW + laterMs + RELAY_RESERVATION_MS);
  }
  book.expire(NOW + 160_000 + RELAY_RESERVATION_MS - 1);
  expect(records).toEqual([]);
  book.expire(NOW + 160_000 + RELAY_RESERVATION_MS);
  // The decision has the first number: renewals take none.
  expect(records).toMatchObject([{ kind: "abandoned", n: 2, chargedTokens: 100 }]);
});

it("what has ended, never was, or is no relay is unknown", () => {
  const { book } = newBook();
  const [expired, enforced] = [reserve(book), reserve(book, { purpose: "enforce" })];
  book.expire(NOW + RELAY_RESERVATION_MS);
  for (const id of [expired, enforced, reservationOf(ids.decision())])
    expect(renew(book, id, NOW + RELAY_RESERVATION_MS)).toMatchObject({ outcome: "unknown" });
});

it("goes on when its token is refreshed, and not when the token is revoked", () => {
  const { book } = newBook();
  const id = reserve(book);
  const holder = caller();
  const renewed = (nowMs: number) => book.renew({ v: 1, caller: holder, reservationId: id }, moment(nowMs));
  const successor = { tokenId: ids.token(), issuedAtSeconds: 1, expiresAtSeconds: 901 };
  const snapshot = { tenant: 1, platform: 1 };
  const refreshed = book.refresh(
    { v: 1, caller: holder, snapshot, proof: null, expiresAtSeconds: 900, successor },
    moment(NOW),
  );
  expect(refreshed).toEqual({ outcome: "refreshed", successor });
  expect(renewed(NOW + 1)).toMatchObject({ outcome: "renewed" });
  expect(book.confirm({ v: 1, caller: holder, snapshot }, moment(NOW + 1))).toMatchObject({
    refusal: { code: "token_refreshed" },
  });
  book.revokeTokens(
    { tokens: [{ tokenId: holder.tokenId, expiresAtMs: NOW + 900_000 }], notBeforeMs: null },
    NOW + 2,
  );
  expect(renewed(NOW + 3)).toMatchObject({ refusal: { code: "token_revoked" } });
});

it.each([
  ["disabled", 1, "agent_disabled"],
  ["deleted", 1, "agent_unknown"],
  ["active", 1, "token_outdated"],
] as const)(
  "an agent that is %s now is refused with the reason, and its reservation stays as it was",
  (status, agentVersion, code) => {
    const { book, open } = newBook();
    const id = reserve(book);
    book.putAgent({ ...who, version: 2, status });
    expect(renew(book, id, NOW + 30_000, agentVersion)).toMatchObject({
      outcome: "refused",
      refusal: { code },
    });
    expect(open.get(id)?.expiresAtMs).toBe(NOW + RELAY_RESERVATION_MS);
  },
);

it("a call whose token comes of one that was revoked meanwhile is refused", () => {
  const { book } = newBook();
  const id = reserve(book);
  const parent = { tokenId: ids.token(), issuedAtSeconds: 0 };
  const asking = { ...caller(), ancestors: [parent] };
  const renewed = () => book.renew({ v: 1, caller: asking, reservationId: id }, moment(NOW + 30_000));
  expect(renewed()).toMatchObject({ outcome: "renewed" });
  book.revokeTokens({ tokens: [{ ...parent, expiresAtMs: NOW + 60_000 }], notBeforeMs: null }, NOW);
  expect(renewed()).toMatchObject({ outcome: "refused", refusal: { code: "token_revoked" } });
});

it("one that floats is stored from its first renewal on", () => {
  const { book, open } = newBook();
  let id = reserve(book);
  for (let calls = 0; calls < 60; calls += 1) id = reserve(book);
  expect(open.has(id)).toBe(false);
  expect(renew(book, id, NOW + 100)).toMatchObject({ outcome: "renewed" });
  // A call that goes on is stored from its first renewal on.
  expect(open.get(id)?.expiresAtMs).toBe(NOW + 100 + RELAY_RESERVATION_MS);
  book.close(NOW + 10_000);
  expect(open.get(id)?.expiresAtMs).toBe(NOW + 100 + RELAY_RESERVATION_MS);
});

it("renewals make no ledger busy", () => {
  const { book } = newBook();
  const id = reserve(book);
  for (let times = 0; times < 200; times += 1) renew(book, id, NOW);
  expect(book.isBusy(NOW)).toBe(false);
});

it("an expiry tells the tenant's ledger that the call is over", () => {
  const { book, settlements } = newBook();
  const permitId = reservationOf(ids.decision());
  reserve(book, { permitId });
  reserve(book);
  book.expire(NOW + RELAY_RESERVATION_MS);
  expect(settlements).toEqual([{ home: who.home, tenantId: who.tenantId, reservationId: permitId }]);
});

it("lasts no longer than the relay itself can, and enforce has its own time", () => {
  expect(reservationLifeMs("relay", RELAY_MAX_MS)).toBe(RELAY_RESERVATION_MS);
  expect(longestLifeMs("relay", RELAY_MAX_MS)).toBe(RELAY_MAX_MS + RESERVATION_GRACE_MS);
  expect(reservationLifeMs("relay", 1_000)).toBe(1_000 + RESERVATION_GRACE_MS);
  expect([reservationLifeMs("enforce", 1_000), longestLifeMs("enforce", 1_000)]).toEqual([600_000, 600_000]);
});
