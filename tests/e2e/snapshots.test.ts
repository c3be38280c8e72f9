// Snapshots by command, on a data directory at rest: nothing acknowledged is lost by a restore.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { eventually, World } from "./harness.ts";

process.env.PERDURE_CHECKPOINT_EVERY = "1s";
process.env.PERDURE_PARTITIONS = "3";
let world: World;
let folder: string;
const keys = Array.from({ length: 12 }, (_, n) => `snap-${n}`);
before(async () => { world = await World.start(); folder = join(world.folder, "data"); });
after(async () => world?.end());

const snapshot = (...args: string[]) => {
  const env = { ...process.env };
  for (const name of Object.keys(env)) if (name.startsWith("PERDURE_")) delete env[name];
  const ran = spawnSync(process.env.PERDURE!, ["snapshot", ...args], { encoding: "utf8", env });
  return { code: ran.status, text: ran.stdout + ran.stderr };
};
const add = () => Promise.all(keys.map((key) => world.call<number>(`/Counter/${key}/add`, 1)));
const counts = () => Promise.all(keys.map((key) => world.call<number>(`/Counter/${key}/get`)));
const folders = () => readdirSync(join(folder, "snapshots")).filter((name) => /^\d+$/.test(name));
const hasWhole = (partition: string) => readdirSync(join(folder, "snapshots", partition)).some(
  (number) => existsSync(join(folder, "snapshots", partition, number, "manifest")));

test("a server that runs keeps its directory for itself", async () => {
  await add();
  await eventually(async () => existsSync(join(folder, "snapshots")) && folders().filter(hasWhole).length === 3, (all) => all);
  const { code, text } = snapshot("list", "--data-dir", folder);
  assert.notEqual(code, 0);
  assert.match(text, /in use|lock|another/i);
});

test("what was added after the snapshot comes back from the log", async () => {
  await add();
  await world.killServer();  // no last checkpoint
  const listed = snapshot("list", "--data-dir", folder);
  assert.equal(listed.code, 0, listed.text);
  assert.match(listed.text, /partition 0: tables up to record \d+\n  snapshot \d+ up to record \d+/);
  const restored = snapshot("restore", "--data-dir", folder);
  assert.equal(restored.code, 0, restored.text);
  assert.match(restored.text, /partition 2: restored from snapshot/);
  await world.startServer();
  assert.deepEqual(await counts(), keys.map(() => 2));
});

test("an export is a snapshot like any other", async () => {
  await add();
  assert.equal(await world.stopServer(), 0);
  const exported = snapshot("export", "--data-dir", folder, "--partition", "1");
  assert.equal(exported.code, 0, exported.text);
  assert.match(exported.text, /^partition 1: snapshot \d+ up to record \d+, \d+ bytes in \d+ files in snapshots\/1\//);
  const restored = snapshot("restore", "--data-dir", folder, "--partition", "1");
  assert.equal(restored.code, 0, restored.text);
  await world.startServer();
  assert.deepEqual(await counts(), keys.map(() => 3));
});

test("tables that are gone altogether come back at the next start", async () => {
  await add();
  await world.killServer();
  rmSync(join(folder, "tables"), { recursive: true });
  await world.startServer();
  assert.deepEqual(await counts(), keys.map(() => 4));
});

test("without a whole snapshot a restore leaves the tables as they are", async () => {
  assert.equal(await world.stopServer(), 0);
  for (const taken of readdirSync(join(folder, "snapshots", "0"))) {
    const rows = join(folder, "snapshots", "0", taken, "rows");
    for (const file of readdirSync(rows)) {
      rmSync(join(rows, file));  // a hard link: the tables have the same file
      writeFileSync(join(rows, file), "rot");
    }
  }
  assert.match(snapshot("list", "--data-dir", folder, "--partition", "0").text, /damaged: .*does not match/);
  const { code, text } = snapshot("restore", "--data-dir", folder, "--partition", "0");
  assert.equal(code, 65);
  assert.match(text, /no snapshot of partition 0 can be used .*as they were/);
  await world.startServer();
  assert.deepEqual(await counts(), keys.map(() => 4));
});

test("mistakes are named", async () => {
  const unknown = snapshot("restore", "--data-dir", join(world.folder, "nowhere"));
  assert.equal(unknown.code, 65);
  assert.match(unknown.text, /no data directory/);
  assert.ok(!existsSync(join(world.folder, "nowhere")));
  assert.equal(await world.stopServer(), 0);
  const partition = snapshot("list", "--data-dir", folder, "--partition", "77");
  assert.equal(partition.code, 65);
  assert.match(partition.text, /no partition 77/);
  assert.equal(snapshot("list").code, 64);
  await world.startServer();
});
