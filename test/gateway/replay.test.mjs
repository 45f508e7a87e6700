// When a request is sent to a backend again, and when it must not be.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { pause, run, start_echo, start_gateway, until } from './processes.mjs';
import { call, echo_call, messages_of, raw_session, text_of } from './raw_http.mjs';
import { event, scripted_backend } from './scripted_backend.mjs';

const limits = { timeout: 30_000 };

describe('a backend that forgets', () => {
  // GW30
  test('is initialized once more for all requests together, and each is replayed once', limits, async (t) => {
    const backend = await scripted_backend.start(t, 'b');
    const session = await raw_session.open((await start_gateway(t, { b: backend })).url);
    assert.equal(backend.initializations, 1);
    for (let round = 1; round <= 3; ++round) {
      backend.sessions.clear();
      backend.received.length = 0;
      const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => session.post(echo_call(`${i}`))));
      answers.forEach((answer, i) => assert.equal(text_of(answer), `b:echo:${i}`, answer.text));
      assert.equal(backend.initializations, 1 + round);
      for (let i = 0; i < 20; ++i) {
        const seen = backend.calls().filter((message) => message.params.arguments.message === `${i}`);
        assert.ok(seen.length <= 2 && backend.sessions.has(seen.at(-1).session), `${i} came ${seen.length} times`);
      }
    }
  });

  // GW30
  test('twice for one request makes an error of it; the session lives on', limits, async (t) => {
    let refuses = true;
    const backend = await scripted_backend.start(t, 'b', {
      on_request: (message) => {
        if (refuses && message.method === 'tools/call') throw 404;
      },
    });
    const session = await raw_session.open((await start_gateway(t, { b: backend })).url);
    const answer = await session.post(echo_call('m', 9));
    assert.notEqual(answer.status, 404, 'a 404 would tell the client that its own session is gone');
    const reply = messages_of(answer).at(-1);
    assert.equal(reply.id, 9);
    assert.ok(Number.isInteger(reply.error?.code), answer.text);
    assert.equal(backend.calls().length, 2, 'replayed once');
    refuses = false;
    assert.equal(await session.tool_text('echo', { message: 'm' }), 'b:echo:m');
  });

  // GW30
  test('because it was restarted serves the same client session again', limits, async (t) => {
    const backend = await scripted_backend.start(t, 'b');
    const other = await scripted_backend.start(t, 'c', { tools: ['other'] });
    const session = await raw_session.open((await start_gateway(t, { b: backend, c: other })).url);
    await backend.stop();
    const refused = messages_of(await session.post(echo_call('m', 4))).at(-1);
    assert.equal(refused.id, 4);
    assert.ok(Number.isInteger(refused.error?.code), 'an error while it is down');
    assert.equal(await session.tool_text('other'), 'c:other:');
    await backend.resume();
    await until(async () => text_of(await session.post(echo_call('again'))) === 'b:echo:again', 'it serves again');
    assert.equal(await session.tool_text('other'), 'c:other:');
    await session.delete();
    await until(() => backend.deleted.length === 1 && backend.sessions.size === 0, 'the new backend session ended too');
  });

  // GW30
  test('is an echo server killed and started again', limits, async (t) => {
    const echo = await start_echo(t, 'first');
    const session = await raw_session.open((await start_gateway(t, { echo })).url);
    const before = await session.tool_text('whoami');
    await echo.kill();
    await run(t, 'mooring-echo-server', ['--listen', `127.0.0.1:${echo.port}`, '--name', 'second']).ready();
    const after = await until(async () => text_of(await session.post(call('tools/call', { name: 'whoami', arguments: {} }))), 'an answer');
    assert.match(before, /first/);
    assert.match(after, /second/);
  });
});

