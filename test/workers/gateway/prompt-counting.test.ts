/** Prompts through the whole gateway: bounded by their bytes where that decides, counted once where it would not. */
import { describe, expect, it } from "vitest";
import type { AuditRecord } from "../../../src/audit/audit-record.ts";
import type { Encoding } from "../../../src/azure/encoding.ts";
import {
  admin,
  backend,
  backgroundDone,
  call,
  codeOf,
  completion,
  newCaller,
  ports,
  scriptedAzure,
} from "./gateway-fixture.ts";

await admin("POST", "/v1/deployments", {
  name: "counted",
  model: "gpt-4o",
  maxOutputTokens: 1_000,
  backends: [backend],
});

/** Some 6,100 bytes and 1,400 tokens. */
const prompt = "The toll keeper counts every coin twice, and writes it down. ".repeat(100);
const tokensOf = 100 * 13;

function watchedPorts(usage?: object) {
  const loaded: Encoding[] = [];
  const taken: AuditRecord[] = [];
  return {
    loaded,
    azure: scriptedAzure(() => completion(usage)),
    tokenCounter: (encoding: Encoding) => {
      loaded.push(encoding);
      return ports.tokenCounter(encoding);
    },
    records: { taken, send: async (_home: unknown, record: AuditRecord) => taken.push(record) > 0 },
  };
}

async function told(
  caller: Parameters<typeof call>[0],
  { azure, tokenCounter, records }: ReturnType<typeof watchedPorts>,
  fields: object = {},
) {
  const body = JSON.stringify({ messages: [{ role: "user", content: prompt }], max_tokens: 50, ...fields });
  const response = await call(caller, { azure, tokenCounter, records }, { body });
  const code = response.ok ? "allowed" : await codeOf(response);
  await backgroundDone();
  return { code };
}

async function ask(constraints: object, fields: object = {}, tenant: object = {}) {
  const caller = { ...(await newCaller(constraints, tenant)), deployment: "counted" };
  const watched = watchedPorts();
  const { code } = await told(caller, watched, fields);
  const sent = watched.azure.requests.map(
    (request) => JSON.parse(String(request.body)) as { max_tokens: number },
  );
  return { code, loaded: watched.loaded, maxTokens: sent[0]?.max_tokens, records: watched.records.taken };
}

describe("a prompt of more bytes than tokens are allowed", () => {
  it("is counted once, and allowed when its tokens fit", async () => {
    const { code, loaded, maxTokens, records } = await ask({ maxTokensPerRequest: 2_000 });
    expect(code).toBe("allowed");
    expect(loaded).toEqual(["o200k_base"]);
    expect(maxTokens).toBe(50);
    const decision = records.find((record) => record.kind === "decision");
    expect(decision).toMatchObject({ decision: "allowed", skipped: null });
    expect(decision?.kind === "decision" && decision.reservedTokens).toBeLessThan(1_500);
    expect(decision?.kind === "decision" && decision.reservedTokens).toBeGreaterThanOrEqual(tokensOf + 50);
  });

  it("is refused when its tokens do not fit either", async () => {
    const { code, loaded } = await ask({ maxTokensPerRequest: 1_000 });
    expect(code).toBe("tokens_per_request_exceeded");
    expect(loaded).toEqual(["o200k_base"]);
  });

  it("leaves the whole output that was asked for, where its bytes would leave less", async () => {
    const { code, loaded, maxTokens } = await ask({ maxTokensPerRequest: 6_500 }, { max_tokens: 900 });
    expect([code, loaded, maxTokens]).toEqual(["allowed", ["o200k_base"], 900]);
  });
});

describe("a prompt that its bytes decide", () => {
  it.each<[what: string, constraints: object]>([
    ["without limits", {}],
    ["where all of it fits", { maxTokensPerRequest: 10_000, maxTokensPerMinute: 10_000, maxCostPerDay: 1 }],
  ])("is never counted %s", async (_what, constraints) => {
    const { code, loaded, maxTokens } = await ask(constraints);
    expect([code, loaded, maxTokens]).toEqual(["allowed", [], 50]);
  });
});

describe("a ledger that has no room for the bytes", () => {
  it("tells the number of its first refusal in the record of what became of it", async () => {
    const caller = { ...(await newCaller({ maxTokensPerDay: 10_000 })), deployment: "counted" };
    const usage = { prompt_tokens: 4_000, completion_tokens: 50, total_tokens: 4_050 };
    const watched = watchedPorts(usage);
    const codes: string[] = [];
    for (let time = 0; time < 4; time += 1) codes.push((await told(caller, watched)).code);
    // 10,000, then 5,950 (the bytes no longer fit, the tokens do), then 1,900 (likewise), then nothing.
    expect(codes).toEqual(["allowed", "allowed", "allowed", "token_quota_exceeded"]);
    expect(watched.loaded).toEqual(["o200k_base", "o200k_base", "o200k_base"]);
    const source = watched.records.taken[0]?.source;
    const numbers = watched.records.taken.filter((record) => record.source === source);
    const accountedFor = numbers.flatMap(({ n, skipped }) => (skipped ? [n, skipped.from] : [n]));
    const highest = Math.max(...accountedFor);
    expect(accountedFor.toSorted((left, right) => left - right)).toEqual(
      Array.from({ length: highest }, (_, index) => index + 1),
    );
    expect(numbers.filter(({ skipped }) => skipped !== null)).toHaveLength(3);
  });
});

describe("an image in line", () => {
  const header = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x40\0\0\0\x40";
  const url = `data:image/png;base64,${btoa(header + "\0".repeat(30_000))}`;
  const withImage = { messages: [{ role: "user", content: [{ type: "image_url", image_url: { url } }] }] };

  it("is charged its tokens under a token limit", async () => {
    const { code, loaded } = await ask({ maxTokensPerRequest: 600 }, withImage);
    expect([code, loaded]).toEqual(["allowed", []]);
  });

  it("is still refused under a residency promise", async () => {
    const eu = { home: "eu", residency: { zone: "eu" } };
    const { code } = await ask({}, withImage, eu);
    expect(code).toBe("unsupported_parameter");
  });
});
