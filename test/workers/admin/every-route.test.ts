/**
 * Bad input on every route of the description, and every answer against the schema it declares. Rows come from the
 * descriptions: a new route is covered without a line here, save for the table of documents without meaning.
 */
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { controlPlaneDescriptions } from "../../../src/admin/control-plane-descriptions.ts";
import { openApiOf } from "../../../src/admin/openapi.ts";
import { type PathMethod, pathTable } from "../../../src/azure/path-table.ts";
import { ApiKeyScope } from "../../../src/capability/api-key.ts";
import { compose } from "../../../src/compose.ts";
import { MAX_ADMIN_BODY_BYTES, MAX_BODY_BYTES } from "../../../src/kernel/limits.ts";
import type { RouteDescription } from "../../../src/kernel/route-description.ts";
import {
  call,
  expectRefusal,
  foreignKey,
  foreignTenant,
  makeKey,
  makeObject,
  membersOf,
  objectOf,
  objectPathOf,
  opened,
  ownTenant,
  routes,
  shapeOf,
  targetOf,
  token,
  validTarget,
  writtenFor,
} from "./every-route-fixture.ts";

const behindKey = routes.filter(({ credential }) => credential.kind === "api_key");
const behindToken = routes.filter(({ credential }) => credential.kind === "token");
const ofAzure = behindToken.filter(({ errors }) => errors === "azure");
const withBody = routes.filter(({ body }) => body !== null && body.mediaType === undefined);
const withForm = routes.filter(({ body }) => body?.mediaType !== undefined);
const ofControlPlane = behindKey.filter(({ query }) => query !== null);
const onObjects = ofControlPlane.filter(({ params }) => Object.keys(params).length > 0);
const isPlatformOnly = ({ operationId }: RouteDescription): boolean =>
  controlPlaneDescriptions.some((one) => one.operationId === operationId && one.platformOnly === true);

const expiredKey = await makeKey(null, ApiKeyScope.options, "2026-01-02T00:00:00.000Z");

/** Refused before any object is looked for. */
const nobody = "nobody";

it("describes exactly the routes that the control plane serves", async () => {
  const { controlPlane } = await compose(env);
  const served = controlPlane.routes.flatMap(({ method, path }) =>
    method === "ALL" ? [] : [`${method} ${path}`],
  );
  const described = ofControlPlane.map(({ method, path }) => `${method} ${path}`);
  expect(served.sort()).toEqual(described.sort());
});

it("is answered to anybody at /v1/openapi.json", async () => {
  const reply = await call("GET", "/v1/openapi.json", { key: null });
  expect(reply.body).toEqual(JSON.parse(JSON.stringify(openApiOf(routes))));
  expect(await call("POST", "/v1/openapi.json", { key: null })).toMatchObject({
    status: 405,
    body: { code: "method_not_allowed" },
  });
});

describe("the credential", () => {
  it.each(behindKey)("of $method $path is an API key with its scope", async (route) => {
    const { path, body } = targetOf(route, nobody);
    const answers = (key: string | null) => call(route.method, path, { key, body });
    expectRefusal(route, await answers(null), { code: "api_key_missing" });
    expectRefusal(route, await answers("pk_short"), { code: "api_key_invalid" });
    expectRefusal(route, await answers(`pk_${"A".repeat(43)}`), { code: "api_key_invalid" });
    expectRefusal(route, await answers(token), { code: "api_key_invalid" });
    expectRefusal(route, await answers(expiredKey), { code: "api_key_expired" });

    const needed = "scope" in route.credential ? route.credential.scope : "";
    const others = ApiKeyScope.options.filter((scope) => scope !== needed);
    const lacking = await answers(await makeKey(null, others));
    expectRefusal(route, lacking, { code: "scope_missing" });
    expect(lacking.body.detail).toContain(needed);
  });

  it.each(behindToken)("of $method $path is a capability token", async (route) => {
    const { path, body } = await validTarget(route);
    const answers = (headers: Record<string, string>) =>
      call(route.method, path, { key: null, body, headers });
    expectRefusal(route, await answers({}), { code: "token_missing" });
    expectRefusal(route, await answers({ "api-key": "aaa.bbb.ccc" }), { code: "token_malformed" });
    expectRefusal(route, await answers({ "api-key": await makeKey(null) }), { code: "token_malformed" });
    expectRefusal(route, await answers({ "api-key": "x".repeat(9_000) }), { code: "token_too_large" });
    const different = { "api-key": token, authorization: `Bearer ${token}x` };
    expectRefusal(route, await answers(different), { code: "credentials_conflict" });
  });
});

