// Revocation and introspection as their RFCs have them, and never across tenants.
import { expect, it, vi } from "vitest";
import { createFixture } from "./control-plane-fixture.ts";

const fixture = await createFixture();
const form = { "content-type": "application/x-www-form-urlencoded" };

async function newToken(more: object = {}) {
  const tenantId = await fixture.makeTenant();
  const { body: agent } = await fixture.call("POST", "/agents", { body: { name: "a", tenantId } });
  const { body } = await fixture.call("POST", "/tokens", { body: { agentId: agent.id, ...more } });
  return { tenantId, agentId: agent.id, token: String(body.token), jti: String(body.jti) };
}

it("take the form parameters of their RFCs", async () => {
  const { token, jti, agentId } = await newToken();
  const body = new URLSearchParams({ token, token_type_hint: "access_token" }).toString();
  const active = await fixture.call("POST", "/tokens/introspect", { body, headers: form });
  expect(active.body).toMatchObject({ active: true, jti, client_id: agentId, token_type: "Bearer" });
  const revoked = await fixture.call("POST", "/tokens/revoke", { body, headers: form });
  expect(revoked).toMatchObject({ status: 200, body: { revoked: "token", jti } });
  const inactive = await fixture.call("POST", "/tokens/introspect", { body, headers: form });
  expect(inactive.body).toEqual({ active: false });
});

it.each([
  ["twice", "token=a&token=b", "body_invalid", "token"],
  ["nothing", "", "body_missing", undefined],
  ["an unknown parameter", "token=a&surprise=1", "body_invalid", undefined],
  ["what is not UTF-8", new Uint8Array([0xff, 0xfe]), "body_invalid", undefined],
])("refuse a form with %s", async (_, body, code, field) => {
  const response = await fixture.app.request("http://gateway/tokens/introspect", {
    method: "POST",
    headers: { ...form, "x-api-key": fixture.rootKey },
    body,
  });
  expect(await response.json()).toMatchObject(field === undefined ? { code } : { code, field });
});

it("take a token that has ended along with what it may have been refreshed into, for as long as that may last", async () => {
  const { token, jti, agentId } = await newToken({ expiresIn: 60, refreshableFor: 600 });
  const single = await newToken({ expiresIn: 60 });
  const revoke = async (token: string) =>
    (await fixture.call("POST", "/tokens/revoke", { body: { token } })).body;
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 590_000 });
  try {
    expect(await revoke(single.token)).toMatchObject({ revoked: "nothing" });
    expect(await revoke(`${token.slice(0, -4)}AAAA`)).toMatchObject({ revoked: "nothing" });
    expect(await revoke(token)).toMatchObject({ revoked: "token", jti, agentId });
    expect(fixture.agentLedgers.revocations.at(-1)).toMatchObject({ tokens: [{ tokenId: jti }] });
    vi.setSystemTime(Date.now() + 20_000);
    expect(await revoke(token)).toMatchObject({ revoked: "nothing" });
  } finally {
    vi.useRealTimers();
  }
});

it("take no form where no RFC asks for it", async () => {
  const reply = await fixture.call("POST", "/tokens", { body: "agentId=x", headers: form });
  expect(reply.body).toMatchObject({ code: "content_type_unsupported" });
});

it("answer a key of another tenant as if there were no such token, agent or tenant", async () => {
  const { token, jti, agentId, tenantId } = await newToken();
  const other = await newToken();
  const key = await fixture.makeKey(other.tenantId);
  const told = fixture.agentLedgers.revocations.length;
  const ask = (path: string, body: object) => fixture.call("POST", path, { key, body });
  expect((await ask("/tokens/introspect", { token })).body).toEqual({ active: false });
  expect((await ask("/tokens/revoke", { token })).body).toMatchObject({ revoked: "nothing", jti: null });
  expect(await ask("/tokens/revoke", { jti, agentId })).toMatchObject({ status: 404 });
  expect(await ask("/tokens/revoke", { agentId })).toMatchObject({ status: 404 });
  expect(await ask("/tokens/revoke", { tenantId })).toMatchObject({ body: { code: "tenant_mismatch" } });
  expect(fixture.agentLedgers.revocations).toHaveLength(told);
  const own = await ask("/tokens/revoke", { token: other.token });
  expect(own.body).toMatchObject({ revoked: "token", jti: other.jti });
});

it.each(["not-a-token", "a.b.c"])(
  "take %j for no token: nothing to revoke, and not active",
  async (token) => {
    const revoked = await fixture.call("POST", "/tokens/revoke", { body: { token } });
    expect(revoked).toMatchObject({ status: 200, body: { revoked: "nothing" } });
    const asked = await fixture.call("POST", "/tokens/introspect", { body: { token } });
    expect(asked.body).toEqual({ active: false });
  },
);

it("say that a ledger could not be told, once the revocation is committed", async () => {
  const { token } = await newToken();
  fixture.agentLedgers.isUp = false;
  const reply = await fixture.call("POST", "/tokens/revoke", { body: { token } });
  fixture.agentLedgers.isUp = true;
  expect(reply.body).toMatchObject({
    code: "ledger_unavailable",
    detail: expect.stringContaining("committed"),
  });
  const asked = await fixture.call("POST", "/tokens/introspect", { body: { token } });
  expect(asked.body).toEqual({ active: false });
});
