// How sessions live and end, whose they are, and their streams.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { held_sessions } from './aggregation.mjs';
import { as, pause, start_echo, start_gateway, suite_scope, token_file, until } from './processes.mjs';
import { call, exchange, initialize_message, post, raw_session } from './raw_http.mjs';
import { scripted_backend } from './scripted_backend.mjs';

const limits = { timeout: 20_000 };

describe('the end of a session', () => {
  const scope = suite_scope();
  let echo, gateway;

  before(async () => {
    echo = await start_echo(scope, 'echo');
    gateway = await start_gateway(scope, { echo });
  });

  const assert_gone = async (session) => {
    for (const answer of [await session.post(call('tools/list')), await session.get(), await session.delete()]) {
      assert.equal(answer.status, 404, answer.text);
      assert.equal(answer.json().error.code, -32001);
    }
  };

  // GW14 GW34
  test('DELETE ends it for every method, with its open stream and its backend session', limits, async () => {
    const session = await raw_session.open(gateway.url);
    const stream = await session.open_stream();
    assert.equal(stream.status, 200);
    const ended = await session.delete();
    assert.ok(ended.status >= 200 && ended.status < 300, ended.text);
    await stream.ended;
    await assert_gone(session);
    await until(async () => (await held_sessions(echo)) === 0, 'the echo server lost its session');
  });

  // GW15
  test('a burst of DELETE gives at least one 2xx and otherwise 404', limits, async () => {
    for (let round = 0; round < 5; ++round) {
      const session = await raw_session.open(gateway.url);
      const statuses = (await Promise.all(Array.from({ length: 20 }, () => session.delete()))).map((answer) => answer.status);
      assert.ok(statuses.some((status) => status >= 200 && status < 300), `${statuses}`);
      assert.deepEqual(statuses.filter((status) => status >= 300 && status !== 404), []);
      await assert_gone(session);
    }
  });

  // GW15
  test('DELETE in a burst of requests leaves each of them 200 or 404, and 404 for good', limits, async () => {
    const seen = new Set();
    for (let round = 0; round < 5; ++round) {
      const session = await raw_session.open(gateway.url);
      const burst = Array.from({ length: 40 }, async (_, i) => {
        if (i === 20) assert.ok((await session.delete()).status < 300);
        const answer = await session.post(call('tools/call', { name: 'echo', arguments: { message: 'm' } }));
        seen.add(answer.status);
        assert.ok([200, 404].includes(answer.status), `${answer.status} ${answer.text}`);
      });
      await Promise.all(burst);
      await assert_gone(session);
    }
    assert.ok(seen.has(404), 'some of the burst came too late');
    await until(async () => (await held_sessions(echo)) === 0, 'no backend session is left');
  });
});

describe('time', { concurrency: true }, () => {
  const scope = suite_scope();
  let echo, gateway;

  before(async () => {
    echo = await start_echo(scope, 'echo');
    gateway = await start_gateway(scope, { echo }, '--ttl', '2s');
  });

  // GW04
  test('an idle session ends with its TTL, and its backend session with it', limits, async (t) => {
    const alone = await start_echo(t, 'alone');
    const session = await raw_session.open((await start_gateway(t, { alone }, '--ttl', '1s')).url);
    assert.equal(await held_sessions(alone), 1);
    await until(async () => (await held_sessions(alone)) === 0, 'the expiry reached the backend'); // asks nothing of the session itself
    for (const answer of [await session.post(call('tools/list', undefined, 5)), await session.get(), await session.delete()]) {
      assert.equal(answer.status, 404, answer.text);
      assert.equal(answer.json().error.code, -32001);
    }
  });

  // GW04 GW34
  test('idle sessions that the cache had no room for end too, and their backend sessions with them', limits, async (t) => {
    const alone = await start_echo(t, 'alone');
    const gateway_of_two = await start_gateway(t, { alone }, '--ttl', '1s', '--cache-capacity', '2');
    const sessions = await Promise.all(Array.from({ length: 6 }, () => raw_session.open(gateway_of_two.url)));
    await until(async () => (await held_sessions(alone)) === 0, 'the expiry reached the backend');
    for (const session of sessions) assert.equal((await session.post(call('tools/list'))).status, 404);
  });

  // GW17
  test('an open stream keeps a session alive', limits, async () => {
    const session = await raw_session.open(gateway.url);
    const stream = await session.open_stream();
    await pause(5000); // more than two lifetimes
    assert.ok(stream.is_open);
    assert.equal(await session.tool_text('echo', { message: 'alive' }), 'alive');
    stream.close();
    await session.delete();
  });

  // GW17
  test('a request in work keeps a session alive', limits, async () => {
    const session = await raw_session.open(gateway.url);
    await session.tool_text('slow', { ms: 5000 });
    assert.equal(await session.tool_text('echo', { message: 'alive' }), 'alive');
    await session.delete();
  });

  // GW17
  test('a notification keeps a session alive', limits, async () => {
    const session = await raw_session.open(gateway.url);
    for (let i = 0; i < 6; ++i) {
      await pause(800);
      assert.equal((await session.post({ jsonrpc: '2.0', method: 'notifications/of/our/own' })).status, 202);
    }
    await session.delete();
  });

  // GW04
  test('the longest lifetime ends even a busy session', limits, async (t) => {
    const short = await start_gateway(t, { echo }, '--ttl', '1s', '--max-lifetime', '2s');
    const session = await raw_session.open(short.url);
    const begin = Date.now();
    await until(async () => {
      const answer = await session.post(call('ping'));
      assert.ok([200, 404].includes(answer.status), answer.text);
      return answer.status === 404;
    }, 'the end of the session');
    assert.ok(Date.now() - begin >= 1500, 'not at the TTL');
  });
});

