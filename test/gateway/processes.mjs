// Starts the programs under test on free loopback ports, and ends them whatever happens to the test.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createRequire } from 'node:module';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const bin = path.resolve(process.env.MOORING_BIN ?? path.join(here, '../../build/bin'));
const ready_within_ms = 20_000;

/** Waits for `condition` to give something truthy, and returns it. */
export async function until(condition, what, within_ms = 10_000) {
  const give_up = Date.now() + within_ms;
  for (;;) {
    const outcome = await condition();
    if (outcome) return outcome;
    if (Date.now() > give_up) assert.fail(`not seen within ${within_ms} ms: ${what}`);
    await pause(10);
  }
}

/** A promise, `opened`, and what settles it, `open`. */
export function gate() {
  const made = {};
  made.opened = new Promise((resolve) => (made.open = resolve));
  return made;
}

/** For the rows where the passing of time is what is shown; everything else awaits a condition. */
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** One program of ours, running. */
class program {
  constructor(command, args) {
    // The kernel ends the child with us, even if we are killed.
    this.process = spawn('setpriv', ['--pdeathsig', 'KILL', command, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.output = '';
    this.exited = new Promise((resolve) => {
      this.process.once('error', (error) => resolve({ code: null, signal: null, error }));
      this.process.once('close', (code, signal) => resolve({ code, signal }));
    });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        this.output = (this.output + text).slice(-100_000);
        if (process.env.MOORING_SHOW_OUTPUT) process.stderr.write(text);
      });
    }
  }

  get is_running() {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  async ready() {
    const line = await until(
      () => /^listening on (http:\/\/\S+)$/m.exec(this.output) ?? !this.is_running,
      `"listening on" of ${this.process.spawnargs.join(' ')}`,
      ready_within_ms,
    );
    assert.notEqual(line, true, `${this.process.spawnargs.join(' ')} ended at once:\n${this.output}`);
    this.url = line[1];
    this.origin = new URL(this.url).origin;
    this.port = Number(new URL(this.url).port);
    assert_on_loopback(this.process.pid);
    return this;
  }

  /** Expects the program to end; after `within_ms` it is killed. Resolves with `code` and `signal`. */
  async ended(within_ms = 15_000) {
    this.is_end_expected = true;
    const killer = setTimeout(() => this.process.kill('SIGKILL'), within_ms);
    const end = await this.exited;
    clearTimeout(killer);
    return end;
  }

  /** Asks the program to end, and waits. */
  stop(within_ms) {
    if (this.is_running) this.process.kill('SIGTERM');
    return this.ended(within_ms);
  }

  /** Asks the program to end and expects status 0: under a sanitizer, that nothing leaked either. */
  async assert_clean_end() {
    assert.deepEqual(await this.stop(), { code: 0, signal: null }, this.output.slice(-4000));
  }

  kill() {
    if (!this.is_running && !this.is_end_expected && this.process.exitCode !== 0 && this.process.signalCode !== 'SIGKILL') {
      console.error(`${this.process.spawnargs.join(' ')} had ended with ${this.process.exitCode ?? this.process.signalCode}:\n${this.output.slice(-4000)}`);
    }
    this.process.kill('SIGKILL');
    return this.exited;
  }
}

const started = new Set();
const kill_all = () => started.forEach((each) => each.process.kill('SIGKILL'));
process.on('exit', kill_all);
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => process.exit(1));

/** For programs that a whole suite shares: call it in the suite's body, start them in its `before`. */
export function suite_scope() {
  const endings = [];
  after(async () => {
    for (const end of endings.reverse()) await end();
  });
  return { after: (end) => void endings.push(end) };
}

/** Runs a program, `through` a command that runs it in its own place if given, without waiting for it to accept; `t` is a test context or a suite's scope. */
export function run(t, name, args, through = []) {
  const command = path.join(bin, name);
  assert.ok(fs.existsSync(command), `${command} is missing: build it, or name the folder of the programs in MOORING_BIN`);
  const [first, ...rest] = [...through, command, ...args];
  return own(t, new program(first, rest));
}

function own(t, child) {
  started.add(child);
  t.after(() => child.kill());
  return child;
}

export function start_echo(t, name, ...flags) {
  return run(t, 'mooring-echo-server', ['--listen', '127.0.0.1:0', '--name', name, ...flags]).ready();
}

