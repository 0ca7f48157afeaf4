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

/** @param index which one of its language, from 0. */
const block = (language: string, index = 0): string => {
  const blocks = [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "gms"))];
  const found = blocks[index]?.[1];
  if (!found) throw new Error(`The README has no ${language} block ${index}.`);
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
  // In the second of its issue a token gains nothing by being refreshed: what is run before takes longer.
  const { id } = await gateway.agent();
  const refreshable = await gateway.tokenFor(id, { expiresIn: 600, refreshableFor: 3_600 });
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

    const recipe = block("ts", 1);
    const lines = recipe
      .trimEnd()
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("import "));
    expect(lines.length).toBeLessThanOrEqual(15);
    // Its client's clock is ahead, so that it refreshes at once.
    const clock = "const now = Date.now; Date.now = () => now() + 400_000;";
    const use = `
      const ask = { model: "gpt-4", messages: [{ role: "user", content: "Say hello to the castle." }] };
      const said = await Promise.all([1, 2, 3].map(() => openai.chat.completions.create(ask)));
      for (const one of said) console.log(one.choices[0].message.content);
      console.log("HELD=" + (await held));`;
    await writeFile(`${folder}/recipe.ts`, `${clock}${recipe}${use}`);
    const refreshed = await run("node_modules/.bin/node", [`${folder}/recipe.ts`], {
      PORTCULLIS: gateway.url,
      TOKEN: refreshable,
    });
    expect(refreshed.output.match(/castle/g)?.length).toBe(3);
    const isActive = async (text: string) =>
      (await gateway.admin("POST", "/v1/tokens/introspect", { token: text })).body.active;
    const held = /HELD=(\S+)/.exec(refreshed.output)?.[1] ?? "";
    expect(held).not.toBe(refreshable);
    expect([await isActive(refreshable), await isActive(held)]).toEqual([false, true]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