describe("the method", () => {
  /** What Azure takes there and the gateway does not serve is told as that. */
  const isRefusedByName = ({ path }: RouteDescription, method: string): boolean =>
    pathTable
      .find((row) => row.path === path.replaceAll(/:(\w+)/g, "{$1}"))
      ?.methods.get(method as PathMethod)?.kind === "unserved"; // A map knows no other keys.

  const methods = ["GET", "POST", "PUT", "PATCH", "DELETE"];
  it.each(routes)("beside $method of $path is refused", async (route) => {
    const { path } = targetOf(route, nobody);
    const taken = routes.filter((other) => other.path === route.path).map(({ method }) => method as string);
    for (const method of methods.filter((name) => !taken.includes(name) && !isRefusedByName(route, name))) {
      const reply = await call(method, path, opened(route));
      expectRefusal(route, reply, { code: "method_not_allowed" });
      const hasHead = route.errors === "problem" && taken.includes("GET");
      const allowed = hasHead ? [...taken, "HEAD"] : taken;
      expect(reply.headers.get("allow")?.split(", ").sort()).toEqual(allowed.sort());
    }
  });
});

it("refuses to write the reference page", async () => {
  const reply = await call("POST", "/v1/docs", { key: null });
  expect(reply).toMatchObject({ status: 405, body: { code: "method_not_allowed" } });
  expect(reply.headers.get("allow")).toBe("GET, HEAD");
});

describe("the query", () => {
  it.each(ofControlPlane)("of $method $path has no unknown parameter", async (route) => {
    const { path, body } = targetOf(route, nobody);
    const reply = await call(route.method, `${path.split("?")[0]}?surprise=1`, { body });
    expectRefusal(route, reply, { code: "query_invalid", field: "surprise" });
  });

  const parameters = ofControlPlane.flatMap((route) =>
    Object.keys(shapeOf(route.query)).map((name) => ({ ...route, name })),
  );
  it.each(parameters)("of $method $path has one well-formed $name", async ({ name, ...route }) => {
    for (const query of [
      `${name}=`,
      `${name}=%21%00`,
      `${name}=1&${name}=1`,
      `${name}=${"x".repeat(2_000)}`,
    ]) {
      const reply = await call(route.method, `${route.path}?${query}`);
      expectRefusal(route, reply, { code: "query_invalid", field: name });
    }
  });

  it.each(ofAzure)("of $method $path has an api-version that Azure knows", async (route) => {
    const { path, body } = await validTarget(route);
    const reply = await call(route.method, `${path.split("?")[0]}?api-version=latest`, {
      ...opened(route),
      body,
    });
    expectRefusal(route, reply, { code: "api_version_invalid", field: "api-version" });
  });
});