/** A Redis server of the test's own, on a socket; `url` is for `--storage`. It keeps its data over `restart`, which follows a `kill`. */
export async function start_redis(t, ...flags) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'mooring-redis-'));
  const socket = path.join(folder, 'redis.sock');
  const server = {
    url: `unix://${socket}`,
    async start() {
      // From 7.2 on it ends where LANG names a locale that the machine does not have.
      const args = ['LC_ALL=C', 'redis-server', '--port', '0', '--unixsocket', socket, '--dir', folder, '--save', '', '--appendonly', 'yes', '--appendfsync', 'always', ...flags];
      server.program = own(t, new program('env', args));
      await until(() => server.program.output.includes('eady to accept connections') || !server.program.is_running, 'redis-server accepts connections');
      assert.ok(server.program.is_running, server.program.output);
    },
    signal: (name) => server.program.process.kill(name),
    kill: () => server.program.kill(),
  };
  t.after(() => fs.rmSync(folder, { recursive: true }));
  await server.start();
  return server;
}

/** `backends`: name -> something with a `url`. */
export function start_gateway(t, backends, ...flags) {
  const named = Object.entries(backends).flatMap(([name, backend]) => ['--backend', `${name}=${backend.url}`]);
  const storage = flags.includes('--storage') ? [] : ['--storage', 'memory'];
  return run(t, 'mooring-gateway', ['--listen', '127.0.0.1:0', ...storage, ...named, ...flags]).ready();
}

/** A `--tokens` file of the people that the tests know. */
export function token_file(t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'mooring-gateway-test-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'tokens.json');
  const people = {
    'token-of-alice': { issuer: 'https://issuer.example', subject: 'alice' },
    'second-token-of-alice': { issuer: 'https://issuer.example', subject: 'alice' },
    'token-of-bob': { issuer: 'https://issuer.example', subject: 'bob' },
    'token-of-another-alice': { issuer: 'https://other.example', subject: 'alice' },
  };
  fs.writeFileSync(file, JSON.stringify(people), { mode: 0o600 });
  return file;
}

/** The header that goes with such a token. */
export const as = (token) => ({ Authorization: `Bearer ${token}` });

/** The public reference server of the protocol, from npm. */
export function start_everything(t) {
  const main = createRequire(import.meta.url).resolve('@modelcontextprotocol/server-everything/dist/index.js');
  return own(t, new program('env', ['PORT=0', process.execPath, '--import', path.join(here, 'everything_preload.mjs'), main, 'streamableHttp'])).ready();
}

/** Every TCP listener of the process, as the kernel writes addresses. */
function listeners(pid) {
  const inodes = new Set();
  for (const fd of fs.readdirSync(`/proc/${pid}/fd`)) {
    const target = attempt(() => fs.readlinkSync(`/proc/${pid}/fd/${fd}`)) ?? '';
    const socket = /^socket:\[(\d+)\]$/.exec(target);
    if (socket) inodes.add(socket[1]);
  }
  return ['tcp', 'tcp6']
    .flatMap((table) => (attempt(() => fs.readFileSync(`/proc/${pid}/net/${table}`, 'utf8')) ?? '').split('\n').slice(1))
    .map((row) => row.trim().split(/\s+/))
    .filter((row) => row[3] === '0A' && inodes.has(row[9]))
    .map((row) => row[1].split(':')[0]);
}

const loopback = new Set(['0100007F', '00000000000000000000000001000000', '0000000000000000FFFF00000100007F']);

export function assert_on_loopback(pid) {
  const addresses = listeners(pid);
  assert.ok(addresses.length > 0, 'no listener found: the check would see nothing');
  assert.deepEqual(addresses.filter((address) => !loopback.has(address)), [], 'listens beyond loopback');
}

/** Memory of the process, in KiB: 'VmRSS' is what is resident, 'VmSize' what is mapped. */
export function memory_kib(pid, kind = 'VmRSS') {
  return Number(new RegExp(`^${kind}:\\s+(\\d+)`, 'm').exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
}

/** A sanitizer maps terabytes for its shadow, and keeps freed memory for a while. */
export const is_sanitized = (pid) => memory_kib(pid, 'VmSize') > 2 ** 32;

function attempt(action) {
  try {
    return action();
  } catch {
    return undefined; // a descriptor or table that went away while we read
  }
}
