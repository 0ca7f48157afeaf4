// A gateway that keeps policies in memory and judges them with the gateway's own code, and files in memory.

import type { CommandIo } from "../../../src/cli/command.ts";
import { PLATFORM, PolicyId, TenantId } from "../../../src/kernel/ids.ts";
import { standingPolicies } from "../../../src/policy/as-code/policy-set.ts";
import { runPolicyTests } from "../../../src/policy/as-code/run-policy-tests.ts";
import { validatePolicies } from "../../../src/policy/as-code/validate-policies.ts";
import { PolicyInput } from "../../../src/policy/policy.ts";
import { Tenant } from "../../../src/policy/tenant.ts";

export const KEY = `pk_${"k".repeat(43)}`;
export const environment = { PORTCULLIS: "https://gateway.contoso.com", ADMIN_KEY: KEY };

interface Kept {
  readonly id: PolicyId;
  input: PolicyInput;
  version: number;
}

export function createFakeGateway(given: readonly object[] = [], platform: readonly object[] = []) {
  const kept: Kept[] = [];
  const writes: string[] = [];
  let count = 0;
  const add = (input: PolicyInput): Kept => {
    count += 1;
    const one = { id: PolicyId.parse(`policy_${count.toString(16).padStart(32, "0")}`), input, version: 1 };
    kept.push(one);
    return one;
  };
  for (const input of given) add(PolicyInput.parse(input));

  const tenant = Tenant.parse({ id: "tenant-a", name: "Tenant A" });
  const setOf = (inputs: readonly PolicyInput[]) => ({
    scope: TenantId.parse("tenant-a"),
    tenant,
    policies: standingPolicies(inputs, "tenant-a" as TenantId),
    platformPolicies: standingPolicies(
      platform.map((input) => PolicyInput.parse(input)),
      PLATFORM,
    ),
    deployments: null,
  });
  const shown = ({ id, input }: Kept) => ({
    ...input,
    id,
    scope: "tenant-a",
    createdAt: "2026-01-01T00:00:00.000Z",
    updatedAt: "2026-01-01T00:00:00.000Z",
  });
  const answer = (status: number, body?: unknown, one?: Kept) =>
    new Response(body === undefined ? null : JSON.stringify(body), {
      status,
      ...(one ? { headers: { etag: `"${one.version}"` } } : {}),
    });
  /** As the gateway refuses what breaks tests that stand. */
  const breaks = (inputs: readonly PolicyInput[]): boolean =>
    runPolicyTests(
      setOf(inputs),
      inputs.flatMap(({ name, tests = [] }) => tests.map((test) => ({ carrier: name, test }))),
    ).some(({ passed }) => !passed);
  const refused = () => answer(422, { code: "policy_tests_failed", detail: "A test would fail." });
  const inputs = () => kept.map(({ input }) => input);

  async function fetch(url: URL | RequestInfo, init: RequestInit = {}): Promise<Response> {
    const { pathname, searchParams } = new URL(String(url));
    const method = init.method ?? "GET";
    const body = init.body === undefined ? undefined : JSON.parse(String(init.body));
    if (new Headers(init.headers).get("x-api-key") !== KEY)
      return answer(401, { code: "api_key_invalid", detail: "No." });
    if (pathname === "/v1/policies/validate") {
      const proposal = {
        inputs: body.policies.map((one: object) => PolicyInput.parse(one)),
        tests: body.tests,
      };
      const options = { fromMs: null, budget: { left: api.steps } };
      return answer(200, validatePolicies(setOf(inputs()), setOf(proposal.inputs), proposal, options));
    }
    if (pathname === "/v1/policies" && method === "GET") {
      const start = Number(searchParams.get("cursor") ?? 0);
      const next = start + 2 < kept.length ? String(start + 2) : null;
      return answer(200, { items: kept.slice(start, start + 2).map(shown), nextCursor: next });
    }
    if (pathname === "/v1/policies") {
      const { tenantId: _tenantId, ...rest } = body;
      const input = PolicyInput.parse(rest);
      if (breaks([...inputs(), input])) return refused();
      writes.push(`create ${input.name}`);
      const one = add(input);
      return answer(201, { ...shown(one), revision: 2 }, one);
    }
    const at = kept.findIndex(({ id }) => pathname.endsWith(id));
    const one = kept[at];
    if (one === undefined) return answer(404, { code: "not_found", detail: "No." });
    if (method === "GET") return answer(200, shown(one), one);
    if (new Headers(init.headers).get("if-match") !== `"${one.version}"`)
      return answer(412, { code: "precondition_failed", detail: "Changed." });
    const changed =
      method === "DELETE" ? inputs().toSpliced(at, 1) : inputs().with(at, PolicyInput.parse(body));
    if (breaks(changed)) return refused();
    writes.push(`${method === "DELETE" ? "delete" : "update"} ${one.input.name}`);
    if (method === "DELETE") {
      kept.splice(at, 1);
      return answer(204);
    }
    one.input = PolicyInput.parse(body);
    one.version += 1;
    return answer(200, { ...shown(one), revision: 2 }, one);
  }

  const api = { fetch: fetch as typeof globalThis.fetch, writes, inputs, steps: 10_000_000 };
  return api;
}

export function filesIo(
  files: Record<string, string>,
): Pick<CommandIo, "readFile" | "writeFile" | "listFolder"> {
  return {
    async readFile(path) {
      const text = files[path];
      if (text === undefined) throw new Error("no such file");
      return text;
    },
    async writeFile(path, text) {
      files[path] = text;
    },
    async listFolder(path) {
      const inside = Object.keys(files).filter((name) => name.startsWith(`${path.replace(/\/$/, "")}/`));
      if (inside.length > 0) return inside.map((name) => name.slice(path.replace(/\/$/, "").length + 1));
      if (path in files) return null;
      throw new Error("no such folder");
    },
  };
}
