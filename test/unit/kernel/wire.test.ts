// Refusals on the wire: each code's status and retry advice, in the shapes that SDKs and RFC 9457 readers expect.
import { describe, expect, it } from "vitest";
import { decodeCursor, encodeCursor, pageOf } from "../../../src/kernel/list-page.ts";
import {
  type Refusal,
  type RefusalCode,
  refusalCodes,
  refusalTable,
  refuse,
} from "../../../src/kernel/refusal.ts";
import { azureErrorOf, problemOf, streamErrorEvent } from "../../../src/kernel/wire.ts";

const limit = {
  scope: "agent",
  meter: "tokens",
  window: "minute",
  unit: "tokens",
  limit: 100,
  left: 3,
  resetsAt: "2026-01-31T08:30:00.000Z",
};

const evidence = { limit: 5, secret: "kept inside" };

describe.each(refusalCodes.map((code) => [code, refusalTable[code]] as const))("%s", (code, row) => {
  const refusal = refuse(code, { evidence });

  it("has its status, and says nothing of the evidence, in both shapes", () => {
    for (const answer of [azureErrorOf(refusal, "request_1"), problemOf(refusal, "request_1")]) {
      expect(answer.status).toBe(row.status);
      expect(answer.headers["x-request-id"]).toBe("request_1");
      expect(answer.headers["cache-control"]).toBe("no-store");
      expect(answer.body).not.toContain("kept inside");
      expect(JSON.stringify(answer.headers)).not.toContain("kept inside");
    }
  });

  it("invites a retry only where one can help", () => {
    for (const { headers } of [azureErrorOf(refusal, "r"), problemOf(refusal, "r")]) {
      // SDKs repeat 408, 409, 429 and 5xx by themselves unless told otherwise.
      expect(headers["x-should-retry"]).toBe(String(row.retry));
      expect(headers["retry-after"]).toBe(row.retry ? "1" : undefined);
    }
    // A client that has refreshed its token meanwhile sends the new one with its next try.
    if (row.retry && code !== "token_refreshed") expect([429, 503]).toContain(row.status);
  });

  it("challenges for a proof of possession exactly where one is missing or wrong", () => {
    const challenge = problemOf(refusal, "r").headers["www-authenticate"];
    const error = code === "proof_missing" ? "invalid_token" : "invalid_dpop_proof";
    const isChallenged = code.startsWith("proof_") && row.status === 401;
    expect(challenge).toBe(isChallenged ? `DPoP error="${error}", algs="EdDSA ES256"` : undefined);
  });

  it("has a sentence of its own", () => {
    expect(row.sentence).toMatch(/^[A-Z`].*\.$/);
    expect(refusalCodes.filter((other) => refusalTable[other].sentence === row.sentence)).toEqual([code]);
  });
});

describe("codes that fail closed for a while invite a retry", () => {
  it.each([
    "snapshot_unavailable",
    "revision_unsettled",
    "ledger_unavailable",
    "ledger_overloaded",
    "audit_unavailable",
    "store_unavailable",
    "backend_unavailable",
    "write_in_progress",
  ] as const)("%s", (code) => {
    expect(azureErrorOf(refuse(code), "r")).toMatchObject({
      status: 503,
      headers: { "x-should-retry": "true", "retry-after": "1" },
    });
  });
});

describe("retry hints", () => {
  const hints = (code: RefusalCode, details: Partial<Refusal>) => {
    const { headers } = azureErrorOf(refuse(code, details), "r");
    return [headers["x-should-retry"], headers["retry-after"], headers["retry-after-ms"]];
  };

  it.each(["request_quota_exceeded", "token_quota_exceeded", "cost_quota_exceeded"] as const)(
    "%s stops the SDKs at once, and names a wait only if it is short",
    (code) => {
      expect(hints(code, { retryAfterSeconds: 3_600 })).toEqual(["false", undefined, undefined]);
      expect(hints(code, { retryAfterSeconds: 60.001 })).toEqual(["false", undefined, undefined]);
      expect(hints(code, { retryAfterSeconds: 59.001 })).toEqual(["false", "60", undefined]);
      expect(hints(code, {})).toEqual(["false", undefined, undefined]);
    },
  );

  it.each(["request_rate_exceeded", "token_rate_exceeded", "concurrency_exceeded"] as const)(
    "%s names a wait in both units, rounded up and a minute at most",
    (code) => {
      expect(hints(code, { retryAfterSeconds: 12.3451 })).toEqual(["true", "13", "12346"]);
      expect(hints(code, { retryAfterSeconds: 60.5 })).toEqual(["true", "60", "60000"]);
      expect(hints(code, { retryAfterSeconds: 86_400 })).toEqual(["true", "60", "60000"]);
    },
  );

  it("a request larger than its whole limit is not invited back", () => {
    expect(hints("token_rate_exceeded", { limit: { ...limit, resetsAt: null } })).toEqual([
      "false",
      undefined,
      undefined,
    ]);
  });
});

describe("the limit that bound", () => {
  it("stands in both shapes", () => {
    const refusal = refuse("token_rate_exceeded", { limit, retryAfterSeconds: 3 });
    expect(JSON.parse(azureErrorOf(refusal, "r").body).error.limit).toEqual(limit);
    expect(JSON.parse(problemOf(refusal, "r").body).limit).toEqual(limit);
  });
});

describe("the shapes", () => {
  const refusal: Refusal = refuse("body_invalid", { field: "max_tokens", message: "It is no number." });

  it("Azure's error, for the data plane", () => {
    const { headers, body } = azureErrorOf(refusal, "request_1", "decision_1");
    expect(headers["content-type"]).toBe("application/json");
    expect(headers["portcullis-decision"]).toBe("decision_1");
    expect(JSON.parse(body)).toEqual({
      error: {
        code: "body_invalid",
        message: "It is no number.",
        param: "max_tokens",
        type: "portcullis_refusal",
      },
    });
    const plain = azureErrorOf(refuse("no_matching_grant"), "request_1");
    expect(JSON.parse(plain.body).error.param).toBeNull();
    expect(plain.headers).not.toHaveProperty("portcullis-decision");
  });

  it("an RFC 9457 problem, for the control plane", () => {
    const { headers, body } = problemOf(refusal, "request_1");
    expect(headers["content-type"]).toBe("application/problem+json");
    expect(JSON.parse(body)).toEqual({
      type: "urn:portcullis:problem:body_invalid",
      title: refusalTable.body_invalid.sentence,
      status: 400,
      code: "body_invalid",
      detail: "It is no number.",
      field: "max_tokens",
      requestId: "request_1",
    });
    expect(JSON.parse(problemOf(refuse("not_found"), "r").body)).not.toHaveProperty("field");
  });

  it("one event that ends a stream, whole and on one line", () => {
    const event = streamErrorEvent(refuse("relay_deadline", { message: "line one\nline two" }));
    expect(event).toMatch(/^data: .*\n\n$/);
    expect(JSON.parse(event.slice("data: ".length)).error.code).toBe("relay_deadline");
  });

  it("a wait that is named overrules the default", () => {
    const waiting = refuse("ledger_overloaded", { retryAfterSeconds: 0 });
    expect(azureErrorOf(waiting, "r").headers["retry-after"]).toBe("0");
  });
});

describe("pages and cursors", () => {
  const keyOf = (row: string) => row;

  it("lead through every row once", () => {
    const rows = Array.from({ length: 7 }, (_, index) => `row/${index} ü`);
    const seen: string[] = [];
    let after = "";
    for (;;) {
      const page = pageOf(rows.filter((row) => row > after).slice(0, 4), 3, keyOf);
      seen.push(...page.items);
      if (page.nextCursor === null) break;
      const decoded = decodeCursor(page.nextCursor);
      if (!decoded.ok) throw new Error("a cursor of our own was refused");
      after = decoded.value;
    }
    expect(seen).toEqual(rows);
  });

  it("end where there is no further row", () => {
    expect(pageOf(["a", "b"], 2, keyOf)).toEqual({ items: ["a", "b"], nextCursor: null });
    expect(pageOf([], 2, keyOf)).toEqual({ items: [], nextCursor: null });
    expect(pageOf(["a", "b", "c"], 2, keyOf)).toEqual({ items: ["a", "b"], nextCursor: encodeCursor("b") });
  });

  it.each(["", "a b", "AA==", "%41", "_w", "AB", "\u0000"])("%j is no cursor", (cursor) => {
    expect(decodeCursor(cursor)).toMatchObject({
      ok: false,
      error: { code: "query_invalid", field: "cursor" },
    });
  });
});
