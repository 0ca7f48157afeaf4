/**
 * Receipts as users meet them: the official SDK's raw response, the audit log, and the command line. Part of
 * official-sdk.test.ts, whose gateway it uses.
 */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { frankfurt, type GatewayUnderTest, virginia } from "./gateway-under-test.ts";

const messages = [{ role: "user" as const, content: "Say hello to the castle." }];
const receiptOf = ({ headers }: { readonly headers: Headers }): string =>
  headers.get("portcullis-receipt") ?? "";

const root = resolve(import.meta.dirname, "../..");

function run(args: readonly string[], environment: Record<string, string> = {}, input = "") {
  const env = { ...process.env, ...environment };
  const command = spawn(join(root, "node_modules/.bin/node"), args, { env });
  command.stdin.end(input);
  return new Promise<{ code: number | null; out: string; err: string }>((done, failed) => {
    let [out, err] = ["", ""];
    command.stdout.on("data", (text) => (out += text));
    command.stderr.on("data", (text) => (err += text));
    command.on("error", failed);
    command.on("close", (code) => done({ code, out, err }));
  });
}

/** `npm run portcullis -- …`, without what npm itself prints. */
const portcullis = (words: readonly string[], input = "") =>
  run([join(root, "src/cli/main.ts"), ...words], {}, input);

export function describeReceipts(gatewayOf: () => GatewayUnderTest): void {
  describe("receipts", () => {
    const tenantId = "receipts";
    let gateway: GatewayUnderTest;
    let agentId: string;
    let token: string;

    beforeAll(async () => {
      gateway = gatewayOf();
      await gateway.admin("POST", "/v1/tenants", { id: tenantId, name: "Receipts" });
      await gateway.admin("POST", "/v1/policies", {
        name: "chat for everyone",
        tenantId,
        effect: "allow",
        actions: ["chat"],
        resources: ["api://azure-openai/models/*"],
        constraints: {},
      });
      ({ id: agentId, token } = await gateway.agent({ tenantId }));
    });

    async function statedBy(receipt: string) {
      const { code, out, err } = await portcullis(
        ["receipt", "verify", "-", "--jwks", gateway.url, "--json"],
        receipt,
      );
      expect({ code, err }).toEqual({ code: 0, err: "" });
      return JSON.parse(out).receipt;
    }

    const recordOf = (decisionId: string) =>
      gateway.recorded(
        `tenant=${tenantId}&agent=${agentId}`,
        (one) => one.kind === "decision" && one.decisionId === decisionId,
      );

    async function agreesWithRecord(receipt: string): Promise<void> {
      const { iss, iat, decision, tenant, ...facts } = await statedBy(receipt);
      const record = await recordOf(decision);
      expect(iat).toBe(Math.floor(Date.parse(String(record.at)) / 1_000));
      expect(tenant).toBe(record.tenantId);
      expect(iss).toMatch(/^https?:/);
      expect(record).toMatchObject(facts);
    }

    it("a whole answer and a stream carry a receipt that agrees with the audit log", async () => {
      const whole = await gateway
        .azure(token)
        .chat.completions.create({ model: "ignored", messages })
        .withResponse();
      const stream = await gateway
        .openai(token, virginia)
        .chat.completions.create({ model: "gpt-4o-mini", messages, stream: true })
        .withResponse();
      for await (const _ of stream.data);
      await Promise.all([whole, stream].map(({ response }) => agreesWithRecord(receiptOf(response))));

      const backend = { region: "swedencentral", sku: "Standard" };
      const { continent, country, colo, tlsVersion } = frankfurt;
      expect(await statedBy(receiptOf(whole.response))).toMatchObject({
        surface: "relay",
        home: "global",
        place: { country, continent, colo, tlsVersion, isEu: true },
        backend,
      });
      expect(await statedBy(receiptOf(stream.response))).toMatchObject({
        place: { country: "US", colo: "IAD", isEu: false },
        backend,
      });
    });

    it("an allowed /v1/enforce carries one, a denied one none", async () => {
      const enforce = async (resourceId: string) => {
        const answer = await gateway.admin("POST", "/v1/enforce", {
          requestId: resourceId,
          tenantId,
          capabilityToken: token,
          action: "chat",
          resourceId,
        });
        return { decision: answer.body.decision, receipt: receiptOf(answer) };
      };
      const allowed = await enforce("api://azure-openai/models/gpt-4");
      expect(allowed.decision).toBe("allowed");
      await agreesWithRecord(allowed.receipt);
      expect(await statedBy(allowed.receipt)).toMatchObject({ surface: "enforce", backend: null });
      expect(await enforce("api://elsewhere/gpt-4")).toEqual({ decision: "denied", receipt: "" });
    });

    it("verifies with a JOSE library as docs/receipts.md prints it", async () => {
      const { response } = await gateway
        .openai(token)
        .chat.completions.create({ model: "gpt-4o-mini", messages })
        .withResponse();
      const markdown = await readFile(join(root, "docs/receipts.md"), "utf8");
      const snippet = /^```ts\n(.*?)^```/ms.exec(markdown)?.[1] ?? "";
      // Inside the project, so that the import of jose resolves.
      const folder = await mkdtemp(join(root, ".receipts-"));
      try {
        const file = join(folder, "verify.ts");
        await writeFile(file, snippet);
        const ended = await run([file], { PORTCULLIS: gateway.url, RECEIPT: receiptOf(response) });
        expect(ended).toMatchObject({ code: 0, out: expect.stringContaining("region: 'swedencentral'") });
      } finally {
        await rm(folder, { recursive: true });
      }
    });

    it("`portcullis receipt verify` reads a kept key set, and tells a receipt from everything else", async () => {
      const { response } = await gateway.openai(token).models.list().withResponse();
      const receipt = receiptOf(response);
      const folder = await mkdtemp(join(tmpdir(), "portcullis-receipts-"));
      try {
        const kept = join(folder, "jwks.json");
        await writeFile(kept, await (await fetch(`${gateway.url}/.well-known/jwks.json`)).text());
        const verify = (text: string) => portcullis(["receipt", "verify", text, "--jwks", kept]);
        const valid = await verify(receipt);
        expect(valid).toMatchObject({ code: 0, err: "" });
        expect(valid.out).toContain("Valid.");
        expect(valid.out).toContain(response.headers.get("portcullis-decision"));
        const [tampered, notAReceipt, none] = await Promise.all([
          verify(receipt.replace(/\.(.)/, (_, first) => (first === "e" ? ".f" : ".e"))),
          verify(token),
          portcullis(["receipt", "verify", receipt]),
        ]);
        expect(tampered).toMatchObject({ code: 1, out: "" });
        expect(notAReceipt).toMatchObject({ code: 1, out: "", err: expect.stringContaining("type_invalid") });
        expect(none).toMatchObject({ code: 2, out: "", err: expect.stringContaining("--jwks") });
      } finally {
        await rm(folder, { recursive: true });
      }
    });
  });
}