describe("the body", () => {
  const deep = `${'{"a":'.repeat(65)}1${"}".repeat(65)}`;
  const endless = () => {
    const chunk = new Uint8Array(64 * 1024).fill(0x20);
    return new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(chunk) });
  };

  it.each(withBody)("of $method $path is bounded JSON", async (route) => {
    const { path } = await validTarget(route);
    const maxBytes = route.errors === "azure" ? MAX_BODY_BYTES : MAX_ADMIN_BODY_BYTES;
    const answers = (body: unknown, headers = {}) =>
      call(route.method, path, { ...opened(route), body, headers });
    for (const type of ["text/plain", "application/json; charset=latin1", "multipart/form-data"]) {
      expectRefusal(route, await answers("{}", { "content-type": type }), {
        code: "content_type_unsupported",
        field: "content-type",
      });
    }
    expectRefusal(route, await answers(""), { code: "body_missing" });
    for (const text of ['{"name": ', "[]", "null", '"text"', deep]) {
      expectRefusal(route, await answers(text), { code: "body_invalid" });
    }
    expectRefusal(route, await answers(new Uint8Array([0x22, 0xff, 0x22])), { code: "body_invalid" });
    expectRefusal(route, await answers(" ".repeat(maxBytes + 1)), { code: "body_too_large" });
    expectRefusal(route, await answers(endless()), { code: "body_too_large" });
  });

  it.each(withForm)("of $method $path is a bounded form", async (route) => {
    const { path } = await validTarget(route);
    const answers = (body: unknown, type = "multipart/form-data; boundary=b") =>
      call(route.method, path, { ...opened(route), body, headers: { "content-type": type } });
    for (const type of ["text/plain", "application/json", "multipart/form-data"]) {
      const code = "content_type_unsupported";
      expectRefusal(route, await answers("{}", type), { code, field: "content-type" });
    }
    expectRefusal(route, await answers(""), { code: "body_missing" });
    for (const text of ["{}", "--b", "--b--x"])
      expectRefusal(route, await answers(text), { code: "body_invalid" });
    expectRefusal(route, await answers(endless()), { code: "body_too_large" });
  });

  const exact = withBody.filter(({ errors }) => errors === "problem");
  it.each(exact)("of $method $path has no unknown member, and all that it must have", async (route) => {
    const { path, body } = await validTarget(route);
    const answers = (changed: object) => call(route.method, path, { body: { ...body, ...changed } });
    expectRefusal(route, await answers({ surprise: true }), { code: "body_invalid", field: "surprise" });
    for (const name of membersOf(route).required) {
      expectRefusal(route, await answers({ [name]: undefined }), { code: "body_invalid", field: name });
    }
  });

  const wrongs = [null, 3.5, "", "\u0000 ?", true, [3.5], { surprise: 3.5 }, "x".repeat(20_000)];
  it.each(exact)("of $method $path has members of their types", async (route) => {
    const { path, body } = await validTarget(route);
    for (const name of Object.keys(membersOf(route).all)) {
      const refused = wrongs.filter(
        (value) => route.body?.schema.safeParse({ ...body, [name]: value }).success === false,
      );
      expect(refused.length, name).toBeGreaterThanOrEqual(3);
      for (const value of refused) {
        const reply = await call(route.method, path, { body: { ...body, [name]: value } });
        const field = expect.stringMatching(new RegExp(`^${name}(?:$|[.[])`));
        expectRefusal(route, reply, { code: "body_invalid", field });
      }
    }
  });

  const range = { validFrom: "2026-02-01T00:00:00.000Z", validUntil: "2026-01-01T00:00:00.000Z" };
  const backwards = { constraints: range };
  const detail = { type: "model_invocation", actions: ["chat"], locations: ["*"], ...backwards };
  const someTest = {
    actions: ["chat"],
    name: "t",
    principals: Array.from({ length: 20 }, () => ({})),
    resources: Array.from({ length: 10 }, (_, index) => `api://made/${index}`),
    at: "2026-01-01T00:00:00.000Z",
    expect: { decision: "denied" },
  };
  /** More cases than one request may run. */
  const manyTests = Array.from({ length: 26 }, () => someTest);
  const ofSmallOrder = { kty: "OKP", crv: "Ed25519", x: "A".repeat(43) };
  /** The public half of the first key of a secret. */
  const ownKeyIn = (secret: string) => {
    const { kty, crv, x } = JSON.parse(secret).keys[0];
    return { kty, crv, x };
  };
  const unfitKeys: readonly (readonly [object, string])[] = [
    ofSmallOrder,
    ...[env.SIGNING_KEYS, env.RECEIPT_KEYS].map(ownKeyIn),
  ].map((publicKey) => [{ publicKey }, "publicKey"]);
  const withoutMeaning: Readonly<Record<string, readonly (readonly [object, string])[]>> = {
    createAgent: unfitKeys,
    changeAgent: unfitKeys,
    createApiKey: [[{ expiresAt: "2026-01-01T00:00:00.000Z" }, "expiresAt"]],
    createPolicy: [[backwards, "constraints.validUntil"]],
    validatePolicies: [[{ tests: manyTests }, "tests"]],
    replacePolicy: [[backwards, "constraints.validUntil"]],
    replaceTenant: [
      [{ home: "eu" }, "home"],
      [{ id: "another" }, "id"],
    ],
    replaceDeployment: [[{ name: "another" }, "name"]],
    simulatePolicies: [
      [
        { policies: [{ name: "n", effect: "allow", actions: ["chat"], resources: ["*"], ...backwards }] },
        "policies[0].constraints.validUntil",
      ],
    ],
    revertPolicy: [[{ revision: 0 }, "constraints.validUntil"]],
    reportUsage: [
      [{ totalTokens: 1 }, "totalTokens"],
      [{ cachedPromptTokens: 1_000 }, "cachedPromptTokens"],
      [{ released: true }, "promptTokens"],
    ],
    revokeTokens: [
      [{ token }, "token"],
      [{ jti: "token_0192f0c1a2b37c4d8e5f60718293a4b5" }, "jti"],
      [{ before: "2999-01-01T00:00:00.000Z" }, "before"],
    ],
    exchangeToken: [[{ authorization_details: [detail] }, "authorization_details[0].constraints.validUntil"]],
    issueToken: [
      [{ authorizationDetails: [detail] }, "authorizationDetails[0].constraints.validUntil"],
      [{ expiresIn: 60, refreshableFor: 59 }, "refreshableFor"],
    ],
  };
  it.each(exact.filter(({ refusals }) => refusals.includes("meaningless")))(
    "of $method $path means something",
    async (route) => {
      const { path, body } = await validTarget(route);
      if (route.operationId === "revertPolicy") await keepVersion(path.split("/")[3] ?? "", backwards);
      const rows = withoutMeaning[route.operationId] ?? [];
      expect(rows, `Say in this table what means nothing to ${route.operationId}.`).not.toEqual([]);
      for (const [changed, field] of rows) {
        const reply = await call(route.method, path, { body: { ...body, ...changed } });
        expect(reply.status).toBe(422);
        expectRefusal(route, reply, { code: "meaningless", field });
      }
    },
  );
});

