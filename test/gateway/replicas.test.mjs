// Several gateways on one Redis: any of them serves any session.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { held_sessions } from './aggregation.mjs';
import { as, pause, start_echo, start_gateway, start_redis, suite_scope, token_file, until } from './processes.mjs';
import { call, echo_call, exchange, initialize_message, post, raw_session, text_of } from './raw_http.mjs';
import { scripted_backend } from './scripted_backend.mjs';

const limits = { timeout: 30_000 };

/** The same session, at another gateway. */
const at = (gateway, session) => Object.assign(new raw_session(), session, { url: gateway.url });

async function counter(gateway, name) {
  const text = await (await fetch(`${gateway.origin}/metrics`)).text();
  const row = new RegExp(`^${name.replace(/[{}]/g, '\\$&')} (\\d+)$`, 'm').exec(text);
  return Number(row?.[1] ?? 0);
}
const restored = (gateway) => counter(gateway, 'mooring_sessions_restored_total');
const disposed = (gateway, reason) => counter(gateway, `mooring_session_disposals_total{reason="${reason}"}`);

async function assert_gone(session) {
  for (const answer of [await session.post(call('tools/list')), await session.get(), await session.delete()]) {
    assert.equal(answer.status, 404, answer.text);
    assert.equal(answer.json().error.code, -32001);
  }
}

describe('two gateways on one Redis', () => {
  const scope = suite_scope();
  let redis, echo, a, b;
  const replica = (t, ...flags) => start_gateway(t, { echo }, '--storage', redis.url, ...flags);

  before(async () => {
    redis = await start_redis(scope);
    echo = await start_echo(scope, 'echo');
    [a, b] = [await replica(scope), await replica(scope)];
  });

  // GW37 GW38
  test('a session opened at one is listed, called and ended at the other', limits, async () => {
    const session = await raw_session.open(a.url);
    const there = at(b, session);
    assert.ok((await there.list('tools')).some((tool) => tool.name === 'echo'));
    assert.equal(text_of(await there.post(echo_call('over there'))), 'over there');
    assert.equal(text_of(await session.post(echo_call('and back'))), 'and back');
    const ended = await there.delete();
    assert.ok(ended.status < 300, ended.text);
    await assert_gone(session);
    await assert_gone(there);
    await until(async () => (await held_sessions(echo)) === 0, 'no backend session is left');
  });

  // GW37; issue: 1000 concurrent gets of one session that a replica does not hold are one restore
  test('a burst of first requests restores the session once', limits, async () => {
    const session = await raw_session.open(a.url);
    const [restores, held] = [await restored(b), await held_sessions(echo)];
    const burst = await Promise.all(Array.from({ length: 100 }, (_, i) => at(b, session).post(echo_call(`${i}`))));
    assert.deepEqual(burst.map((answer, i) => [answer.status, text_of(answer)]), burst.map((_, i) => [200, `${i}`]));
    assert.equal((await restored(b)) - restores, 1);
    assert.equal(await held_sessions(echo), held, 'the backend session was resumed, not doubled');
    assert.ok((await session.delete()).status < 300);
  });

  // GW38 GW15
  test('DELETE at both at once gives no 5xx, and 404 afterwards', limits, async () => {
    for (let round = 0; round < 10; ++round) {
      const session = await raw_session.open(a.url);
      const there = at(b, session);
      await there.list('tools');
      const answers = await Promise.all([session.delete(), there.delete(), session.delete(), there.delete()]);
      assert.ok(answers.some((answer) => answer.status < 300));
      assert.deepEqual(answers.map((answer) => answer.status).filter((status) => status >= 300 && status !== 404), []);
      await assert_gone(session);
      await assert_gone(there);
    }
  });

  // GW17 GW38
  test('a stream ends soon after its session was ended at the other', limits, async (t) => {
    const quick = await replica(t, '--ttl', '2s', '--key-prefix', 'quick:');
    const other = await replica(t, '--ttl', '2s', '--key-prefix', 'quick:');
    const session = await raw_session.open(quick.url);
    const stream = await session.open_stream();
    assert.equal(stream.status, 200);
    assert.ok((await at(other, session).delete()).status < 300);
    await stream.ended;
  });

  // ID14 GW07
  test('another principal is refused at both, and the owner served at both', limits, async (t) => {
    const tokens = ['--tokens', token_file(t), '--key-prefix', 'owned:'];
    const [here, there] = [await replica(t, ...tokens), await replica(t, ...tokens)];
    const session = await raw_session.open(here.url, { headers: as('token-of-alice') });
    assert.equal((await at(there, session).post(call('tools/list'), { headers: as('token-of-bob') })).status, 404);
    assert.equal((await at(there, session).post(call('tools/list'), { headers: as('second-token-of-alice') })).status, 200);
    assert.equal((await at(there, session).post(call('tools/list'), { headers: as('token-of-bob') })).status, 404);
  });

  // GW39 GW41: the end of a process is not the end of its sessions
  test('a session outlives the SIGKILL, and the graceful end, of the gateway that opened it', limits, async (t) => {
    for (const way of ['kill', 'stop']) {
      const first = await replica(t);
      const session = await raw_session.open(first.url);
      if (way === 'stop') await first.assert_clean_end();
      else await Object.assign(first, { is_end_expected: true }).kill();
      const there = at(b, session);
      assert.equal(text_of(await there.post(echo_call('still here'))), 'still here');
      const again = await replica(t);
      assert.equal(text_of(await at(again, session).post(echo_call('here too'))), 'here too');
      assert.ok((await there.delete()).status < 300);
      await assert_gone(at(again, session));
    }
  });

  // GW26 GW37: servers made with the official SDK answer 409 to a second GET of a session
  test('a standing stream at any of them carries what a backend that allows one stream sends', limits, async (t) => {
    const backend = await scripted_backend.start(t, 'b', {
      on_get: (request, response) => backend.streams.size !== 0 && response.writeHead(409).end(),
    });
    const flags = ['--storage', redis.url, '--key-prefix', 'one-stream:'];
    const first = await start_gateway(t, { b: backend }, ...flags);
    const second = await start_gateway(t, { b: backend }, ...flags);
    const session = await raw_session.open(first.url);
    for (const [turn, replica] of [second, first, second].entries()) {
      const there = at(replica, session);
      const stream = await there.open_stream();
      await until(() => backend.streams.size === 1, 'a replica listens');
      const news = `notifications/of_turn_${turn}`;
      await until(async () => {
        backend.announce(news);
        return stream.messages().some((message) => message.method === news);
      }, `turn ${turn}: the client hears its backend`);
      backend.ask(`question-${turn}`, 'roots/list');
      const question = await until(() => stream.messages().find((message) => message.method === 'roots/list'), 'a request comes too');
      assert.equal((await session.post({ jsonrpc: '2.0', id: question.id, result: { roots: [] } })).status, 202);
      await until(() => backend.replies().some((reply) => reply.id === `question-${turn}`), 'and its answer, posted at the other, goes back');
      stream.close();
    }
    await until(() => backend.streams.size === 0, 'without a client nobody holds the stream');
  });

  // RA08 SM33 GW37: backends that give another id to each replica
  test('replicas whose backends give fresh ids never evict each other', limits, async (t) => {
    const fresh = await start_echo(t, 'fresh', '--ignore-resume-ids');
    const flags = ['--storage', redis.url, '--key-prefix', 'fresh:'];
    const all = [];
    for (let i = 0; i < 3; ++i) all.push(await start_gateway(t, { fresh }, ...flags));
    const session = await raw_session.open(all[0].url);
    for (const each of all) await at(each, session).list('tools');
    const before_it = await Promise.all(all.map(restored));
    for (let i = 0; i < 150; ++i) assert.equal(text_of(await at(all[i % 3], session).post(echo_call(`${i}`))), `${i}`);
    assert.deepEqual(await Promise.all(all.map(restored)), before_it);
    for (const each of all) assert.equal((await disposed(each, 'expired')) + (await disposed(each, 'replaced')), 0);
  });
});

