// Every ctx feature of a plain handler, over the wire, once each.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually, World } from "./harness.ts";

let world: World;
before(async () => { world = await World.start(); });
after(async () => world?.end());

test("a service answers", async () => {
  assert.equal(await world.call("/Greeter/greet", "Ann"), "Hello Ann!");
});

test("run results are stored once and added up", async () => {
  assert.equal(await world.call("/Greeter/steps", "s1"), 3);
  assert.deepEqual(world.marks("s1"), ["s1 one", "s1 two"]);
});

test("object state: get, set, shared read, keys, clear, clear all", async () => {
  assert.equal(await world.call("/Counter/a/add", 2), 2);
  assert.equal(await world.call("/Counter/a/add", 3), 5);
  assert.equal(await world.call("/Counter/a/get"), 5);
  assert.equal(await world.call("/Counter/b/get"), 0);
  await world.call("/Counter/a/put", { x: 1, y: [2] });
  assert.deepEqual(await world.call("/Counter/a/keys"), ["count", "x", "y"]);
  await world.call("/Counter/a/forget", "x");
  assert.deepEqual(await world.call("/Counter/a/keys"), ["count", "y"]);
  await world.call("/Counter/a/reset");
  assert.deepEqual(await world.call("/Counter/a/keys"), []);
});

test("exclusive calls of one key run in the order of their admission", async () => {
  const lengths = await Promise.all(Array.from({ length: 20 }, (_, i) => world.call<number>("/Counter/q/slowAppend", i)));
  assert.deepEqual([...lengths].sort((a, b) => a - b), Array.from({ length: 20 }, (_, i) => i + 1));
  const list = await world.call<number[]>("/Counter/q/list");
  assert.equal(new Set(list).size, 20);
});

test("sleep takes its time", async () => {
  const slept = await world.call<number>("/Greeter/sleepy", 200);
  assert.ok(slept >= 190, `slept ${slept} ms`);
});

test("call, send and delayed send between services", async () => {
  assert.equal(await world.call("/Greeter/callCounter", "c"), 5);
  await world.call("/Greeter/sendCounter", "c");
  await eventually(() => world.call<number>("/Counter/c/get"), (n) => n === 13);
});

test("terminal errors reach the client and the calling handler", async () => {
  const response = await world.raw("/Greeter/teapot");
  assert.equal(response.status, 418);
  assert.equal(response.headers.get("x-restate-error-source"), "invocation");
  const body = await response.json();
  assert.equal(body.message, "I am a teapot");
  assert.equal(await world.call("/Greeter/failsBelow"), "418 I am a teapot");
});

test("a failing handler is retried until it answers", async () => {
  assert.equal(await world.call("/Greeter/flaky"), "at last");
});

test("rand is the same on replay, date is recorded", async () => {
  const [number, uuid] = await world.call<[number, string]>("/Greeter/random");
  assert.ok(number >= 0 && number < 1);
  assert.match(uuid, /^[0-9a-f-]{36}$/);
});

test("awakeables are resolved from outside, from a handler, and rejected", async () => {
  const viaIngress = world.call("/Greeter/awaits", "h1");
  const id = await eventually(() => world.call<string>("/Counter/h1/held"), (held) => !!held);
  assert.match(id, /^sign_1/);
  assert.equal((await world.raw(`/restate/awakeables/${id}/resolve`, "from outside")).status, 202);
  assert.equal(await viaIngress, "from outside");

  const viaHandler = world.call("/Greeter/awaits", "h2");
  await eventually(() => world.call<string>("/Counter/h2/held"), (held) => !!held);
  await world.call("/Counter/h2/resolveHeld", "from a handler");
  assert.equal(await viaHandler, "from a handler");

  const rejected = world.raw("/Greeter/awaits", "h3");
  const third = await eventually(() => world.call<string>("/Counter/h3/held"), (held) => !!held);
  await fetch(`${world.ingressUrl}/restate/awakeables/${third}/reject`, { method: "POST", body: "no luck" });
  assert.equal((await rejected).status, 500);
});

test("combinators and timeouts", async () => {
  const { race, all, settled } = await world.call<{ race: string; all: string[]; settled: string[] }>("/Greeter/combine");
  assert.equal(race, "fast");
  assert.deepEqual(all, ["Hello a!", "Hello b!"]);
  assert.deepEqual(settled, ["rejected", "fulfilled"]);
  assert.equal(await world.call("/Greeter/timesOut"), "timed out");
});

test("a workflow runs once a key, waits for its promise, and is attached to", async () => {
  const sent = await world.call<{ invocationId: string; status: string }>("/Signup/u1/run/send", "ann");
  assert.equal(sent.status, "Accepted");
  assert.equal(await world.call("/Signup/u1/peek"), "nothing");
  const again = await world.raw("/Signup/u1/run", "ann");
  assert.equal(again.status, 409);
  assert.equal((await again.json()).message, "the workflow method was already invoked");
  assert.equal((await fetch(`${world.ingressUrl}/restate/workflow/Signup/u1/output`)).status, 470);
  await world.call("/Signup/u1/click", "s3cret");
  const attached = await fetch(`${world.ingressUrl}/restate/workflow/Signup/u1/attach`);
  assert.equal(await attached.json(), "ann clicked s3cret");
  assert.equal(await (await fetch(`${world.ingressUrl}/restate/workflow/Signup/u1/output`)).json(), "ann clicked s3cret");
  assert.deepEqual(world.marks("mail"), ["mail ann"]);
});

