// kill -9, at the worst moments: what was acknowledged stays, nothing runs twice in effect.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually, sleep, World } from "./harness.ts";

let world: World;
before(async () => { world = await World.start(); });
after(async () => world?.end());

test("the server is killed while a handler sleeps: it goes on where it was", async () => {
  const { invocationId } = await world.call<{ invocationId: string }>("/Greeter/slowSteps/send", "k1");
  await eventually(async () => world.marks("asleep"), (marks) => marks.includes("asleep k1"));
  await world.killServer();
  await world.startServer();
  const answer = await fetch(`${world.ingressUrl}/restate/invocation/${invocationId}/attach`);
  assert.equal(await answer.json(), "done");
  assert.deepEqual(world.marks("k1"), ["k1 before", "k1 after"]);
});

test("the server is killed while a closure runs: steps before it are not run again", async () => {
  const { invocationId } = await world.call<{ invocationId: string }>("/Greeter/longRun/send", "k2");
  await eventually(async () => world.marks("k2"), (marks) => marks.includes("k2 began"));
  await world.killServer();
  await world.startServer();
  const answer = await fetch(`${world.ingressUrl}/restate/invocation/${invocationId}/attach`);
  assert.equal(await answer.json(), "long done");
  assert.equal(world.marks("k2").filter((mark) => mark === "k2 first").length, 1);
});

test("the services are killed in mid-handler and come back: it completes once", async () => {
  const { invocationId } = await world.call<{ invocationId: string }>("/Greeter/longRun/send", "k3");
  await eventually(async () => world.marks("k3"), (marks) => marks.includes("k3 began"));
  await world.killServices();
  await world.startServices();
  const answer = await fetch(`${world.ingressUrl}/restate/invocation/${invocationId}/attach`);
  assert.equal(await answer.json(), "long done");
  assert.equal(world.marks("k3").filter((mark) => mark === "k3 first").length, 1);
});

test("every acknowledged add is there after kill -9 in mid-load, and none twice", async () => {
  const acknowledged = new Map<string, number>();
  const attempted = new Map<string, number>();
  let stop = false;
  const client = async (n: number) => {
    while (!stop) {
      const key = `load-${n % 5}`;
      attempted.set(key, (attempted.get(key) ?? 0) + 1);
      try {
        await world.call(`/Counter/${key}/add`, 1);
        acknowledged.set(key, (acknowledged.get(key) ?? 0) + 1);
      } catch {
        await sleep(20);
      }
    }
  };
  const clients = Array.from({ length: 20 }, (_, n) => client(n));
  for (let round = 0; round < 3; ++round) {
    await sleep(700);
    await world.killServer();
    await world.startServer();
  }
  await sleep(500);
  stop = true;
  await Promise.all(clients);
  assert.ok([...acknowledged.values()].reduce((a, b) => a + b, 0) > 50, "load was too small to say anything");
  for (const [key, tried] of attempted) {
    const count = await world.call<number>(`/Counter/${key}/get`);
    const sure = acknowledged.get(key) ?? 0;
    // What got no answer may be on its way still: never below what was acknowledged.
    assert.ok(count >= sure && count <= tried, `${key}: ${sure} acknowledged, ${tried} tried, counted ${count}`);
  }
});

test("delayed sends and workflows survive a restart", async () => {
  const later = await world.call<{ invocationId: string }>("/Counter/timer/add/send?delay=1500ms", 4);
  await world.call("/Signup/restart/run/send", "dee");
  await eventually(async () => world.marks("mail"), (marks) => marks.includes("mail dee"));
  await world.killServer();
  await world.startServer();
  await world.call("/Signup/restart/click", "x");
  assert.equal(await (await fetch(`${world.ingressUrl}/restate/workflow/Signup/restart/attach`)).json(), "dee clicked x");
  await fetch(`${world.ingressUrl}/restate/invocation/${later.invocationId}/attach`);
  assert.equal(await world.call("/Counter/timer/get"), 4);
  assert.deepEqual(world.marks("mail").filter((m) => m === "mail dee"), ["mail dee"]);
});

test("SIGTERM ends the server in order, and it comes back", async () => {
  if (process.env.REFERENCE) return;
  assert.equal(await world.stopServer(), 0);
  await world.startServer();
  assert.equal(await world.call("/Counter/timer/get"), 4);
});