describe('a Redis that is away', () => {
  const scope = suite_scope();
  let redis, echo, gateway;

  before(async () => {
    redis = await start_redis(scope);
    echo = await start_echo(scope, 'echo');
    const quick = ['--read-deadline', '400ms', '--generate-deadline', '400ms', '--terminate-deadline', '400ms', '--redis-health-check', '300ms', '--max-stale', '0'];
    gateway = await start_gateway(scope, { echo }, '--storage', redis.url, ...quick);
  });

  // GW02 GW06 GW42 FA01 FA06 ST28
  test('means 503 with Retry-After, never 404, and no session is lost', limits, async () => {
    const session = await raw_session.open(gateway.url);
    for (const away of ['stopped', 'killed']) {
      if (away === 'stopped') redis.signal('SIGSTOP');
      else await redis.kill();
      const begun = Date.now();
      const answers = await Promise.all([
        session.post(call('tools/list')), session.delete(), session.get(), post(gateway.url, initialize_message()),
        at(gateway, { ...session, headers: { ...session.headers, 'Mcp-Session-Id': 'unknown' } }).post(call('tools/list')),
      ]);
      assert.deepEqual(answers.map((answer) => answer.status), [503, 503, 503, 503, 503], `${away}: ${answers.map((answer) => answer.text)}`);
      for (const answer of answers) assert.match(answer.headers['retry-after'] ?? '', /^\d+$/);
      assert.equal(answers[3].headers['mcp-session-id'], undefined);
      assert.ok(Date.now() - begun < 10_000, 'each ends at its deadline');
      const health = await exchange(`${gateway.origin}/healthz`, { method: 'GET' });
      assert.equal(health.status, 200);
      assert.equal(health.json().storage_state, 'failing');
      if (away === 'stopped') redis.signal('SIGCONT');
      else await redis.start();
      const back = await until(async () => {
        const answer = await session.post(echo_call('back'));
        if (answer.status !== 200) assert.equal(answer.status, 503, answer.text);
        return answer.status === 200 && answer;
      }, 'the session is served again');
      assert.equal(text_of(back), 'back');
    }
    // Of the DELETEs whose outcome nobody knows none was carried out later.
    await pause(100);
    assert.equal((await session.post(call('tools/list'))).status, 200);
    assert.equal((await exchange(`${gateway.origin}/healthz`, { method: 'GET' })).json().storage_state, 'working');
  });
});
