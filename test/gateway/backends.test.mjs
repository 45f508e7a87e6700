// What the gateway makes of backends that answer out of turn, hang, are down, or change what they offer.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { prefixed } from './aggregation.mjs';
import { gate, pause, start_gateway, until } from './processes.mjs';
import { call, client_headers, echo_call, exchange, initialize_message, messages_of, open_stream, post, raw_session, text_of } from './raw_http.mjs';
import { event, scripted_backend } from './scripted_backend.mjs';

const limits = { timeout: 30_000 };

describe('requests in flight', () => {
  for (const is_streaming of [false, true]) {
    // GW29
    test(`with equal ids each get their own reply (${is_streaming ? 'event streams' : 'JSON'})`, limits, async (t) => {
      const in_flight = new Map(); // session -> ids
      const doubled = [];
      const all_here = gate();
      let waiting = 0;
      const backend = await scripted_backend.start(t, 'b', {
        is_streaming,
        on_request: async (message, { id }) => {
          if (message.method !== 'tools/call') return undefined;
          const ids = in_flight.get(id) ?? in_flight.set(id, new Set()).get(id);
          if (ids.has(message.id)) doubled.push(message.id);
          ids.add(message.id);
          if (++waiting === 40) all_here.open();
          await all_here.opened;
          await pause(50 - Number(message.params.arguments.message.split('.')[1])); // the last come first
          return undefined;
        },
      });
      const gateway = await start_gateway(t, { b: backend });
      const sessions = await Promise.all([1, 2, 3, 4].map(() => raw_session.open(gateway.url)));
      const ids = [1, '1', 1, 'x', 0];
      await Promise.all(
        sessions.flatMap((session, s) =>
          Array.from({ length: 10 }, async (_, i) => {
            const id = ids[i % ids.length];
            const answer = await session.post(echo_call(`${s}.${i}`, id));
            assert.equal(text_of(answer), `b:echo:${s}.${i}`);
            assert.strictEqual(messages_of(answer).at(-1).id, id);
          }),
        ),
      );
      assert.deepEqual(doubled, [], 'the backend never saw one id twice at once in a session');
    });
  }

  // GW26
  test('let what the backend streams through while the call is still in work', limits, async (t) => {
    const finish = gate();
    const backend = await scripted_backend.start(t, 'b', {
      on_request: async (message, { response }) => {
        if (message.method !== 'tools/call') return undefined;
        response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        response.write(event({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 'begun' } }));
        await finish.opened;
        return undefined;
      },
    });
    const session = await raw_session.open((await start_gateway(t, { b: backend })).url);
    const stream = await open_stream(session.url, client_headers(session.headers), { method: 'POST', body: JSON.stringify(echo_call('m', 5)) });
    await until(() => stream.messages().length === 1, 'the message before the reply');
    assert.equal(stream.messages()[0].params.data, 'begun');
    finish.open();
    await stream.ended;
    assert.equal(stream.messages().at(-1).id, 5);
    assert.equal(stream.messages().at(-1).result.content[0].text, 'b:echo:m');
  });

  // GW26 GW29
  test('are cancelled at the backend when the client says so, under the id that the backend knows', limits, async (t) => {
    const finish = gate();
    t.after(finish.open);
    const backend = await scripted_backend.start(t, 'b', { on_request: async ({ method }) => void (method === 'tools/call' && (await finish.opened)) });
    const session = await raw_session.open((await start_gateway(t, { b: backend })).url);
    const calls = ['one', 'two'].map((id) => session.post(echo_call(id, id)));
    await until(() => backend.calls().length === 2, 'the calls at the backend');
    assert.equal((await session.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'two', reason: 'enough' } })).status, 202);
    const [cancelled] = await until(() => backend.calls('notifications/cancelled').length && backend.calls('notifications/cancelled'), 'the wish');
    const meant = backend.calls().find((message) => message.params.arguments.message === 'two');
    assert.strictEqual(cancelled.params.requestId, meant.id);
    assert.equal(cancelled.params.reason, 'enough');
    finish.open();
    for (const answer of await Promise.all(calls)) assert.equal(answer.status, 200);
  });

  // GW26 GW29
  test('carry requests of two backends with one id to the client, and each answer back to its own', limits, async (t) => {
    const ask = (name) => ({
      tools: [`ask_${name}`],
      on_request: async (message, { response }) => {
        if (message.method !== 'tools/call') return undefined;
        response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        response.write(event({ jsonrpc: '2.0', id: 1, method: 'roots/list', params: { asked_by: name } }));
        const backend = backends[name];
        const reply = await until(() => backend.replies()[0], 'the answer of the client');
        return { content: [{ type: 'text', text: `${reply.id} ${reply.result.roots[0].uri}` }] };
      },
    });
    const backends = { a: await scripted_backend.start(t, 'a', ask('a')), b: await scripted_backend.start(t, 'b', ask('b')) };
    const gateway = await start_gateway(t, backends);
    const session = await raw_session.open(gateway.url, { capabilities: { roots: {} } });
    const streams = {};
    for (const name of ['a', 'b']) {
      const body = JSON.stringify(call('tools/call', { name: `ask_${name}`, arguments: {} }, 1));
      streams[name] = await open_stream(session.url, client_headers(session.headers), { method: 'POST', body });
    }
    for (const name of ['b', 'a']) {
      const asked = await until(() => streams[name].messages().find((message) => message.method === 'roots/list'), 'the question');
      assert.equal(asked.params.asked_by, name);
      assert.equal((await session.post({ jsonrpc: '2.0', id: asked.id, result: { roots: [{ uri: `file:///${name}` }] } })).status, 202);
    }
    for (const name of ['a', 'b']) {
      await streams[name].ended;
      assert.equal(streams[name].messages().at(-1).result.content[0].text, `1 file:///${name}`);
    }
  });

  // GW36
  test('are carried out though their client has gone', limits, async (t) => {
    const finish = gate();
    let is_cut = false;
    let is_done = false;
    const backend = await scripted_backend.start(t, 'b', {
      on_request: async (message, { response }) => {
        if (message.method !== 'tools/call') return undefined;
        response.on('close', () => (is_cut = !response.writableFinished));
        await finish.opened;
        is_done = true;
        return undefined;
      },
    });
    const session = await raw_session.open((await start_gateway(t, { b: backend })).url);
    const gone = session.post(echo_call('m'), { within_ms: 200 }).catch(() => 'gone');
    await until(() => backend.calls().length === 1, 'the call at the backend');
    assert.equal(await gone, 'gone');
    await pause(300); // what must not happen needs a moment in which it could
    assert.equal(is_cut, false);
    assert.deepEqual(backend.calls('notifications/cancelled'), []);
    finish.open();
    await until(() => is_done, 'the end of the call');
    assert.equal((await session.request('ping')).error, undefined);
  });
});

