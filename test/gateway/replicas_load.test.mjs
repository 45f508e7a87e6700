// Load on several gateways that share a Redis. Longer runs: MOORING_LOAD_SECONDS (6) and MOORING_LOAD_SESSIONS (60); MOORING_OUTAGE_SECONDS (3) for the outage.

import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import fs from 'node:fs';
import { test } from 'node:test';
import { pause, start_echo, start_gateway, start_redis, until } from './processes.mjs';
import { echo_call, post, raw_session, text_of } from './raw_http.mjs';

const seconds = Number(process.env.MOORING_LOAD_SECONDS ?? 6);
const sessions_wanted = Number(process.env.MOORING_LOAD_SESSIONS ?? 60);
const outage_seconds = Number(process.env.MOORING_OUTAGE_SECONDS ?? 3);
const clients = 32;
const fresh_connections = (t) => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: clients });
  t.after(() => agent.destroy());
  return agent;
};

async function metric(gateway, name) {
  const text = await (await fetch(`${gateway.origin}/metrics`)).text();
  return Number(new RegExp(`^${name.replace(/[{}]/g, '\\$&')} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
}

// RA08 SM33 GW37
test(`${sessions_wanted} sessions move between three replicas for ${seconds} s, and none is evicted as stale`, { timeout: (seconds + 120) * 1000 }, async (t) => {
  const redis = await start_redis(t);
  const echo = await start_echo(t, 'fresh', '--ignore-resume-ids');
  const replicas = [];
  for (let i = 0; i < 3; ++i) replicas.push(await start_gateway(t, { echo }, '--storage', redis.url, '--cache-capacity', '5000'));
  const agent = fresh_connections(t);
  const sessions = [];
  const all = (count, work) => Promise.all(Array.from({ length: count }, (_, i) => work(i)));
  await all(clients, async (i) => {
    for (let n = i; n < sessions_wanted; n += clients) sessions[n] = await raw_session.open(replicas[n % 3].url);
  });
  let calls = 0;
  const touch = async (session, replica, message) => {
    const answer = await post(replica.url, echo_call(message), { agent, headers: session.headers });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(text_of(answer), message);
    ++calls;
  };
  await all(clients, async (i) => {
    for (let n = i; n < sessions_wanted; n += clients) for (const replica of replicas) await touch(sessions[n], replica, 'first');
  });
  const restored = await Promise.all(replicas.map((each) => metric(each, 'mooring_sessions_restored_total')));
  assert.equal(restored.reduce((sum, each) => sum + each), 2 * sessions_wanted, 'each session was opened once and restored on two replicas');
  const end = Date.now() + seconds * 1000;
  await all(clients, async () => {
    while (Date.now() < end) await touch(sessions[Math.floor(Math.random() * sessions_wanted)], replicas[Math.floor(Math.random() * 3)], `${calls}`);
  });
  assert.deepEqual(await Promise.all(replicas.map((each) => metric(each, 'mooring_sessions_restored_total'))), restored);
  for (const each of replicas)
    for (const reason of ['expired', 'replaced', 'terminated']) assert.equal(await metric(each, `mooring_session_disposals_total{reason="${reason}"}`), 0, reason);
  t.diagnostic(`${calls} calls`);
});

// FA01 FA06 FA07 GW06 RE20
test(`Redis away for ${outage_seconds} s under load: 503 with Retry-After and never 404, few attempts, and service as soon as it is back`, { timeout: (outage_seconds + 60) * 1000 }, async (t) => {
  const redis = await start_redis(t);
  const echo = await start_echo(t, 'echo');
  const gateway = await start_gateway(t, { echo }, '--storage', redis.url, '--max-stale', '0');
  const agent = fresh_connections(t);
  const sessions = await Promise.all(Array.from({ length: 8 }, () => raw_session.open(gateway.url)));
  const seen = { served: 0, refused: 0, slowest: 0 };
  let is_over = false;
  const load = Promise.all(
    Array.from({ length: clients }, async (_, i) => {
      while (!is_over) {
        const begun = Date.now();
        const answer = await post(gateway.url, echo_call('m'), { agent, headers: sessions[i % sessions.length].headers });
        seen.slowest = Math.max(seen.slowest, Date.now() - begun);
        assert.ok([200, 503].includes(answer.status), `${answer.status} ${answer.text}`);
        if (answer.status === 503) assert.match(answer.headers['retry-after'] ?? '', /^\d+$/);
        ++seen[answer.status === 200 ? 'served' : 'refused'];
        if (answer.status === 503) await pause(5);
      }
    }),
  );
  await until(() => seen.served > 100, 'the load runs');
  await redis.kill();
  // Somebody who hangs up takes the server's place and counts who knocks.
  const socket = redis.url.slice('unix://'.length);
  const knocks = [];
  const nobody = net.createServer((connection) => (knocks.push(Date.now()), connection.destroy()));
  fs.rmSync(socket, { force: true });
  await new Promise((listening) => nobody.listen(socket, listening));
  await pause(outage_seconds * 1000);
  await new Promise((closed) => nobody.close(closed));
  const refused = seen.refused;
  assert.ok(refused > 0, 'calls were refused meanwhile');
  await redis.start();
  const back = Date.now();
  const served = seen.served;
  await until(() => seen.served > served, 'service is back');
  const took = Date.now() - back;
  is_over = true;
  await load;
  for (const session of sessions) assert.equal(await session.tool_text('echo', { message: 'alive' }), 'alive');
  const busiest = Math.max(...knocks.map((from) => knocks.filter((at) => at >= from && at < from + 1000).length));
  t.diagnostic(`${JSON.stringify(seen)}, ${refused} refused in the outage, ${knocks.length} attempts, at most ${busiest} in a second; served again after ${took} ms`);
  assert.ok(knocks.length > 0, 'attempts were counted');
  assert.ok(busiest <= 3, `${busiest} attempts in one second`);
  if (process.env.MOORING_OUTAGE_SECONDS) assert.ok(took <= 1000, `served again only after ${took} ms`); // by hand, on a machine that does nothing else
});
