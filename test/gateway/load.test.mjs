// Many clients at once, a cache far smaller than the sessions, sessions opened and ended at random.
// MOORING_LOAD_SECONDS sets how long (default 6; a longer run: 30 and more), MOORING_LOAD_SEED what is drawn.

import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { held_sessions } from './aggregation.mjs';
import { is_sanitized, memory_kib, start_echo, start_gateway, until } from './processes.mjs';
import { call, exchange, initialize_message, messages_of, post } from './raw_http.mjs';

const seconds = Number(process.env.MOORING_LOAD_SECONDS ?? 6);
const seed = Number(process.env.MOORING_LOAD_SEED ?? 1);
const clients = 64;
const most_sessions = 48;

/** mulberry32: the same draws for the same seed. */
function generator(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

// GW14 GW15 GW34
test(`${clients} clients for ${seconds} s, and a cache of 8: no call fails but on ended sessions, nothing is left over`, { timeout: (seconds + 60) * 1000 }, async (t) => {
  const echoes = { one: await start_echo(t, 'one'), two: await start_echo(t, 'two') };
  const gateway = await start_gateway(t, echoes, '--cache-capacity', '8', '--threads', '2');
  const agent = new http.Agent({ keepAlive: true, maxSockets: clients });
  t.after(() => agent.destroy());
  const draw = generator(seed);
  const live = []; // { id, is_ending }
  const count = { opened: 0, calls: 0, ended: 0, refused: 0, broken: 0 };
  const wrong = [];
  const end_at = Date.now() + seconds * 1000;
  let names;

  const headers_of = (session) => ({ 'Mcp-Session-Id': session.id, 'MCP-Protocol-Version': '2025-11-25' });
  const send = (message, session) => post(gateway.url, message, { agent, headers: session && headers_of(session), within_ms: 20_000 });

  async function open() {
    const answer = await send(initialize_message());
    if (answer.status !== 200) return void wrong.push(`initialize: ${answer.status} ${answer.text}`);
    const session = { id: answer.headers['mcp-session-id'], is_ending: false };
    const noted = await send({ jsonrpc: '2.0', method: 'notifications/initialized' }, session);
    if (noted.status !== 202) wrong.push(`initialized: ${noted.status} ${noted.text}`);
    names ??= messages_of(await send(call('tools/list'), session)).at(-1).result.tools.map((tool) => tool.name).filter((name) => /echo$/.test(name));
    live.push(session);
    ++count.opened;
  }

  async function use(session) {
    const message = `${Math.floor(draw() * 1e9)}`;
    const answer = await send(call('tools/call', { name: names[Math.floor(draw() * names.length)], arguments: { message } }), session);
    ++count.calls;
    if (answer.status === 404 && session.is_ending) return void ++count.refused;
    const reply = answer.status === 200 ? messages_of(answer).at(-1) : undefined;
    if (reply?.result?.content?.[0]?.text === message) return;
    if (reply?.error && session.is_ending) return void ++count.broken; // its backend session ended under it
    wrong.push(`call${session.is_ending ? ' on an ending session' : ''}: ${answer.status} ${answer.text.slice(0, 300)}`);
  }

  async function end(session) {
    if (session.is_ending) return;
    session.is_ending = true; // while it stays among the live ones, others go on using it
    const answer = await exchange(gateway.url, { method: 'DELETE', agent, headers: headers_of(session), within_ms: 20_000 });
    live.splice(live.indexOf(session), 1);
    if (answer.status >= 300) wrong.push(`DELETE: ${answer.status} ${answer.text}`);
    ++count.ended;
    const after = await send(call('tools/list'), session);
    if (after.status !== 404) wrong.push(`after DELETE: ${after.status} ${after.text}`);
  }

  async function client() {
    while (Date.now() < end_at && wrong.length < 20) {
      const what = draw();
      if (live.length === 0 || (what < 0.05 && live.length < most_sessions)) await open();
      else if (what < 0.08) await end(live[Math.floor(draw() * live.length)]);
      else await use(live[Math.floor(draw() * live.length)]);
    }
  }

  let warm;
  const warm_up = setTimeout(() => (warm = memory_kib(gateway.process.pid)), seconds * 500);
  t.after(() => clearTimeout(warm_up));
  await open();
  await Promise.all(Array.from({ length: clients }, client));
  const final = memory_kib(gateway.process.pid);
  assert.deepEqual(wrong, []);

  const metrics = await (await fetch(`${gateway.origin}/metrics`)).text();
  const by_capacity = /reason="capacity"[^}]*\} (\d+)/.exec(metrics);
  assert.ok(Number(by_capacity?.[1]) > 0, 'the cache had to evict: otherwise this shows little');

  await Promise.all([...live].map(end));
  assert.deepEqual(wrong, []);
  for (const echo of Object.values(echoes)) await until(async () => (await held_sessions(echo)) === 0, 'the echo server holds no session');
  t.diagnostic(`${JSON.stringify(count)}, evicted by capacity ${by_capacity[1]}, resident ${warm} KiB at half time, ${final} KiB at the end`);
  assert.ok(count.calls > 100 && count.ended > 5);
  if (!is_sanitized(gateway.process.pid)) assert.ok(final < warm * 1.25 + 8 * 1024, `memory grew from ${warm} to ${final} KiB in the second half`);
  await gateway.assert_clean_end();
});