describe('a backend that hangs', () => {
  // GW33
  test('in a call delays no call to another, and not the end of the session', limits, async (t) => {
    const hung = await scripted_backend.start(t, 'hung', { tools: ['stuck'] });
    const quick = await scripted_backend.start(t, 'quick', { tools: ['echo'] });
    const deadlines = ['--backend-deadline', '3s', '--shutdown-deadline', '1s', '--farewell-deadline', '500ms'];
    const session = await raw_session.open((await start_gateway(t, { hung, quick }, ...deadlines)).url);
    assert.equal((await session.list('tools')).length, 2);
    hung.hangs = () => true;
    const stuck = session.call_tool('stuck').catch(() => 'cut');
    await until(() => hung.calls().length === 1, 'the call that hangs');
    const begin = Date.now();
    for (let i = 0; i < 20; ++i) assert.equal(await session.tool_text('echo', { message: `${i}` }), `quick:echo:${i}`);
    assert.ok(Date.now() - begin < 6000);
    assert.ok((await session.delete()).status < 300);
    assert.ok(Date.now() - begin < 10_000);
    await until(() => quick.deleted.length === 1, 'the other was ended');
    await stuck;
  });

  // GW32
  test('at first is waited for within the budget, joins late, and the client is told', limits, async (t) => {
    const ready = gate();
    const late = await scripted_backend.start(t, 'late', {
      tools: ['late_tool'],
      on_request: async (message) => void (message.method === 'initialize' && (await ready.opened)),
    });
    const quick = await scripted_backend.start(t, 'quick', { tools: ['quick_tool'] });
    const gateway = await start_gateway(t, { late, quick }, '--initialize-budget', '500ms');
    const begin = Date.now();
    const session = await raw_session.open(gateway.url);
    assert.ok(Date.now() - begin < 5000, 'the budget of initialize');
    const stream = await session.open_stream();
    assert.deepEqual((await session.list('tools')).map((tool) => tool.name), ['quick_tool']);

    ready.open();
    await until(() => stream.messages().some((message) => message.method === 'notifications/tools/list_changed'), 'the client is told', 15_000);
    await until(async () => (await session.list('tools')).length === 2, 'the late tools');
    assert.equal(await session.tool_text('late_tool'), 'late:late_tool:');
    await session.delete();
  });

  // GW33
  test('when it is asked for its lists delays reads from another no more than once', limits, async (t) => {
    const hung = await scripted_backend.start(t, 'hung');
    const quick = await scripted_backend.start(t, 'quick', {
      on_request: ({ method, params }) => {
        if (method === 'resources/list') return { resources: [] };
        if (method === 'resources/templates/list') return { resourceTemplates: [{ uriTemplate: 't://{n}', name: 't' }] };
        return method === 'resources/read' ? { contents: [{ uri: params.uri, text: `of ${params.uri}` }] } : undefined;
      },
    });
    const session = await raw_session.open((await start_gateway(t, { hung, quick }, '--initialize-budget', '1s')).url);
    hung.hangs = ({ method }) => method.endsWith('/list');
    const begin = Date.now();
    for (let i = 1; i <= 10; ++i) {
      const reply = await session.request('resources/read', { uri: `t://${i}` });
      assert.equal(reply.result?.contents[0].text, `of t://${i}`, JSON.stringify(reply));
    }
    assert.ok(Date.now() - begin < 3000, `${Date.now() - begin} ms for ten reads`);
    assert.equal(hung.calls('resources/list').length, 1);
    assert.equal(hung.calls('resources/templates/list').length, 1);
    const again = Date.now();
    for (let i = 0; i < 3; ++i) assert.match((await session.call_tool('nobody_has_it')).error.message, /Unknown tool/);
    assert.ok(Date.now() - again < 2500, `${Date.now() - again} ms for three unknown names`);
    assert.equal(hung.calls('tools/list').length, 1);
  });

  // GW33
  test('delays neither a read that no list names nor a log level', limits, async (t) => {
    const hung = await scripted_backend.start(t, 'hung');
    const quick = await scripted_backend.start(t, 'quick', {
      on_request: ({ method, params }) => {
        if (method === 'logging/setLevel') return {};
        return method === 'resources/read' && params.uri === 'x://1' ? { contents: [{ uri: params.uri, text: 'linked' }] } : undefined;
      },
    });
    const session = await raw_session.open((await start_gateway(t, { hung, quick }, '--initialize-budget', '2s')).url);
    hung.hangs = ({ method }) => method !== 'notifications/initialized';
    const begin = Date.now();
    assert.deepEqual((await session.request('logging/setLevel', { level: 'info' })).result, {});
    assert.ok(Date.now() - begin < 1500, `${Date.now() - begin} ms for a log level`);
    await until(() => hung.calls('logging/setLevel').length === 1, 'the other is asked, too');
    const read = Date.now();
    for (let i = 0; i < 3; ++i) assert.equal((await session.request('resources/read', { uri: 'x://1' })).result?.contents[0].text, 'linked');
    assert.ok(Date.now() - read < 5000, `${Date.now() - read} ms for three reads`);
  });

  // GW33
  test('or refuses is soon known as unhealthy: it is not contacted for a new session, and delays none', limits, async (t) => {
    const sick = await scripted_backend.start(t, 'sick', { on_request: (message) => { if (message.method === 'initialize') throw 503; } });
    const quick = await scripted_backend.start(t, 'quick', { tools: ['quick_tool'] });
    const gateway = await start_gateway(t, { sick, quick }, '--initialize-budget', '500ms');
    for (let i = 0; i < 5; ++i) await (await raw_session.open(gateway.url)).delete();
    const contacted = sick.calls('initialize').length;
    const begin = Date.now();
    for (let i = 0; i < 20; ++i) await (await raw_session.open(gateway.url)).delete();
    assert.ok(sick.calls('initialize').length <= contacted + 2, `${sick.calls('initialize').length - contacted} contacts for 20 new sessions: now and then it may be tried`);
    assert.ok(Date.now() - begin < 8000);
  });

  // GW33
  test('in a call gets the client an error at its deadline, and the session lives on', limits, async (t) => {
    const hung = await scripted_backend.start(t, 'hung');
    const session = await raw_session.open((await start_gateway(t, { hung }, '--backend-deadline', '500ms')).url);
    hung.hangs = (message) => message.method === 'tools/call';
    const begin = Date.now();
    const reply = await session.call_tool('echo', { message: 'm' }, 'mine');
    assert.ok(Date.now() - begin < 8000, 'long before the default of 30 s');
    assert.equal(reply.id, 'mine');
    assert.ok(Number.isInteger(reply.error?.code));
    assert.equal(hung.calls().length, 1, 'what may have been carried out is not sent again');
    const [cancelled] = await until(() => hung.calls('notifications/cancelled').length && hung.calls('notifications/cancelled'), 'the backend is told');
    assert.strictEqual(cancelled.params.requestId, hung.calls()[0].id);
    hung.hangs = () => false;
    assert.equal(await session.tool_text('echo', { message: 'm' }), 'hung:echo:m');
  });

  const streaming = (talk) => ({
    on_request: async (message, { response }) => {
      if (message.method !== 'tools/call') return undefined;
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      return talk(response);
    },
  });

  test('because a person thinks about what it asked is waited for', limits, async (t) => {
    const backend = await scripted_backend.start(t, 'b', streaming(async (response) => {
      response.write(event({ jsonrpc: '2.0', id: 1, method: 'elicitation/create', params: { message: 'Sure?' } }));
      const reply = await until(() => backend.replies()[0], 'the answer of the client');
      return { content: [{ type: 'text', text: reply.result.action }] };
    }));
    const session = await raw_session.open((await start_gateway(t, { b: backend }, '--backend-deadline', '500ms')).url, { capabilities: { elicitation: {} } });
    const stream = await open_stream(session.url, client_headers(session.headers), { method: 'POST', body: JSON.stringify(echo_call('m', 9)) });
    const asked = await until(() => stream.messages()[0], 'the question');
    await pause(1500);
    assert.equal((await session.post({ jsonrpc: '2.0', id: asked.id, result: { action: 'accept' } })).status, 202);
    await stream.ended;
    assert.equal(stream.messages().at(-1).result?.content[0].text, 'accept', JSON.stringify(stream.messages()));
  });

  test('in progress for ever is given up in the end, and told so', limits, async (t) => {
    const backend = await scripted_backend.start(t, 'b', streaming((response) => {
      const talk = setInterval(() => response.write(event({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: 'p', progress: 1 } })), 100);
      response.on('close', () => clearInterval(talk));
      return new Promise(() => {});
    }));
    const session = await raw_session.open((await start_gateway(t, { b: backend }, '--backend-deadline', '1s', '--call-deadline', '2s')).url);
    const begin = Date.now();
    const reply = await session.call_tool('echo', { message: 'm' }, 5);
    assert.ok(Date.now() - begin > 1500 && Date.now() - begin < 8000, `${Date.now() - begin} ms`);
    assert.match(reply.error.message, /took too long/);
    const [cancelled] = await until(() => backend.calls('notifications/cancelled').length && backend.calls('notifications/cancelled'), 'the backend is told');
    assert.strictEqual(cancelled.params.requestId, backend.calls()[0].id);
  });

  // GW28 GW32
  test('or is down from the first leaves the tools of the others usable', limits, async (t) => {
    const quick = await scripted_backend.start(t, 'quick', { tools: ['quick_tool'] });
    const gateway = await start_gateway(t, { down: { url: 'http://127.0.0.1:9/mcp' }, quick });
    const session = await raw_session.open(gateway.url);
    assert.deepEqual((await session.list('tools')).map((tool) => tool.name), ['quick_tool']);
    assert.equal(await session.tool_text('quick_tool'), 'quick:quick_tool:');
    assert.ok((await session.delete()).status < 300);
  });

  // GW32
  test('or is down, and is the only one, gets the client an answer within the budget', limits, async (t) => {
    const gateway = await start_gateway(t, { down: { url: 'http://127.0.0.1:9/mcp' } });
    const answer = await post(gateway.url, initialize_message());
    assert.ok([200, 502, 503].includes(answer.status), `${answer.status} ${answer.text}`);
    if (answer.status !== 200) assert.equal(answer.headers['mcp-session-id'], undefined);
  });
});

