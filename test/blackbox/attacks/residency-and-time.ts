/** Attacks with nothing but a token and a key. What slips past a promise, and what changes while a body is on its way. */
import { request } from "node:http";
import { beforeAll, describe, expect, it } from "vitest";
import { frankfurt, virginia } from "../gateway-under-test.ts";
import { chat, gateway, type Json, received, responses, tenant } from "./attack-fixture.ts";

describe("residency", () => {
  let token: string;
  beforeAll(async () => {
    const promise = { home: "eu", residency: { zone: "eu", ingress: "anywhere" } };
    ({ token } = await tenant("eu-nested", {}, promise));
    expect((await chat(token, {}, "raw")).status).toBe(200);
  });

  it("no claim about the place is believed, and no header chooses where Azure processes", async () => {
    const inside = await tenant("eu-inside", {}, { home: "eu", residency: { zone: "eu" } });
    const claims = {
      "CF-IPCountry": "DE",
      "CF-Ray": "8f0000000000-FRA",
      "X-Forwarded-For": "192.0.2.1",
      Forwarded: "for=192.0.2.1",
      "True-Client-IP": "192.0.2.1",
      "X-MS-Spillover-Deployment": "gpt-4o-mini-global",
      "X-Policy-Id": "lax",
    };
    const told = (place: Json) =>
      gateway
        .azure(inside.token, "raw", place)
        .chat.completions.create({ model: "raw", messages: [] as never, max_tokens: 5 }, { headers: claims });
    await expect(told(virginia)).rejects.toMatchObject({ code: "residency_ingress" });
    await expect(told({ tlsVersion: "TLSv1.3" })).rejects.toMatchObject({ code: "residency_country" });
    expect(received).toHaveLength(0);
    await told(frankfurt);
    expect(received).toHaveLength(1);
    const sent = new Set(Object.keys(received[0]?.headers ?? {}));
    expect(Object.keys(claims).filter((name) => sent.has(name.toLowerCase()))).toEqual([]);
  });

  const user = (more: Json) => ({ messages: [{ role: "user", content: "hi", ...more }] });
  for (const [name, body] of [
    ["a message's unknown field", user({ attachments: [{ url: "https://example.org/x" }] })],
    ["a part's unknown field", user({ content: [{ type: "text", text: "", url: "https://example.org" }] })],
    ["a part without a type", user({ content: [{ image_url: { url: "https://example.org/a.png" } }] })],
  ] as const)
    it(`${name} does not slip past a promise (G10: at every depth)`, async () => {
      expect((await chat(token, body, "raw")).status).toBe(400);
      expect(received).toHaveLength(0);
    });

  it("an image in `instructions` does not slip past a promise", async () => {
    const content = [{ type: "input_image", image_url: "https://example.org/a.png" }];
    const { status } = await responses(token, { input: "hi", instructions: [{ role: "user", content }] });
    expect(status).toBe(400);
    expect(gateway.simulator.requests).toHaveLength(0);
  });
});

describe("while a body is on its way", () => {
  /** Sends the head of a call, waits for `meanwhile`, then sends the body. */
  async function trickle(token: string, meanwhile: () => Promise<unknown>): Promise<number> {
    const { hostname, port } = new URL(gateway.url);
    const path = "/openai/deployments/raw/chat/completions?api-version=2024-10-21";
    const headers = { "content-type": "application/json", "api-key": token };
    const answered = Promise.withResolvers<number>();
    const outgoing = request({ hostname, port, method: "POST", path, headers }, (incoming) => {
      incoming.resume();
      answered.resolve(incoming.statusCode ?? 0);
    });
    outgoing.on("error", answered.reject);
    outgoing.write('{"messages":');
    await meanwhile();
    outgoing.end('[{"role":"user","content":"Hi"}]}');
    return answered.promise;
  }

  it("an agent that is disabled meanwhile is refused (G3)", async () => {
    const { id, token } = await tenant("trickle-agent");
    const disable = () => gateway.admin("PATCH", `/v1/agents/${id}`, { status: "disabled" });
    expect(await trickle(token, disable)).toBe(403);
    expect(received).toHaveLength(0);
  });

  it("a grant that is deleted meanwhile grants nothing (G3)", async () => {
    const { policyId, token } = await tenant("trickle-policy");
    const revoke = () => gateway.admin("DELETE", `/v1/policies/${policyId}`);
    expect(await trickle(token, revoke)).toBe(403);
    expect(received).toHaveLength(0);
  });
});
