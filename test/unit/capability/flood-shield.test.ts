// The flood shield: what is bounded, for whom, and for how long it is remembered.
import { describe, expect, it } from "vitest";
import { admitApiKey } from "../../../src/capability/admit-api-key.ts";
import { mintApiKeyText } from "../../../src/capability/api-key.ts";
import { clientNetwork } from "../../../src/capability/client-network.ts";
import { createFloodShield } from "../../../src/capability/flood-shield.ts";
import { FLOOD_MEMORY_MS, MAX_KNOWN_FLOODS } from "../../../src/kernel/limits.ts";
import { refuse } from "../../../src/kernel/refusal.ts";
import { ok } from "../../../src/kernel/result.ts";

const invalid = refuse("token_signature_invalid");

function shieldWith(allowed: number) {
  const asked: string[] = [];
  const counted: string[] = [];
  let nowMs = 1_000;
  const shield = createFloodShield({
    limiter: {
      async limit({ key }) {
        asked.push(key);
        return { success: asked.filter((known) => known === key).length <= allowed };
      },
    },
    clock: () => nowMs,
    count: (code) => counted.push(code),
  });
  const refused = async (address: string | null) => (await shield.refused(address, invalid)).code;
  return { shield, asked, counted, refused, pass: (ms: number) => (nowMs += ms) };
}

describe("bad credentials of one address", () => {
  it("are told what is wrong up to the limit, then to wait a minute", async () => {
    const { shield, refused } = shieldWith(2);
    expect([await refused("192.0.2.1"), await refused("192.0.2.1")]).toEqual([invalid.code, invalid.code]);
    expect(await shield.refused("192.0.2.1", invalid)).toMatchObject({
      code: "too_many_bad_credentials",
      retryAfterSeconds: 60,
    });
  });

  it("are no matter of another address", async () => {
    const { refused } = shieldWith(1);
    await refused("192.0.2.1");
    await refused("192.0.2.1");
    expect(await refused("192.0.2.2")).toBe(invalid.code);
  });

  it("over the limit are known for a while without asking again, and no longer", async () => {
    const { shield, asked, refused, pass } = shieldWith(0);
    expect(shield.knownFlood("192.0.2.1")).toBeNull();
    await refused("192.0.2.1");
    await refused("192.0.2.1");
    expect(asked).toHaveLength(1);
    pass(FLOOD_MEMORY_MS - 1);
    expect(shield.knownFlood("192.0.2.1")).toMatchObject({ code: "too_many_bad_credentials" });
    pass(1);
    expect(shield.knownFlood("192.0.2.1")).toBeNull();
    await refused("192.0.2.1");
    expect(asked).toHaveLength(2);
  });

  it("are remembered for a bounded number of addresses, the oldest forgotten first", async () => {
    const { shield, refused } = shieldWith(0);
    const address = (n: number) => `10.0.${n >> 8}.${n & 255}`;
    for (let n = 0; n <= MAX_KNOWN_FLOODS; n += 1) await refused(address(n));
    expect(shield.knownFlood(address(0))).toBeNull();
    expect(shield.knownFlood(address(1))).not.toBeNull();
    expect(shield.knownFlood(address(MAX_KNOWN_FLOODS))).not.toBeNull();
  });

  it("are counted by the code that was answered", async () => {
    const { shield, counted, refused } = shieldWith(1);
    await refused("192.0.2.1");
    await refused("192.0.2.1");
    shield.knownFlood("192.0.2.1");
    await refused(null);
    expect(counted).toEqual([
      invalid.code,
      "too_many_bad_credentials",
      "too_many_bad_credentials",
      invalid.code,
    ]);
  });
});

describe("the shield leaves alone", () => {
  it("refusals that no credential caused, and callers the platform gave no address", async () => {
    const { shield, asked, refused } = shieldWith(0);
    expect((await shield.refused("192.0.2.1", refuse("store_unavailable"))).code).toBe("store_unavailable");
    expect((await shield.refused("192.0.2.1", refuse("route_unknown"))).code).toBe("route_unknown");
    expect(await refused(null)).toBe(invalid.code);
    expect(shield.knownFlood(null)).toBeNull();
    expect(asked).toEqual([]);
  });

  it("refusals whose limiter fails: they stay what they were", async () => {
    const limiter = { limit: () => Promise.reject(new Error("ill")) };
    const shield = createFloodShield({ limiter, clock: () => 0, count: () => {} });
    expect(await shield.refused("192.0.2.1", invalid)).toBe(invalid);
  });
});

describe("an API key", () => {
  const text = mintApiKeyText((length) => new Uint8Array(length));
  const headers = new Headers({ "x-api-key": text, "cf-connecting-ip": "192.0.2.1" });

  it("from an address known to be over the limit is not looked up", async () => {
    const { shield, pass } = shieldWith(1);
    let lookUps = 0;
    const find = async () => {
      lookUps += 1;
      return ok(null);
    };
    const code = async () => {
      const admitted = await admitApiKey(
        { find, shield, clock: () => 0, startTimer: () => () => {} },
        headers,
      );
      return admitted.ok ? "ok" : admitted.error.code;
    };
    expect([await code(), await code(), await code()]).toEqual([
      "api_key_invalid",
      "too_many_bad_credentials",
      "too_many_bad_credentials",
    ]);
    expect(lookUps).toBe(2);
    pass(FLOOD_MEMORY_MS);
    await code();
    expect(lookUps).toBe(3);
  });
});

describe("the network of an address", () => {
  it.each([
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:DB8:1:2::9", "2001:db8:1:2::/64"],
    ["2001:0db8:0001:0002::9", "2001:db8:1:2::/64"],
    ["2001:db8::9", "2001:db8:0:0::/64"],
    ["2001:db8:0:0:1::", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["2001:db8::3:4:5:6:7", "2001:db8:0:3::/64"],
  ])("%s is %s", (address, network) => expect(clientNetwork(address)).toBe(network));
});