describe('what a client sends without waiting', () => {
  // GW13
  test('is not said to be taken when it is an answer that no backend took', limits, async (t) => {
    const backends = { a: await scripted_backend.start(t, 'a'), b: await scripted_backend.start(t, 'b') };
    const answer = async (session, id) => (await session.post({ jsonrpc: '2.0', id, result: {} })).status;
    const flags = ['--backend-deadline', '500ms'];
    const direct = await raw_session.open((await start_gateway(t, { a: backends.a }, ...flags)).url);
    const merged = await raw_session.open((await start_gateway(t, backends, ...flags)).url);
    assert.equal(await answer(direct, 1), 202);
    assert.equal(await answer(merged, 'a:1'), 202);
    for (const nobodys of [1, 'x', 'c:1', 'a:', 'a:{}']) assert.equal(await answer(merged, nobodys), 400, `${nobodys}`);
    backends.a.hangs = ({ method }) => method === undefined;
    assert.equal(await answer(direct, 1), 502);
    assert.equal(await answer(merged, 'a:1'), 502);
    assert.equal(await answer(merged, 'b:1'), 202);
    assert.deepEqual(backends.b.replies().map(({ id }) => id), [1]);
  });

  test('takes no more memory than its limit while it goes on in the background', limits, async (t) => {
    const hold = gate();
    t.after(hold.open);
    const backend = await scripted_backend.start(t, 'b', { on_notification: async ({ method }) => void (method === 'notifications/long' && (await hold.opened)) });
    const session = await raw_session.open((await start_gateway(t, { b: backend }, '--initialize-budget', '300ms')).url);
    let answered = 0;
    const message = { jsonrpc: '2.0', method: 'notifications/long', params: { text: 'x'.repeat(4_000_000) } };
    const all = Array.from({ length: 8 }, () => session.post(message).then(({ status }) => (assert.equal(status, 202), ++answered)));
    await until(() => answered === 4, '16 MB are let go on in the background');
    await until(() => backend.calls('notifications/long').length === 8, 'the backend has all');
    await pause(700);
    assert.equal(answered, 4, 'the requests of the others wait for their end');
    hold.open();
    await Promise.all(all);
  });
});

