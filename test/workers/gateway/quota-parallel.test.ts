// Many calls at once against one limit, through the real gateway and ledgers: never one too many, never one too few.
import { expect, it } from "vitest";
import { newCaller } from "./gateway-fixture.ts";
import { quiet, stored, times, volley, watchLedgers } from "./quota-drive.ts";

it("500 calls of one agent against 100 a day", async () => {
  const caller = await newCaller({ maxRequestsPerDay: 100 });
  const { ledgers, over } = watchLedgers();
  const t0 = performance.now();
  const { tally, requests } = await volley(
    times(500, () => ({ caller })),
    { overrides: { ledgers } },
  );
  console.log(performance.now() - t0, tally);
  expect(tally).toEqual({ allowed: 100, request_quota_exceeded: 400 });
  expect(requests).toHaveLength(100);
  expect(over).toEqual([]);
  await quiet([caller]);
  expect(await stored(caller)).toEqual({ used: { "agent/requests/day": 100 }, ahead: 0, open: 0 });
});
