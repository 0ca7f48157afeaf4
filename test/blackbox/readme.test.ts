/** The README's quick start is run as it is printed. */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type GatewayUnderTest, startGatewayUnderTest } from "./gateway-under-test.ts";

let gateway: GatewayUnderTest;
let readme: string;

beforeAll(async () => {
  gateway = await startGatewayUnderTest();
  readme = await readFile("README.md", "utf8");
});
afterAll(() => gateway.close());

const block = (language: string): string => {
  const found = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "ms").exec(readme)?.[1];
  if (!found) throw new Error(`The README has no ${language} block.`);
  return found;
};

function run(command: string, args: readonly string[], env: Record<string, string>) {
  return new Promise<{ code: number | null; output: string }>((resolve, reject) => {
    const child = spawn(command, args, { env: { ...process.env, ...env } });
    let output = "";
    child.stdout.on("data", (text) => (output += text));
    child.stderr.on("data", (text) => (output += text));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output }));
  });
}

it("works in curl and in TypeScript", async () => {
  const script = `set -euo pipefail\n${block("sh")}\necho; echo "TOKEN=$TOKEN"`;
  const curl = await run("bash", ["-c", script], { PORTCULLIS: gateway.url, ADMIN_KEY: gateway.adminKey });
  expect(curl.output).toContain('"decision":"allowed"');
  expect(curl.output).toContain('"object":"chat.completion"');
  expect(curl.code).toBe(0);

  const token = /TOKEN=(\S+)/.exec(curl.output)?.[1] ?? "";
  // Inside the project, so that the import of the SDK resolves.
  const folder = await mkdtemp(".readme-");
  try {
    await writeFile(`${folder}/quick-start.ts`, block("ts"));
    const typescript = await run("node_modules/.bin/node", [`${folder}/quick-start.ts`], {
      PORTCULLIS: gateway.url,
      TOKEN: token,
    });
    expect(typescript.output.match(/castle|slowly/g)?.length).toBeGreaterThanOrEqual(2);
    expect(typescript.code).toBe(0);
  } finally {
    await rm(folder, { recursive: true });
  }
});
