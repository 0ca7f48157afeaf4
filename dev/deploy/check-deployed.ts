/** Asks the deployed gateway whether it is well, as far as it can be reached from here. */
import { isPlaceholderHost } from "../../src/admin/doctor/placeholder-host.ts";
import { exitCodes } from "../../src/cli/command.ts";
import { doctor } from "../../src/cli/doctor.ts";
import type { Wait } from "../../src/kernel/clock.ts";

export interface Reach {
  readonly fetch: typeof fetch;
  readonly wait: Wait;
}

export interface CheckResult {
  readonly lines: readonly string[];
  /** False only when the gateway answered and the answer was not what it must be. */
  readonly isWell: boolean;
}

const ATTEMPTS = 3;
const BETWEEN_MS = 3_000;
const ANSWER_MS = 10_000;
const paths = ["/.well-known/jwks.json", "/v1/health"] as const;

/** @param adminKey without one, the doctor is not asked. */
export async function checkDeployed(
  issuer: URL,
  reach: Reach,
  adminKey: string | undefined,
): Promise<CheckResult> {
  if (isPlaceholderHost(issuer.hostname)) {
    const line = `Not checked: ISSUER in wrangler.toml is ${issuer.origin}, which is no public address. Set ISSUER and AUDIENCE to your URL, add its route, and deploy again.`;
    return { lines: [line], isWell: true };
  }
  const results: CheckResult[] = [];
  for (const path of paths) results.push(await check(new URL(path, issuer), reach));
  if (results.every(({ lines }) => lines.some((line) => line.startsWith("Well: ")))) {
    results.push(await askDoctor(issuer, reach, adminKey));
  }
  return { lines: results.flatMap(({ lines }) => lines), isWell: results.every(({ isWell }) => isWell) };
}

/** Only errors fail: a warning is for a person to weigh, and a key that is not taken may be another deployment's. */
async function askDoctor(issuer: URL, reach: Reach, adminKey: string | undefined): Promise<CheckResult> {
  if (adminKey === undefined) {
    const line =
      "The doctor was not asked: set ADMIN_KEY to a key of the platform, or run `npm run portcullis -- doctor`.";
    return { lines: [line], isWell: true };
  }
  const lines: string[] = [];
  const say = (line: string) => {
    lines.push(line);
  };
  const code = await doctor.run(["--url", issuer.origin], {
    out: say,
    err: say,
    environment: { ADMIN_KEY: adminKey },
    fetch: reach.fetch,
    readFile: () => Promise.reject(new Error("The doctor reads no file.")),
    writeFile: () => Promise.reject(new Error("The doctor reads no file.")),
    listFolder: () => Promise.reject(new Error("The doctor reads no file.")),
    readStandardInput: async () => "",
    clock: Date.now,
    random: (length) => crypto.getRandomValues(new Uint8Array(length)),
  });
  return { lines, isWell: code !== exitCodes.ill };
}

/** A new route takes a moment until every place knows it. */
async function check(url: URL, reach: Reach): Promise<CheckResult> {
  let last: CheckResult = { lines: [], isWell: true };
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const status = await statusOf(url, reach);
    if (status === 200) return { lines: [`Well: ${url.href}`], isWell: true };
    last =
      status === undefined
        ? { lines: [`Not checked: ${url.href} cannot be reached from here.`], isWell: true }
        : { lines: [`Not well: ${url.href} answered ${status}.`], isWell: false };
    if (attempt < ATTEMPTS) await reach.wait(BETWEEN_MS);
  }
  return last;
}

async function statusOf(url: URL, reach: Reach): Promise<number | undefined> {
  try {
    const answer = await reach.fetch(url, { signal: AbortSignal.timeout(ANSWER_MS), redirect: "manual" });
    await answer.body?.cancel();
    return answer.status;
  } catch {
    return undefined;
  }
}