test("idempotency keys: one effect, one answer, one id", async () => {
  const headers = { "idempotency-key": "once" };
  const first = await world.raw("/Greeter/steps", "idem", headers);
  const second = await world.raw("/Greeter/steps", "idem", headers);
  assert.equal(first.headers.get("x-restate-id"), second.headers.get("x-restate-id"));
  assert.equal(await first.text(), await second.text());
  assert.ok(second.headers.get("idempotency-expires"));
  assert.deepEqual(world.marks("idem"), ["idem one", "idem two"]);
  assert.deepEqual(await world.call("/Greeter/idempotentInner", "inner"), [3, 3]);
  assert.deepEqual(world.marks("inner"), ["inner one", "inner two"]);
});

test("send, delayed send, attach and output by id", async () => {
  const now = await world.call<{ invocationId: string }>("/Greeter/greet/send", "Bo");
  const attached = await fetch(`${world.ingressUrl}/restate/invocation/${now.invocationId}/attach`);
  assert.equal(await attached.json(), "Hello Bo!");
  const output = await fetch(`${world.ingressUrl}/restate/invocation/${now.invocationId}/output`);
  assert.equal(await output.json(), "Hello Bo!");

  const later = await world.call<{ invocationId: string; executionTime: string }>("/Greeter/greet/send?delay=400ms", "Cy");
  assert.ok(Date.parse(later.executionTime) > Date.now());
  assert.equal((await fetch(`${world.ingressUrl}/restate/invocation/${later.invocationId}/output`)).status, 470);
  assert.equal(await (await fetch(`${world.ingressUrl}/restate/invocation/${later.invocationId}/attach`)).json(), "Hello Cy!");
});

test("request headers reach the handler", async () => {
  const seen = await world.call<Record<string, string>>("/Greeter/echoHeaders?q=1", undefined, { "x-mine": "yes" });
  assert.equal(seen["x-mine"], "yes");
  assert.equal(seen["x-restate-ingress-path"], "/Greeter/echoHeaders?q=1");
});

test("what is not there is said so", async () => {
  for (const [path, status] of [["/Nobody/x", 404], ["/Greeter/nothing", 404], ["/", 400]] as const) {
    assert.equal((await world.raw(path, "x")).status, status, path);
  }
  const body = await (await world.raw("/Nobody/x", "x")).json();
  assert.equal(body.code, 404);
  assert.equal(body.source, "ingress");
});

test("deployments and services are listed", async () => {
  const deployments = (await world.adminCall("GET", "/deployments")).body.deployments;
  assert.equal(deployments.length, 1);
  assert.match(deployments[0].id, /^dp_1/);
  const services = (await world.adminCall("GET", "/services")).body.services;
  assert.deepEqual(services.map((s: { name: string }) => s.name).sort(), ["Counter", "Greeter", "Signup"]);
  const again = await world.adminCall("POST", "/deployments", { uri: `http://127.0.0.1:${world.servicesPort}` });
  assert.equal(again.status, 200);
  assert.equal(again.body.id, deployments[0].id);
});

test("a completed invocation begins again as another, whole or from an entry of its journal", async () => {
  const { invocationId } = await world.call<{ invocationId: string }>("/Greeter/steps/send", "again");
  const attach = async (id: string) => (await fetch(`${world.ingressUrl}/restate/attach/${id}`)).json();
  assert.equal(await attach(invocationId), 3);
  const restart = (query: string) => world.adminCall("PATCH", `/invocations/${invocationId}/restart-as-new${query}`);
  // Entries: 0 the input, 1 run one, 2 its result, 3 run two, ...
  const fromTwo = await restart("?from=2");
  assert.equal(fromTwo.status, 200, JSON.stringify(fromTwo.body));
  assert.equal(await attach(fromTwo.body.new_invocation_id), 3);
  assert.deepEqual(world.marks("again"), ["again one", "again two", "again two"]);
  const whole = await restart("");
  assert.equal(await attach(whole.body.new_invocation_id), 3);
  assert.deepEqual(world.marks("again").slice(3), ["again one", "again two"]);
  assert.equal((await restart("?from=1000")).status, 400);
  assert.equal((await world.adminCall("PATCH", `/invocations/${invocationId}/purge-journal`)).status, 200);
  assert.equal((await restart("")).status, 410);
});

test("the API and the services describe themselves", async () => {
  const api = (await world.adminCall("GET", "/v4/openapi")).body;
  assert.ok(api.paths["/invocations/{invocation_id}/restart-as-new"].patch);
  const counter = (await world.adminCall("GET", "/services/Counter/openapi")).body;
  assert.ok(counter.paths["/restate/call/Counter/{key}/add"].post);
});