describe('owners', () => {
  const scope = suite_scope();
  let echo, gateway;

  before(async () => {
    echo = await start_echo(scope, 'echo');
    gateway = await start_gateway(scope, { echo }, '--tokens', token_file(scope));
  });

  // GW07
  test("another principal's requests are refused like those on an unknown id, and the owner's session lives on", limits, async () => {
    const session = await raw_session.open(gateway.url, { headers: as('token-of-alice') });
    for (const stranger of ['token-of-bob', 'token-of-another-alice']) {
      const refusals = [
        await session.post(call('tools/call', { name: 'echo', arguments: { message: 'm' } }, 3), { headers: as(stranger) }),
        await session.post({ jsonrpc: '2.0', method: 'notifications/initialized' }, { headers: as(stranger) }),
        await session.get(as(stranger)),
        await session.delete(as(stranger)),
      ];
      for (const answer of refusals) assert.equal(answer.status, 404, answer.text);
      const unknown = await session.post(call('tools/list', undefined, 3), { headers: { ...as(stranger), 'Mcp-Session-Id': 'unknown-id-unknown-id-unknown' } });
      assert.equal(refusals[0].text, unknown.text, 'the answer does not tell that the session exists');
      assert.equal(await session.tool_text('echo', { message: 'alive' }), 'alive');
    }
    assert.equal(await held_sessions(echo), 1);
    assert.ok((await session.delete(as('second-token-of-alice'))).status < 300, 'the same person with another token');
    await until(async () => (await held_sessions(echo)) === 0, 'the end reached the backend');
  });

  // GW07
  test('missing or wrong credentials on a bound session are refused, and it lives on', limits, async () => {
    const session = await raw_session.open(gateway.url, { headers: as('token-of-alice') });
    for (const credentials of [{ Authorization: undefined }, as('no-such-token'), as(''), as('token-of-alicE'), { Authorization: 'token-of-alice' }, { Authorization: 'Basic dG9rZW4=' }]) {
      const headers = Object.fromEntries(Object.entries({ ...session.headers, ...credentials }).filter(([, value]) => value !== undefined));
      for (const answer of [
        await post(gateway.url, call('tools/list'), { headers }),
        await exchange(gateway.url, { method: 'GET', headers: { Accept: 'text/event-stream', ...headers } }),
        await exchange(gateway.url, { method: 'DELETE', headers }),
      ]) {
        assert.ok([401, 403, 404].includes(answer.status), `${JSON.stringify(credentials)}: ${answer.status} ${answer.text}`);
      }
    }
    assert.equal(await session.tool_text('echo', { message: 'alive' }), 'alive');
    assert.ok((await session.delete()).status < 300);
  });

  // GW07
  test('another principal gets 403 where the operator wants it said', limits, async (t) => {
    const open = await start_gateway(t, { echo }, '--tokens', token_file(t), '--forbidden');
    const session = await raw_session.open(open.url, { headers: as('token-of-alice') });
    for (const answer of [await session.post(call('tools/list'), { headers: as('token-of-bob') }), await session.get(as('token-of-bob')), await session.delete(as('token-of-bob'))]) {
      assert.equal(answer.status, 403, answer.text);
    }
    assert.equal((await session.post(call('tools/list'), { headers: { 'Mcp-Session-Id': 'unknown-id-unknown-id-unknown' } })).status, 404);
    assert.equal(await session.tool_text('echo', { message: 'alive' }), 'alive');
    await session.delete();
  });

  // GW07
  test('a token that nobody has opens no session', limits, async () => {
    const answer = await post(gateway.url, initialize_message(), { headers: as('no-such-token') });
    assert.ok([401, 403].includes(answer.status), answer.text);
    assert.equal(answer.headers['mcp-session-id'], undefined);
  });
});

