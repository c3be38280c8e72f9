// Starts and kills real processes: a server, and the services' endpoint.
import { ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const sleep = (ms: number) => new Promise((wake) => setTimeout(wake, ms));

async function freePort(): Promise<number> {
  return new Promise((found, failed) => {
    const probe = createServer().on("error", failed);
    probe.listen(0, "127.0.0.1", () => {
      const port = (probe.address() as { port: number }).port;
      probe.close(() => found(port));
    });
  });
}

/** Asks until `done` says yes; throws with the last answer when it never does. */
export async function eventually<T>(ask: () => Promise<T>, done: (answer: T) => boolean, seconds = 20): Promise<T> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    let answer: T | undefined, error: unknown;
    try {
      answer = await ask();
      if (done(answer)) return answer;
    } catch (thrown) {
      error = thrown;
    }
    if (Date.now() > end) throw new Error(`never came true; last: ${error ?? JSON.stringify(answer)}`);
    await sleep(20);
  }
}

async function ended(process: ChildProcess): Promise<number | null> {
  if (process.exitCode !== null || process.signalCode !== null) return process.exitCode;
  return new Promise((gone) => process.once("exit", (code) => gone(code)));
}

export class World {
  readonly folder = mkdtempSync(join(tmpdir(), "perdure-e2e-"));
  readonly marksFile = join(this.folder, "marks");
  ingress = 0; admin = 0; node = 0; servicesPort = 0;
  server?: ChildProcess;
  services?: ChildProcess;
  log = "";

  static async start(): Promise<World> {
    const world = new World();
    [world.ingress, world.admin, world.node, world.servicesPort] =
      await Promise.all([freePort(), freePort(), freePort(), freePort()]);
    writeFileSync(world.marksFile, "");
    await Promise.all([world.startServer(), world.startServices()]);
    await world.register();
    return world;
  }

  command(): { file: string; args: string[]; env: Record<string, string> } {
    if (process.env.REFERENCE) {
      return { file: process.env.REFERENCE, args: [], env: {
        RESTATE_BASE_DIR: join(this.folder, "data"), RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${this.ingress}`,
        RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${this.admin}`, RESTATE_BIND_ADDRESS: `127.0.0.1:${this.node}`,
        RESTATE_NODE_NAME: "n1", RESTATE_LISTEN_MODE: "tcp", RESTATE_DISABLE_TELEMETRY: "true" } };
    }
    return { file: process.env.PERDURE!, env: {}, args: ["serve", "--data-dir", join(this.folder, "data"),
      "--ingress", `127.0.0.1:${this.ingress}`, "--admin", `127.0.0.1:${this.admin}`,
      "--node", `127.0.0.1:${this.node}`] };
  }

  async startServer() {
    const { file, args, env } = this.command();
    this.server = spawn(file, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    const keep = (bytes: Buffer) => (this.log = (this.log + bytes.toString()).slice(-20_000));
    this.server.stdout!.on("data", keep);
    this.server.stderr!.on("data", keep);
    await eventually(
      async () => {
        if (this.server!.exitCode !== null) throw new Error(`server ended: ${this.log}`);
        const [ingress, admin] = await Promise.all([
          fetch(`${this.ingressUrl}/restate/health`), fetch(`http://127.0.0.1:${this.admin}/health`)]);
        return ingress.ok && admin.ok;
      }, (up) => up);
  }

  async startServices() {
    this.services = spawn(process.execPath,
      ["--experimental-strip-types", "--disable-warning=ExperimentalWarning", "services.ts",
        String(this.servicesPort), this.marksFile],
      { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, RESTATE_LOGGING: "ERROR" } });
    await new Promise<void>((up, down) => {
      this.services!.once("exit", (code) => down(new Error(`services ended with ${code}`)));
      this.services!.stdout!.on("data", (text) => String(text).includes("listening") && up());
    });
  }

  get ingressUrl() { return `http://127.0.0.1:${this.ingress}`; }

  async register() {
    const response = await this.adminCall("POST", "/deployments", { uri: `http://127.0.0.1:${this.servicesPort}` });
    if (response.status !== 201) throw new Error(`register: ${response.status} ${JSON.stringify(response.body)}`);
    return response;
  }

  async adminCall(method: string, path: string, body?: unknown) {
    const response = await fetch(`http://127.0.0.1:${this.admin}${path}`, {
      method, headers: { "content-type": "application/json" }, body: body === undefined ? undefined : JSON.stringify(body) });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text && text.startsWith("{") ? JSON.parse(text) : text };
  }

  /** POSTs JSON to the ingress; the answer's JSON, or an error with its text. */
  async call<T = unknown>(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<T> {
    const response = await this.raw(path, body, headers);
    const text = await response.text();
    if (!response.ok) throw new Error(`${response.status} ${text}`);
    return (text ? JSON.parse(text) : undefined) as T;
  }

  async raw(path: string, body?: unknown, headers: Record<string, string> = {}) {
    return fetch(this.ingressUrl + path, {
      method: "POST", headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
      body: body === undefined ? undefined : JSON.stringify(body) });
  }

  marks(tag: string): string[] {
    return readFileSync(this.marksFile, "utf8").split("\n").filter((line) => line.startsWith(tag + " "));
  }

  async killServer() { this.server!.kill("SIGKILL"); await ended(this.server!); }
  async killServices() {
    this.services!.removeAllListeners("exit");
    this.services!.kill("SIGKILL");
    await ended(this.services!);
  }
  async stopServer(): Promise<number | null> { this.server!.kill("SIGTERM"); return ended(this.server!); }

  async end() {
    await Promise.all([this.killServer(), this.killServices()]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
