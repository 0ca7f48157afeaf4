import { env, exports } from "cloudflare:workers";
import { expect, it } from "vitest";

it("runs", async () => {
  const row = await env.PLATFORM_DB.prepare("SELECT home FROM directory").first();
  expect(row).toEqual({ home: "global" });
  const response = await exports.default.fetch("http://x/");
  expect(await response.text()).toBe("ok");
});
