// The official conformance tool finds no difference between a backend and the gateways in front of it.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { start_echo, start_gateway, start_redis, suite_scope } from './processes.mjs';

const tool = fileURLToPath(new URL('node_modules/@modelcontextprotocol/conformance/dist/index.js', import.meta.url));
const limits = { timeout: 180_000 };

/** What the tool says of each scenario, as `NAME: N passed, M failed`. */
async function results_of(t, url) {
  // It leaves a report of each scenario where it is started.
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'mooring-conformance-'));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  // Its status says how it went, which the results say, too.
  const { stdout } = await promisify(execFile)(process.execPath, [tool, 'server', '--url', url, '--suite', 'all'], {
    cwd: folder,
    maxBuffer: 2 ** 26,
  }).catch((failure) => failure);
  return [...stdout.matchAll(/^\S+ ([\w-]+: \d+ passed, \d+ failed)/gm)].map((row) => row[1]);
}

/** Hands each request to the next server in turn, as a load balancer does that knows nothing of sessions. */
async function round_robin(t, servers) {
  let served = 0;
  const balancer = http.createServer((request, response) => {
    const next = servers[served++ % servers.length];
    const headers = { ...request.headers, host: new URL(next.origin).host };
    const passed = http.request(next.origin + request.url, { method: request.method, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      response.flushHeaders();
      answer.pipe(response);
    });
    passed.on('error', () => response.destroy());
    response.on('close', () => passed.destroy());
    request.pipe(passed);
  });
  await new Promise((resolve) => balancer.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    balancer.close();
    balancer.closeAllConnections();
  });
  return `http://127.0.0.1:${balancer.address().port}/mcp`;
}

// GW40
describe('the official conformance tool', () => {
  const scope = suite_scope();
  let echo, expected;

  before(async () => {
    echo = await start_echo(scope, 'echo', '--conformance');
    expected = await results_of(scope, echo.url);
    assert.ok(expected.length >= 25, `the tool ran only ${expected.length} scenarios`);
    assert.deepEqual(expected.filter((row) => !row.endsWith(' 0 failed') || row.includes(': 0 passed')), [], 'of the backend itself');
  });

  test('finds through one gateway what it finds at the backend', limits, async (t) => {
    const gateway = await start_gateway(t, { echo });
    assert.deepEqual(await results_of(t, gateway.url), expected);
  });

  test('finds through two replicas behind round robin what it finds at the backend', limits, async (t) => {
    const redis = await start_redis(t);
    const replicas = [await start_gateway(t, { echo }, '--storage', redis.url), await start_gateway(t, { echo }, '--storage', redis.url)];
    const url = await round_robin(t, replicas);
    assert.deepEqual(await results_of(t, url), expected);
  });
});
