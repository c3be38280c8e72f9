// What the server refuses, and what it survives: each with words that help.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createServer, Server } from "node:http";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { eventually, World } from "./harness.ts";

let world: World;
before(async () => { world = await World.start(); });
after(async () => world?.end());

async function run(args: string[], env: Record<string, string> = {}): Promise<{ code: number | null; text: string }> {
  const process_ = spawn(process.env.PERDURE!, ["serve", ...args], { env: { ...process.env, ...env } });
  let text = "";
  process_.stdout.on("data", (bytes) => (text += bytes));
  process_.stderr.on("data", (bytes) => (text += bytes));
  const timer = setTimeout(() => process_.kill("SIGKILL"), 20_000);
  const code = await new Promise<number | null>((ended) => process_.once("close", ended));
  clearTimeout(timer);
  return { code, text };
}
const somewhere = (name: string) => ["--data-dir", join(world.folder, name), "--ingress", "127.0.0.1:0",
  "--admin", "127.0.0.1:0", "--node", "127.0.0.1:0"];

test("a port in use is named, and the server does not start", async () => {
  const { code, text } = await run([...somewhere("second").slice(0, 2), "--ingress", `127.0.0.1:${world.ingress}`,
    "--admin", "127.0.0.1:0", "--node", "127.0.0.1:0"]);
  assert.notEqual(code, 0);
  assert.match(text, new RegExp(String(world.ingress)));
  assert.match(text, /in use/);
});

test("a data directory serves one process at a time", async () => {
  const { code, text } = await run(["--data-dir", join(world.folder, "data"), ...somewhere("x").slice(2)]);
  assert.notEqual(code, 0);
  assert.match(text, /lock|in use|another/i);
});

test("a data directory of another version is refused and left alone", async () => {
  const other = await World.start();
  await other.stopServer();
  const folder = join(other.folder, "data");
  const find = (path: string): string[] => readdirSync(path, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? find(join(path, entry.name)) : [join(path, entry.name)]);
  const marker = find(folder).find((file) => /marker|storage/i.test(file))!;
  assert.ok(marker, "there is a storage marker");
  writeFileSync(marker, "not a marker of ours");
  const { code, text } = await run(["--data-dir", folder, ...somewhere("x").slice(2)]);
  assert.notEqual(code, 0);
  assert.match(text, /marker/i);
  assert.equal(readFileSync(marker, "utf8"), "not a marker of ours");
  await other.end();
});

test("a body of exactly the limit is taken, and one byte more is refused before it is sent", async () => {
  const limit = 32 * 1024 * 1024;
  const post = (bytes: number) => fetch(`${world.ingressUrl}/Greeter/length`, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify("x".repeat(bytes - 2)) });
  const taken = await post(limit);
  assert.equal(await taken.text(), String(limit - 2));
  assert.equal(taken.status, 200);
  const refused = await post(limit + 1);
  assert.equal(refused.status, 413);
  assert.equal(await refused.text(), "length limit exceeded");
  assert.equal(refused.headers.get("x-restate-error-source"), null);
});

test("limits that contradict each other are refused at the start", async () => {
  const { code, text } = await run([...somewhere("limits"), "--request-bytes-max", "64MiB"]);
  assert.equal(code, 64);
  assert.match(text, /segment-bytes/);
  assert.match(text, /109MiB/);
});

test("an unknown setting is refused, and the nearest known one is named", async () => {
  const flag = await run(["--ingres", "127.0.0.1:0"]);
  assert.notEqual(flag.code, 0);
  assert.match(flag.text, /ingress/);
  const file = join(world.folder, "bad.toml");
  writeFileSync(file, 'cluster-nam = "x"\n');
  const config = await run([...somewhere("cfg"), "--config", file]);
  assert.notEqual(config.code, 0);
  assert.match(config.text, /cluster-nam\b/);
  assert.match(config.text, /cluster-name/);
  const env = await run(somewhere("env"), { PERDURE_PARTITION: "4" });
  assert.notEqual(env.code, 0);
  assert.match(env.text, /PERDURE_PARTITIONS/);
});

test("a handler that speaks nonsense is retried, and the server stays up", async () => {
  // Over HTTP/1.1, so that the nonsense gets past the framing and into the protocol.
  let calls = 0;
  const liar: Server = createServer((request, response) => {
    if (request.url === "/discover") {
      response.setHeader("content-type", "application/vnd.restate.endpointmanifest.v1+json");
      response.end(JSON.stringify({ protocolMode: "REQUEST_RESPONSE", minProtocolVersion: 5, maxProtocolVersion: 6,
        services: [{ name: "Liar", ty: "SERVICE", handlers: [{ name: "lie" }] }] }));
      return;
    }
    ++calls;
    response.setHeader("content-type", request.headers["content-type"]!);
    response.end(Buffer.from(calls % 2 ? "complete nonsense that is no frame" : "\x00\x03\x00\x00\xff\xff\xff\xff", "latin1"));
  });
  const port = await new Promise<number>((up) => liar.listen(0, "127.0.0.1", () => up((liar.address() as { port: number }).port)));
  const registered = await world.adminCall("POST", "/deployments", { uri: `http://127.0.0.1:${port}`, use_http_11: true });
  assert.equal(registered.status, 201, JSON.stringify(registered.body));
  const sent = await world.call<{ invocationId: string }>("/Liar/lie/send");
  await eventually(async () => calls, (n) => n >= 2);
  assert.equal(await world.call("/Greeter/greet", "still here"), "Hello still here!");
  assert.equal((await world.adminCall("PATCH", `/invocations/${sent.invocationId}/kill`)).status, 200);
  liar.closeAllConnections();
  liar.close();
});

test("an endpoint that is not there cannot be registered, and the answer says why", async () => {
  const { status, body } = await world.adminCall("POST", "/deployments", { uri: "http://127.0.0.1:1" });
  assert.equal(status, 500);
  assert.match(body.message, /META0003/);
});