describe('a backend that answers too much', () => {
  for (const is_streaming of [false, true]) {
    // DE18
    test(`gets the client a JSON-RPC error (${is_streaming ? 'event stream' : 'JSON'}), and the session lives on`, limits, async (t) => {
      const backend = await scripted_backend.start(t, 'b', {
        on_request: ({ method, params }) => {
          if (method !== 'tools/call' || params.arguments.message !== 'much') return undefined;
          return { content: [{ type: 'text', text: 'x'.repeat(100_000) }] };
        },
      });
      const session = await raw_session.open((await start_gateway(t, { b: backend }, '--max-backend-reply', '50000')).url);
      backend.is_streaming = is_streaming;
      const reply = await session.call_tool('echo', { message: 'much' }, 8);
      assert.equal(reply.id, 8);
      assert.ok(Number.isInteger(reply.error?.code), JSON.stringify(reply).slice(0, 200));
      assert.equal(await session.tool_text('echo', { message: 'm' }), 'b:echo:m');
    });
  }
});

describe('the end of a session', () => {
  // GW34
  test('reaches every backend once, though some closes fail or hang, and keeps ids of any form', limits, async (t) => {
    const odd = `!"#$%&'()*+,-./:;<=>?@[\\]^_\`{|}~${'z'.repeat(200)}`;
    const backends = {
      plain: await scripted_backend.start(t, 'plain', { tools: ['plain'] }),
      hangs: await scripted_backend.start(t, 'hangs', { tools: ['hangs'], on_delete: () => true }),
      fails: await scripted_backend.start(t, 'fails', { tools: ['fails'], on_delete: (response) => response.writeHead(500).end() }),
      refuses: await scripted_backend.start(t, 'refuses', { tools: ['refuses'], on_delete: (response) => response.writeHead(405).end() }),
      odd: await scripted_backend.start(t, 'odd', { tools: ['odd'], id_for: (n) => `${odd}${n}` }),
    };
    const session = await raw_session.open((await start_gateway(t, backends, '--farewell-deadline', '500ms')).url);
    for (const name of Object.keys(backends)) assert.equal(await session.tool_text(name), `${name}:${name}:`);
    const begin = Date.now();
    assert.ok((await session.delete()).status < 300);
    await until(() => Object.values(backends).every((backend) => backend.deleted.length > 0), 'a DELETE at each backend');
    assert.ok(Date.now() - begin < 10_000);
    await pause(200); // a second one would come now
    for (const backend of Object.values(backends)) assert.equal(backend.deleted.length, 1, backend.name);
    assert.deepEqual(backends.odd.deleted, [`${odd}1`]);
  });
});