/** A version that an earlier program took, in the history of a policy. */
async function keepVersion(id: string, changed: object): Promise<void> {
  await env.GLOBAL_DB.prepare(
    `INSERT INTO policy_history (policy_id, revision, scope, operation, at, document_after)
      SELECT id, 0, scope, 'baseline', '2026-01-01T00:00:00.000Z', json_patch(document, ?2)
      FROM policies WHERE id = ?1`,
  )
    .bind(id, JSON.stringify(changed))
    .run();
}

describe("the precondition", () => {
  const changing = ofControlPlane.filter(({ method }) => method !== "GET" && method !== "POST");
  it("is heeded by every PUT, PATCH and DELETE, and by a revert", () => {
    const conditional = ofControlPlane.filter(({ isConditional }) => isConditional);
    expect(conditional).toEqual(expect.arrayContaining(changing));
    expect(conditional.map(({ operationId }) => operationId)).toContain("revertPolicy");
  });

  it.each(ofControlPlane.filter(({ isConditional }) => isConditional))(
    "of $method $path is the version that its caller has seen",
    async (route) => {
      const id = await makeObject(route.path);
      const { path, body } = targetOf(route, id);
      const own = objectPathOf(route, id);
      const answers = (ifMatch: string) =>
        call(route.method, path, { body, headers: { "if-match": ifMatch } });
      const before = await call("GET", own);
      const etag = before.headers.get("etag") ?? "";
      expect(etag).toMatch(/^"[0-9a-f]{64}"$/);
      for (const malformed of ["", "no-tag", `${etag} ${etag}`, `*, ${etag}`, `"open`]) {
        expectRefusal(route, await answers(malformed), { code: "precondition_invalid", field: "if-match" });
      }
      for (const other of ['"other"', `W/${etag}`, `"a", "b,${etag.slice(1)}`]) {
        const reply = await answers(other);
        expectRefusal(route, reply, { code: "precondition_failed", field: "if-match" });
        expect(reply.headers.get("etag")).toBe(etag);
      }
      expect(await call("GET", own)).toMatchObject({ status: 200, body: before.body });

      const written = await answers(`"other", ${etag}`);
      expect(written.status, written.text).toBe(route.answer.status);
      const after = await call("GET", own);
      expect(after.headers.get("etag")).toBe(written.headers.get("etag"));
      if (route.method === "DELETE") return expect(after.status).toBe(404);
      expect((await answers("*")).status).toBe(route.answer.status);
    },
  );
});