describe('a new backend session', () => {
  // GW30: a strict server refuses requests until it has been told `initialized`
  test('is told what came first before it gets a request', limits, async (t) => {
    let is_slow = false;
    const ready = new Set(); // sessions that have taken `initialized`
    const early = [];
    const backend = await scripted_backend.start(t, 'b', {
      on_notification: async ({ method }) => {
        const opened = `b-${backend.initializations}`;
        if (is_slow) await pause(300);
        if (method === 'notifications/initialized') ready.add(opened);
      },
      on_request: ({ method }, { id }) => {
        if (method === 'initialize') return undefined;
        if (!ready.has(id)) early.push(method);
        return method === 'logging/setLevel' ? {} : undefined;
      },
    });
    const session = await raw_session.open((await start_gateway(t, { b: backend })).url);
    assert.ok((await session.request('logging/setLevel', { level: 'debug' })).result);
    is_slow = true;
    backend.sessions.clear();
    backend.received.length = 0;
    const lost = session.post(echo_call('lost'));
    await until(() => backend.calls('notifications/initialized').length === 1, 'it is being told');
    const answers = [await session.post(echo_call('next')), await lost];
    assert.deepEqual(answers.map(text_of), ['b:echo:next', 'b:echo:lost']);
    assert.deepEqual(early, []);
    const order = backend.received.filter((message) => message.session === 'b-2').map((message) => message.method);
    assert.deepEqual(order.slice(0, 2), ['notifications/initialized', 'logging/setLevel'], `${order}`);
  });
});

describe('a lasting wish', () => {
  // GW30
  test('that the backend refused is not repeated to its next session', limits, async (t) => {
    const refuses = (message) => message.params?.uri === 'a://refused';
    const backend = await scripted_backend.start(t, 'b', {
      on_request: (message) => (message.method === 'resources/subscribe' && !refuses(message) ? {} : undefined),
    });
    const session = await raw_session.open((await start_gateway(t, { b: backend })).url);
    assert.ok((await session.request('resources/subscribe', { uri: 'a://refused' })).error);
    assert.ok((await session.request('resources/subscribe', { uri: 'a://taken' })).result);
    backend.sessions.clear();
    await session.tool_text('echo', { message: 'm' });
    const asked = () => backend.calls('resources/subscribe').map((message) => message.params.uri);
    await until(() => asked().length === 3, 'the wish that was granted comes again');
    assert.deepEqual(asked().sort(), ['a://refused', 'a://taken', 'a://taken']);
  });
});

describe('a request that may have been carried out', () => {
  // GW31
  test('is not sent again: answered with 400 and an error of its own that speaks of a session', limits, async (t) => {
    const backend = await scripted_backend.start(t, 'b', {
      on_request: ({ id, method }, { response }) => {
        if (method !== 'tools/call') return undefined;
        const error = { code: -32000, message: 'Session of the tool expired' };
        response.writeHead(400, { 'Content-Type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id, error }));
        return new Promise(() => {});
      },
    });
    const session = await raw_session.open((await start_gateway(t, { b: backend })).url);
    const reply = messages_of(await session.post(echo_call('m', 6))).at(-1);
    assert.deepEqual(reply, { jsonrpc: '2.0', id: 6, error: { code: -32000, message: 'Session of the tool expired' } });
    assert.equal(backend.calls().length, 1);
    assert.equal(backend.initializations, 1);
  });

  const failures = {
    'cut without an answer': (response) => response.socket.destroy(),
    'cut in the middle of an answer': (response) => {
      response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': 1000 }).write('{"jsonrpc"');
      setTimeout(() => response.socket.destroy(), 20);
    },
    'cut in the middle of an event stream': (response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(event({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 'x' } }));
      setTimeout(() => response.socket.destroy(), 20);
    },
    'answered with 500': (response) => response.writeHead(500).end(),
    'answered with 503': (response) => response.writeHead(503, { 'Retry-After': '0' }).end(),
    'answered with no JSON': (response) => response.writeHead(200, { 'Content-Type': 'application/json' }).end('<html>'),
    'answered with another kind of content': (response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end('{}'),
    'answered under an id that was not asked': (response) => response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"jsonrpc":"2.0","id":"not asked","result":{}}'),
    'answered with an event stream that ends without a reply': (response) => response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end(': nothing\n\n'),
  };
  for (const [title, fail] of Object.entries(failures)) {
    // GW31
    test(`is not sent again: ${title}`, limits, async (t) => {
      let fails = true;
      const backend = await scripted_backend.start(t, 'b', {
        on_request: (message, { response }) => {
          if (!fails || message.method !== 'tools/call') return undefined;
          fail(response);
          return new Promise(() => {});
        },
      });
      const session = await raw_session.open((await start_gateway(t, { b: backend })).url);
      const reply = messages_of(await session.post(echo_call('m', 6))).at(-1);
      assert.equal(reply.id, 6);
      assert.ok(Number.isInteger(reply.error?.code), JSON.stringify(reply));
      assert.equal(backend.calls().length, 1);
      fails = false;
      assert.equal(await session.tool_text('echo', { message: 'm' }), 'b:echo:m');
    });
  }
});