describe('a backend that opens no session', () => {
  test('is named in the log with its answer, once', limits, async (t) => {
    const backend = await scripted_backend.start(t, 'b', {
      on_request: () => {
        throw 404;
      },
    });
    const gateway = await start_gateway(t, { broken: backend });
    for (let i = 0; i < 3; ++i) assert.equal((await post(gateway.url, initialize_message())).status, 502);
    await until(() => /backend broken .*404/.test(gateway.output), 'the log says it');
    assert.equal(gateway.output.match(/backend broken /g).length, 1, gateway.output);
  });
});

describe('changes that a backend announces', () => {
  // GW35
  test('in a burst are one refresh, and the client is told and sees the new list', limits, async (t) => {
    const changing = await scripted_backend.start(t, 'changing', { tools: ['old'] });
    const other = await scripted_backend.start(t, 'other', { tools: ['other'] });
    const session = await raw_session.open((await start_gateway(t, { changing, other })).url);
    const stream = await session.open_stream();
    await until(() => changing.streams.size === 1, 'the gateway listens');
    assert.equal((await session.list('tools')).length, 2);
    changing.tools = ['fresh'];
    changing.received.length = 0;
    for (let i = 0; i < 50; ++i) changing.announce('notifications/tools/list_changed');
    await until(() => stream.messages().some((message) => message.method === 'notifications/tools/list_changed'), 'the client is told');
    await until(async () => (await session.list('tools')).some((tool) => tool.name === 'fresh'), 'the new list');
    assert.deepEqual((await session.list('tools')).map((tool) => tool.name).sort(), ['fresh', 'other'], 'the old one is replaced');
    assert.ok(changing.calls('tools/list').length <= 10, `${changing.calls('tools/list').length} refreshes for a burst of 50`);
    assert.equal(await session.tool_text('fresh'), 'changing:fresh:');
  });

  test('are not awaited by many at once with a fetch for each', limits, async (t) => {
    const answers = gate();
    t.after(answers.open);
    const list = async ({ method }) => void (method === 'tools/list' && (await answers.opened));
    const backends = { a: await scripted_backend.start(t, 'a', { on_request: list }), b: await scripted_backend.start(t, 'b', { on_request: list }) };
    const gateway = await start_gateway(t, backends, '--initialize-budget', '14s');
    const session = await raw_session.open(gateway.url);
    const asked = Array.from({ length: 200 }, () => session.list('tools'));
    await until(async () => Number(/^\w*connections (\d+)$/m.exec((await exchange(`${gateway.origin}/metrics`, { method: 'GET' })).text)?.[1]) >= 200, 'all have come');
    answers.open();
    for (const tools of await Promise.all(asked)) assert.deepEqual(tools.map(({ name }) => name), ['a_echo', 'b_echo']);
    for (const { name, calls } of Object.values(backends).map((backend) => ({ name: backend.name, calls: backend.calls('tools/list').length })))
      assert.ok(calls <= 3, `${calls} fetches at ${name} for 200 requests`);
  });

  // GW35
  test('while a list is fetched are not missed by who asks after them', limits, async (t) => {
    const first = gate();
    t.after(first.open);
    let fetches = 0;
    const changing = await scripted_backend.start(t, 'changing', {
      tools: ['old'],
      on_request: async ({ method }) => {
        if (method !== 'tools/list' || ++fetches > 1) return undefined;
        await first.opened;
        return { tools: [{ name: 'old', inputSchema: { type: 'object' } }] };
      },
    });
    const other = await scripted_backend.start(t, 'other', { tools: ['other'] });
    const session = await raw_session.open((await start_gateway(t, { changing, other }, '--initialize-budget', '14s')).url);
    const stream = await session.open_stream();
    await until(() => changing.streams.size === 1, 'the gateway listens');
    const before = session.list('tools');
    await until(() => fetches === 1, 'the fetch that is to be overtaken');
    changing.tools = ['fresh'];
    changing.announce('notifications/tools/list_changed');
    await until(() => stream.messages().some(({ method }) => method === 'notifications/tools/list_changed'), 'the client is told');
    const names = async (tools) => (await tools).map(({ name }) => name);
    assert.deepEqual(await names(session.list('tools')), ['fresh', 'other']);
    first.open();
    assert.deepEqual(await names(before), ['fresh', 'other'], 'what was fetched earlier and came later is not shown');
    assert.deepEqual(await names(session.list('tools')), ['fresh', 'other']);
  });

  // GW35
  test('revive no idle session', limits, async (t) => {
    const chatty = await scripted_backend.start(t, 'chatty');
    const gateway = await start_gateway(t, { chatty }, '--ttl', '1s');
    const session = await raw_session.open(gateway.url);
    await until(() => chatty.streams.size === 1, 'the gateway listens');
    const talk = setInterval(() => chatty.announce('notifications/tools/list_changed'), 100);
    t.after(() => clearInterval(talk));
    await until(() => chatty.deleted.length === 1, 'the end of the idle session');
    assert.equal((await session.post(call('tools/list'))).status, 404);
  });

  // GW27
  test('make a clash, and its prefixes follow', limits, async (t) => {
    const left = await scripted_backend.start(t, 'left', { tools: ['one'] });
    const right = await scripted_backend.start(t, 'right', { tools: ['two'] });
    const session = await raw_session.open((await start_gateway(t, { left, right })).url);
    await until(() => right.streams.size === 1, 'the gateway listens');
    assert.deepEqual((await session.list('tools')).map((tool) => tool.name).sort(), ['one', 'two']);
    right.tools = ['one'];
    right.announce('notifications/tools/list_changed');
    const names = await until(async () => {
      const seen = (await session.list('tools')).map((tool) => tool.name);
      return !seen.includes('one') && seen;
    }, 'the clash');
    assert.equal(await session.tool_text(prefixed(names, 'left', 'one')), 'left:one:');
    assert.equal(await session.tool_text(prefixed(names, 'right', 'one')), 'right:one:');
  });
});