describe("objects of other tenants, and of nobody", () => {
  it.each(onObjects)("$method $path reaches none of them", async (route) => {
    const id = await makeObject(route.path);
    const { path, body } = targetOf(route, id);
    const code = isPlatformOnly(route) ? "scope_missing" : "not_found";
    const own = route.method === "GET" ? path : objectPathOf(route, id);
    const before = await call("GET", own);
    const unnamed = path.split("?")[0] ?? "";
    expectRefusal(route, await call(route.method, unnamed, { key: foreignKey, body }), { code });
    expect(await call("GET", own)).toMatchObject({ status: 200, body: before.body });

    const absent = targetOf(route, `${id.slice(0, -4)}0000`);
    expectRefusal(route, await call(route.method, absent.path, { body: absent.body }), { code: "not_found" });
  });

  const naming = ofControlPlane.filter(
    (route) =>
      "tenantId" in membersOf(route).all ||
      ("tenant" in shapeOf(route.query) && Object.keys(route.params).length === 0),
  );
  it.each(naming)("$method $path is for no tenant but the key's", async (route) => {
    const { path, body } = await validTarget(route);
    const field = body === undefined ? "tenant" : "tenantId";
    const naming = (tenant: string, key?: string) => {
      const named = body === undefined ? `${path}?tenant=${tenant}` : path;
      const options = key === undefined ? {} : { key };
      return call(route.method, named, { ...options, body: body && { ...body, tenantId: tenant } });
    };
    expectRefusal(route, await naming(ownTenant, foreignKey), { code: "tenant_mismatch", field });
    expectRefusal(route, await naming("nowhere"), { code: "not_found", field });
    expect((await naming(foreignTenant, foreignKey)).status).toBe(route.answer.status);
  });

  const namingAgents = exactlyWith("agentId").filter(({ body }) => "agentId" in objectOf(body?.example));
  it.each(namingAgents)("$method $path is for no agent but the key's tenant's", async (route) => {
    const { path, body } = await validTarget(route);
    const reply = await call(route.method, path, { key: foreignKey, body });
    expectRefusal(route, reply, { code: "not_found", field: "agentId" });
  });

  it.each(ofAzure.filter(({ body }) => body !== null))(
    "$method $path knows no other deployment",
    async (route) => {
      const { path, body } = targetOf(route, nobody);
      const changed = "model" in objectOf(body) ? { ...body, model: nobody } : body;
      const written = writtenFor(route, objectOf(changed));
      const reply = await call(route.method, path, { ...opened(route), body: written });
      expectRefusal(route, reply, { code: "deployment_unknown" });
    },
  );
});

function exactlyWith(member: string): readonly RouteDescription[] {
  return ofControlPlane.filter((route) => member in membersOf(route).all);
}

describe("the answer", () => {
  // What answers for Azure is Azure's; of these the gateway answers one by itself.
  const answered = routes.filter(
    ({ errors, operationId }) => errors === "problem" || /listModels$/i.test(operationId),
  );
  // Once the key that signs is promoted away and killed, nothing is issued any more.
  const takesKeysAway = ({ path }: RouteDescription) => path.startsWith("/v1/keys/signing");
  const keysLast = [...answered.filter((one) => !takesKeysAway(one)), ...answered.filter(takesKeysAway)];
  it.each(keysLast)("of $method $path is what it declares", async (route) => {
    const { path, body } = await validTarget(route);
    const isList = /page$/i.test(route.answer.schema?.meta()?.id ?? "");
    const isTenants = "tenant" in shapeOf(route.query) && !path.includes("?");
    const query = isTenants ? `?tenant=${ownTenant}` : "";
    const reply = await vi.waitFor(
      async () => {
        const answer = await call(route.method, `${path}${query}`, { ...opened(route), body });
        expect(answer.status, answer.text).toBe(route.answer.status);
        // Records reach the log by the queue.
        if (isList) expect(answer.body.items).not.toEqual([]);
        return answer;
      },
      { timeout: 10_000, interval: 200 },
    );
    if (route.answer.schema === null) expect(reply.text).toBe("");
    // Schemas that strip what they do not know would hide a member nobody documented.
    else expect(route.answer.schema.parse(reply.body)).toEqual(reply.body);
    expect(reply.headers.has("etag")).toBe(route.answer.hasEtag === true);
    expect(reply.headers.has("portcullis-revision")).toBe(route.answer.hasRevision === true);
    if (reply.body?.revision !== undefined && route.answer.hasRevision) {
      expect(reply.headers.get("portcullis-revision")).toBe(String(reply.body.revision));
    }
  });
});