describe('no room', () => {
  for (const flag of ['--max-entries', '--max-sessions']) {
    // GW02
    test(`at ${flag} gives initialize 503 with Retry-After and no id, until there is room again`, limits, async (t) => {
      const echo = await start_echo(t, 'echo');
      const gateway = await start_gateway(t, { echo }, flag, '2');
      const sessions = [await raw_session.open(gateway.url), await raw_session.open(gateway.url)];
      for (let i = 0; i < 3; ++i) {
        const answer = await post(gateway.url, initialize_message());
        assert.equal(answer.status, 503, answer.text);
        assert.match(answer.headers['retry-after'] ?? '', /^\d+$/);
        assert.equal(answer.headers['mcp-session-id'], undefined);
      }
      for (const session of sessions) assert.equal(await session.tool_text('echo', { message: 'alive' }), 'alive');
      await sessions[0].delete();
      await until(async () => {
        const answer = await post(gateway.url, initialize_message());
        return answer.status === 200 && exchange(gateway.url, { method: 'DELETE', headers: { 'Mcp-Session-Id': answer.headers['mcp-session-id'] } });
      }, 'room');
      const third = await until(() => raw_session.open(gateway.url).catch(() => undefined), 'room again');
      assert.equal(await third.tool_text('echo', { message: 'm' }), 'm');
      await until(async () => (await held_sessions(echo)) === 2, 'what was refused left nothing at the backend');
    });
  }
});

describe('streams', () => {
  const scope = suite_scope();
  let backend, gateway;

  before(async () => {
    backend = await scripted_backend.start(scope, 'scripted');
    gateway = await start_gateway(scope, { scripted: backend });
  });

  const announced = (stream, method) => until(() => stream.messages().some((message) => message.method === method), `${method} on the stream`);

  // GW16
  test('GET opens an event stream that brings what the backend says; a second GET replaces the first', limits, async () => {
    const session = await raw_session.open(gateway.url);
    const first = await session.open_stream();
    assert.equal(first.status, 200);
    assert.match(first.headers['content-type'], /^text\/event-stream/);
    await until(() => backend.streams.size === 1, 'the gateway listens to its backend');
    backend.announce('notifications/tools/list_changed');
    await announced(first, 'notifications/tools/list_changed');

    const second = await session.open_stream();
    assert.equal(second.status, 200);
    await first.ended;
    backend.announce('notifications/resources/list_changed');
    await announced(second, 'notifications/resources/list_changed');
    assert.ok(second.is_open);
    await session.delete();
    await second.ended;
  });

  // GW16
  test('an idle stream carries signs of life', limits, async (t) => {
    const lively = await start_gateway(t, { scripted: backend }, '--keep-alive', '100ms');
    const session = await raw_session.open(lively.url);
    const stream = await session.open_stream();
    for (let i = 0; i < 3; ++i) {
      const length = stream.text.length;
      await until(() => stream.text.length > length, 'another sign of life');
    }
    assert.deepEqual(stream.messages(), [], 'that no client takes for a message');
    assert.ok(stream.text.split('\n').every((line) => line === '' || line.startsWith(':')), stream.text);
    await session.delete();
  });

  // GW18
  test('a stream that cannot be continued is opened afresh', limits, async () => {
    const session = await raw_session.open(gateway.url);
    for (const last of ['1', 'no-such-event', `${'x'.repeat(1000)}`, '-1']) {
      const stream = await session.open_stream({ 'Last-Event-ID': last });
      assert.equal(stream.status, 200, last);
      assert.match(stream.headers['content-type'], /^text\/event-stream/);
      stream.close();
    }
    assert.equal(await session.tool_text('echo', { message: 'm' }), 'scripted:echo:m');
    await session.delete();
  });

  // GW16
  test('a client that drops its stream can open it again, and loses no session', limits, async () => {
    const session = await raw_session.open(gateway.url);
    for (let i = 0; i < 10; ++i) (await session.open_stream()).close();
    const stream = await session.open_stream();
    backend.announce('notifications/tools/list_changed');
    await announced(stream, 'notifications/tools/list_changed');
    await session.delete();
  });
});