describe('a backend that was down', () => {
  // GW33
  test('is tried again by the session that opens next', limits, async (t) => {
    const backend = await scripted_backend.start(t, 'b');
    const gateway = await start_gateway(t, { b: backend });
    await backend.stop();
    assert.equal((await post(gateway.url, initialize_message())).status, 502);
    await backend.resume();
    await until(async () => (await post(gateway.url, initialize_message())).status === 200, 'a session', 7000);
  });
});

describe('a backend that asks for too much', () => {
  const broken_off = (retry) => ({
    on_request: (message, { response }) => {
      if (message.method !== 'tools/call') return undefined;
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end(`id: 1\nretry: ${retry}\ndata:\n\n`);
      return new Promise(() => {});
    },
  });

  test('is asked for the rest of an answer after a pause even if it wants none', limits, async (t) => {
    const asked_at = [];
    const backend = await scripted_backend.start(t, 'b', {
      ...broken_off(0),
      on_get: (request, response) => {
        if (!request.headers['last-event-id']) return false;
        asked_at.push(Date.now());
        response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        const reply = { jsonrpc: '2.0', id: backend.calls()[0].id, result: { content: [{ type: 'text', text: 'the rest' }] } };
        response.end(asked_at.length < 3 ? ': nothing yet\n\n' : event(reply));
        return true;
      },
    });
    const session = await raw_session.open((await start_gateway(t, { b: backend })).url);
    assert.equal(await session.tool_text('echo'), 'the rest');
    assert.ok(asked_at[2] - asked_at[0] >= 1500, `asked three times within ${asked_at[2] - asked_at[0]} ms`);
  });

  test('is not asked again when it wants a pause longer than any', limits, async (t) => {
    let resumptions = 0;
    const backend = await scripted_backend.start(t, 'b', {
      ...broken_off('9223372036854775807'),
      on_get: (request, response) => {
        if (!request.headers['last-event-id']) return false;
        ++resumptions;
        response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end(': no\n\n');
        return true;
      },
    });
    const session = await raw_session.open((await start_gateway(t, { b: backend }, '--backend-deadline', '2s')).url);
    const reply = messages_of(await session.post(echo_call('m', 6))).at(-1);
    assert.equal(reply.id, 6);
    assert.ok(Number.isInteger(reply.error?.code));
    assert.equal(resumptions, 0);
  });

  test('for initialize has the deadline of a handshake, in an event stream too', limits, async (t) => {
    const backend = await scripted_backend.start(t, 'b', {
      on_request: (message, { response }) => {
        response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Mcp-Session-Id': 'b-1' }).write(': wait\n\n');
        return new Promise(() => {});
      },
    });
    const gateway = await start_gateway(t, { b: backend }, '--handshake-deadline', '500ms', '--initialize-budget', '14s');
    assert.equal((await post(gateway.url, initialize_message(), { within_ms: 8000 })).status, 502);
  });

  test('in capabilities nested deeply costs the others nothing', limits, async (t) => {
    const deep = JSON.parse('{"a":'.repeat(60) + '1' + '}'.repeat(60));
    const backends = {
      plain: await scripted_backend.start(t, 'plain'),
      deep: await scripted_backend.start(t, 'deep', {
        on_request: ({ method, params: { protocolVersion } = {} }) =>
          method === 'initialize' ? { protocolVersion, capabilities: { tools: {}, prompts: deep }, serverInfo: { name: 'deep', version: '1' } } : undefined,
      }),
    };
    const session = await raw_session.open((await start_gateway(t, backends)).url);
    assert.ok(session.opening.result.capabilities.tools);
    assert.equal(await session.tool_text('plain_echo', { message: 'm' }), 'plain:echo:m');
  });

  test('with a list that never ends is not read to the last page', limits, async (t) => {
    const long = 'x'.repeat(1 << 20);
    let pages = 0;
    const backends = {
      plain: await scripted_backend.start(t, 'plain'),
      endless: await scripted_backend.start(t, 'endless', {
        on_request: ({ method }) =>
          method === 'tools/list' ? { tools: [{ name: `t${++pages}`, description: long, inputSchema: { type: 'object' } }], nextCursor: 'more' } : undefined,
      }),
    };
    const session = await raw_session.open((await start_gateway(t, backends, '--initialize-budget', '20s', '--factory-deadline', '25s')).url);
    const tools = (await session.list('tools')).map((tool) => tool.name);
    assert.ok(tools.includes('echo'));
    assert.ok(tools.includes('t1') && pages >= 4 && pages <= 10, `${pages} pages of 1 MiB`);
  });

  test('keeps its standing streams apart from the connections that calls may have', limits, async (t) => {
    const backend = await scripted_backend.start(t, 'b');
    const gateway = await start_gateway(t, { b: backend }, '--max-backend-connections', '2');
    const sessions = [await raw_session.open(gateway.url), await raw_session.open(gateway.url)];
    await until(() => backend.streams.size === 2, 'both streams stand');
    for (const session of sessions) assert.equal(await session.tool_text('echo', { message: 'm' }), 'b:echo:m');
  });
});
