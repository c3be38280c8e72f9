// A process of its own: every ctx feature a plain handler uses, as services under test.
//   node services.ts PORT MARKS_FILE
// MARKS_FILE gets one line for each time a side effect really ran.
import * as restate from "@restatedev/restate-sdk";
import { appendFileSync } from "node:fs";

const port = Number(process.argv[2]);
const marksFile = process.argv[3];
const mark = (what: string) => appendFileSync(marksFile, what + "\n");
let failuresLeft = 3;

const greeter = restate.service({
  name: "Greeter",
  handlers: {
    greet: async (_ctx: restate.Context, name: string) => `Hello ${name}!`,
    length: async (_ctx: restate.Context, text: string) => text.length,
    echoHeaders: async (ctx: restate.Context) => Object.fromEntries(ctx.request().headers.entries()),
    steps: async (ctx: restate.Context, tag: string) => {
      const one = await ctx.run("one", () => (mark(`${tag} one`), 1));
      const two = await ctx.run("two", () => (mark(`${tag} two`), 2));
      return one + two;
    },
    // Between its steps it lies down long enough to be killed there.
    slowSteps: async (ctx: restate.Context, tag: string) => {
      await ctx.run("before", () => mark(`${tag} before`));
      mark(`asleep ${tag}`);  // what ran is durable: the SDK was told so
      await ctx.sleep(1500);
      await ctx.run("after", () => mark(`${tag} after`));
      return "done";
    },
    // Is inside a run closure, on the handler's own clock, when it is killed.
    longRun: async (ctx: restate.Context, tag: string) => {
      await ctx.run("first", () => mark(`${tag} first`));
      return await ctx.run("long", async () => {
        mark(`${tag} began`);
        await new Promise((wake) => setTimeout(wake, 1500));
        return "long done";
      });
    },
    teapot: async () => {
      throw new restate.TerminalError("I am a teapot", { errorCode: 418 });
    },
    flaky: async () => {
      if (failuresLeft-- > 0) throw new Error("not yet");
      return "at last";
    },
    sleepy: async (ctx: restate.Context, ms: number) => {
      const before = await ctx.date.now();
      await ctx.sleep(ms);
      return (await ctx.date.now()) - before;
    },
    random: async (ctx: restate.Context) => {
      const drawn = [ctx.rand.random(), ctx.rand.uuidv4()];
      await ctx.sleep(10);
      return drawn;
    },
    callCounter: async (ctx: restate.Context, key: string) =>
      ctx.objectClient<typeof counter>({ name: "Counter" }, key).add(5),
    sendCounter: async (ctx: restate.Context, key: string) => {
      ctx.objectSendClient<typeof counter>({ name: "Counter" }, key).add(7);
      ctx.objectSendClient<typeof counter>({ name: "Counter" }, key).add(1, restate.rpc.sendOpts({ delay: 300 }));
    },
    failsBelow: async (ctx: restate.Context) => {
      try {
        await ctx.serviceClient<typeof greeter>({ name: "Greeter" }).teapot();
      } catch (error) {
        return `${(error as restate.TerminalError).code} ${(error as Error).message}`;
      }
    },
    awaits: async (ctx: restate.Context, holder: string) => {
      const { id, promise } = ctx.awakeable<string>();
      await ctx.objectClient<typeof counter>({ name: "Counter" }, holder).hold(id);
      return await promise;
    },
    combine: async (ctx: restate.Context) => {
      const slow = ctx.sleep(60_000).map(() => "slow");
      const fast = ctx.sleep(20).map(() => "fast");
      const race = await restate.RestatePromise.race([slow, fast]);
      const all = await restate.RestatePromise.all([
        ctx.serviceClient<typeof greeter>({ name: "Greeter" }).greet("a"),
        ctx.serviceClient<typeof greeter>({ name: "Greeter" }).greet("b"),
      ]);
      const settled = await restate.RestatePromise.allSettled([
        ctx.serviceClient<typeof greeter>({ name: "Greeter" }).teapot(),
        ctx.serviceClient<typeof greeter>({ name: "Greeter" }).greet("c"),
      ]);
      return { race, all, settled: settled.map((s) => s.status) };
    },
    timesOut: async (ctx: restate.Context) => {
      try {
        await ctx.awakeable<string>().promise.orTimeout(50);
        return "no";
      } catch (error) {
        return error instanceof restate.TimeoutError ? "timed out" : String(error);
      }
    },
    idempotentInner: async (ctx: restate.Context, key: string) => {
      const call = () => ctx.genericCall<string, string>({
        service: "Greeter", method: "steps", parameter: key, idempotencyKey: key,
        inputSerde: restate.serde.json, outputSerde: restate.serde.json,
      });
      return [await call(), await call()];
    },
  },
});

const counter = restate.object({
  name: "Counter",
  handlers: {
    add: async (ctx: restate.ObjectContext, by: number) => {
      const value = ((await ctx.get<number>("count")) ?? 0) + by;
      ctx.set("count", value);
      return value;
    },
    get: restate.handlers.object.shared(async (ctx: restate.ObjectSharedContext) => (await ctx.get<number>("count")) ?? 0),
    keys: restate.handlers.object.shared(async (ctx: restate.ObjectSharedContext) => (await ctx.stateKeys()).sort()),
    put: async (ctx: restate.ObjectContext, entries: Record<string, unknown>) => {
      for (const [key, value] of Object.entries(entries)) ctx.set(key, value);
    },
    forget: async (ctx: restate.ObjectContext, key: string) => ctx.clear(key),
    reset: async (ctx: restate.ObjectContext) => ctx.clearAll(),
    hold: async (ctx: restate.ObjectContext, id: string) => ctx.set("awakeable", id),
    held: restate.handlers.object.shared(async (ctx: restate.ObjectSharedContext) => await ctx.get<string>("awakeable")),
    resolveHeld: async (ctx: restate.ObjectContext, value: string) => {
      ctx.resolveAwakeable((await ctx.get<string>("awakeable"))!, value);
    },
    slowAppend: async (ctx: restate.ObjectContext, item: number) => {
      const list = (await ctx.get<number[]>("list")) ?? [];
      await ctx.sleep(5);
      ctx.set("list", [...list, item]);
      return list.length + 1;
    },
    list: restate.handlers.object.shared(async (ctx: restate.ObjectSharedContext) => (await ctx.get<number[]>("list")) ?? []),
  },
});

const signup = restate.workflow({
  name: "Signup",
  handlers: {
    run: async (ctx: restate.WorkflowContext, user: string) => {
      ctx.set("user", user);
      await ctx.run("mail", () => mark(`mail ${user}`));
      const secret = await ctx.promise<string>("clicked");
      return `${user} clicked ${secret}`;
    },
    click: async (ctx: restate.WorkflowSharedContext, secret: string) => ctx.promise<string>("clicked").resolve(secret),
    peek: async (ctx: restate.WorkflowSharedContext) => (await ctx.promise<string>("clicked").peek()) ?? "nothing",
  },
});

restate.serve({ services: [greeter, counter, signup], port }).then(() => console.log(`listening on ${port}`));
