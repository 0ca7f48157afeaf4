/**
 * `npm run bench`: the gateway beside a bare pass-through Worker, by the protocol in docs/benchmarks.md. `--quick` is a
 * smoke test, `--write-docs` puts the results into the document.
 */
import "../local/wrangler-quiet.ts";
import { mkdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import * as z from "zod";
import { freshSecret } from "../local/fresh-secret.ts";
import { runCommand } from "../local/plain-failure.ts";
import { openStateFolder } from "../local/state-folder.ts";
import { breakDown } from "./breakdown.ts";
import { type Bundle, type Bundles, buildBundles } from "./build.ts";
import { startChild } from "./child.ts";
import { countUse } from "./counting.ts";
import { type Row, row, rowsOf } from "./figures.ts";
import { controlPlaneOf, type Fleet, prepareFleet, prepareGateway } from "./gateway-data.ts";
import { microRows } from "./micro.ts";
import { type Plan, readPlan } from "./plan.ts";
import { policyChangeRows } from "./policy-changes.ts";
import { machine, plainTable, type Report, workerdVersion, writeDocs } from "./report.ts";
import { compare } from "./rounds.ts";
import { simulateScale } from "./scale.ts";
import { slowStreamRows } from "./slow-streams.ts";
import { diskSyncRow, makeFolder, memoryFolder } from "./store-folders.ts";
import { gatewayFlags, startBareWorker, startGatewayWorker, type WorkerProcess } from "./worker-process.ts";

/** What `request.cf` says of the caller; workerd takes it from this header, and only locally. */
const placeHeaders = {
  "MF-CF-Blob": JSON.stringify({
    country: "DE",
    continent: "EU",
    isEUCountry: "1",
    colo: "FRA",
    tlsVersion: "TLSv1.3",
  }),
};

// Leaves through `exit`, where folders are removed and workerd is ended.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

await runCommand(async () => {
  const plan = readPlan(process.argv.slice(2));
  const folder = makeFolder(tmpdir());
  const endings: (() => Promise<void>)[] = [];
  try {
    const report = await bench(plan, folder, endings);
    console.log(`\n${plainTable(report)}`);
    const path = join(dirname(openStateFolder().connection), "bench.json");
    mkdirSync(dirname(path), { recursive: true });
    await writeFile(path, `${JSON.stringify(report, null, 2)}\n`);
    console.log(`\nWritten to ${path}`);
    if (plan.writeDocs) await writeDocs(report);
  } finally {
    for (const end of endings.reverse()) await end();
  }
  return 0;
});

async function bench(plan: Plan, folder: string, endings: (() => Promise<void>)[]): Promise<Report> {
  console.log("Building …");
  const bundles = await buildBundles(join(folder, "bundles"));
  const secrets = freshSecrets();

  console.log("Starting …");
  const mock = startChild("mock-upstream.ts");
  endings.push(mock.close);
  const { port: mockPort } = z.strictObject({ port: z.int() }).parse(await mock.next());
  const upstreamUrl = `http://127.0.0.1:${mockPort}`;
  const generator = startChild("load/load-generator.ts");
  endings.push(generator.close);
  await generator.next();

  const started = async (starting: Promise<WorkerProcess>): Promise<WorkerProcess> => {
    const worker = await starting;
    endings.push(worker.close);
    return worker;
  };
  const memory = memoryFolder === null ? folder : makeFolder(memoryFolder);
  const gatewayAt = async (bundle: Bundle, name: string, stores = memory) => {
    const variables = { ...secrets, UPSTREAM: upstreamUrl };
    const worker = await started(startGatewayWorker(bundle, variables, join(stores, name)));
    const url = `http://127.0.0.1:${worker.port}`;
    const keyFile = join(folder, `${name}.key`);
    const token = await prepareGateway(worker.miniflare, url, upstreamUrl, keyFile);
    const target = {
      port: worker.port,
      pid: worker.pid,
      headers: { ...placeHeaders, "api-key": token },
      quietMs: plan.quietMs,
    };
    const addFleet = (fleet: Fleet) => prepareFleet(worker.miniflare, url, keyFile, fleet);
    const connect = () => controlPlaneOf(worker.miniflare, url, keyFile);
    return { worker, token, target, addFleet, connect };
  };
  const bareAt = ({ script }: Bundle, flags?: readonly string[], variables: Record<string, string> = {}) =>
    started(startBareWorker(script, { UPSTREAM: upstreamUrl, ...variables }, flags));
  const passThrough = await bareAt(bundles.passThrough);
  const jsRelay = await bareAt(bundles.jsRelay);
  const nativeRelay = await bareAt(bundles.nativeRelay, gatewayFlags());
  const metered = await bareAt(bundles.meteredRelay, gatewayFlags(), { WAY: "carried" });
  const eachEvent = await bareAt(bundles.meteredRelay, gatewayFlags(), { WAY: "each event" });
  const gateway = await gatewayAt(bundles.gateway, "gateway");
  const onDisk = await gatewayAt(bundles.gateway, "on-disk", folder);
  const { headers } = gateway.target;
  const bareTarget = ({ port, pid }: WorkerProcess) => ({ port, pid, headers, quietMs: 0 });

  const rounds = await compare(
    generator,
    {
      mock: { port: mockPort, pid: mock.pid, headers, quietMs: 0 },
      passThrough: bareTarget(passThrough),
      jsRelay: bareTarget(jsRelay),
      nativeRelay: bareTarget(nativeRelay),
      metered: bareTarget(metered),
      eachEvent: bareTarget(eachEvent),
      gateway: gateway.target,
      onDisk: onDisk.target,
    },
    plan,
    console.log,
  );
  const rows = rowsOf(rounds);

  console.log("Slow streams …");
  const running = {
    passThrough: async () => ({ target: bareTarget(passThrough), close: async () => {} }),
    gateway: async () => ({ target: gateway.target, close: async () => {} }),
  };
  let made = 0;
  const fresh = {
    async passThrough() {
      const worker = await bareAt(bundles.passThrough);
      return { target: bareTarget(worker), close: worker.close };
    },
    async gateway() {
      const { target, worker } = await gatewayAt(bundles.gateway, `slow-${made++}`);
      return { target, close: worker.close };
    },
  };
  const slowRows = await slowStreamRows(generator, plan.slowInFreshProcesses ? fresh : running, plan);

  console.log("Parts alone …");
  const micro = await started(startBareWorker(bundles.micro.script, {}));
  const more = [
    ...(await microRows(micro.port, plan, {
      signingKeys: secrets.SIGNING_KEYS,
      receiptKeys: secrets.RECEIPT_KEYS,
      token: gateway.token,
    })),
    diskSyncRow(folder),
    ...sizeRows(bundles, gateway.worker, passThrough),
  ];

  console.log("Counting …");
  const counting = await gatewayAt(bundles.countingGateway, "counting");
  const { rows: countedRows, uses } = await countUse(generator, counting, plan);

  console.log("Changing policies …");
  const changeRows = await policyChangeRows(counting, plan);

  console.log("Where the time goes …");
  const cheaper = await gatewayAt(bundles.cheaperGateway, "cheaper");
  const bare = rows.find(({ id }) => id === "cpu_pass_through")?.median ?? Number.NaN;
  const breakdown = await breakDown(generator, cheaper.target, bare, plan);

  console.log("Many agents, simulated …");
  return {
    at: new Date().toISOString(),
    machine: machine(),
    workerd: workerdVersion(),
    rounds: plan.rounds,
    rows: [...rows, ...slowRows, ...countedRows, ...more, ...changeRows],
    breakdown,
    uses,
    scaleAgents: plan.scaleAgents,
    scale: simulateScale(plan.scaleAgents),
  };
}

function freshSecrets() {
  return {
    SIGNING_KEYS: freshSecret("SIGNING_KEYS"),
    RECEIPT_KEYS: freshSecret("RECEIPT_KEYS"),
    LEDGER_NAME_SECRET: freshSecret("LEDGER_NAME_SECRET"),
    END_USER_SALT: freshSecret("END_USER_SALT"),
    AZURE_OPENAI_API_KEY: "bench-key",
  };
}

function sizeRows(
  { gateway }: Bundles,
  gatewayWorker: WorkerProcess,
  passThroughWorker: WorkerProcess,
): readonly Row[] {
  return [
    row("bundle_raw", "bundle", "KiB", [gateway.bytes / 1_024]),
    row("bundle_gzip", "bundle, gzip", "KiB", [gateway.gzipBytes / 1_024]),
    row("start_gateway", "process start to first answer, gateway and its stores", "ms", [
      gatewayWorker.startMs,
    ]),
    row("start_pass_through", "process start to first answer, pass-through", "ms", [
      passThroughWorker.startMs,
    ]),
  ];
}
