// The HTTP rules of the 2025 revisions, one exchange at a time.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { held_sessions } from './aggregation.mjs';
import { start_echo, start_gateway, suite_scope } from './processes.mjs';
import { call, client_headers, exchange, initialize_message, messages_of, next_id, post, raw_session } from './raw_http.mjs';

const limits = { timeout: 20_000 };
const origin = 'https://app.example.com';

describe('the HTTP rules', () => {
  const scope = suite_scope();
  let echo, gateway, session;

  before(async () => {
    echo = await start_echo(scope, 'echo');
    gateway = await start_gateway(scope, { echo }, '--allowed-origin', origin, '--allowed-host', 'gateway.example.com');
    session = await raw_session.open(gateway.url);
  });

  const assert_lives = async () => assert.equal(await session.tool_text('echo', { message: 'alive' }), 'alive');

  // GW01
  test('initialize gives a session id of visible ASCII, each time another one, usable at once', limits, async () => {
    const ids = new Set();
    for (let i = 0; i < 20; ++i) {
      const opened = await raw_session.open(gateway.url);
      assert.ok(opened.id.length >= 22, 'room for 128 bits');
      ids.add(opened.id);
      assert.equal(await opened.tool_text('echo', { message: `${i}` }), `${i}`);
      await opened.delete();
    }
    assert.equal(ids.size, 20);
  });

  // GW03
  test('whatever else comes without an id gets 400 and opens nothing', limits, async () => {
    const held = await held_sessions(echo);
    const answers = [
      await post(gateway.url, call('tools/list')),
      await post(gateway.url, { jsonrpc: '2.0', method: 'notifications/initialized' }),
      await post(gateway.url, { jsonrpc: '2.0', id: 1, result: {} }),
      await exchange(gateway.url, { method: 'GET', headers: { Accept: 'text/event-stream' } }),
      await exchange(gateway.url, { method: 'DELETE' }),
    ];
    for (const answer of answers) {
      assert.equal(answer.status, 400, answer.text);
      assert.equal(answer.headers['mcp-session-id'], undefined);
    }
    assert.equal(await held_sessions(echo), held);
  });

  for (const [title, make_id] of [
    ['an unknown id', () => 'Zm9yZ2VkLWlkLWZvcmdlZC1pZA'],
    ['a terminated id', async () => {
      const ended = await raw_session.open(gateway.url);
      assert.ok((await ended.delete()).status < 300);
      return ended.id;
    }],
  ]) {
    // GW04 GW05
    test(`${title} gets 404 and -32001, with the request's own id as it was written`, limits, async () => {
      const headers = { 'Mcp-Session-Id': await make_id() };
      for (const id of ['7', '0', '-3', '"text"', '""', '"a\\"b"', '9007199254740993', '12345678901234567890', '"\\u00e9"']) {
        const answer = await post(gateway.url, `{"jsonrpc":"2.0","id":${id},"method":"tools/list"}`, { headers });
        assert.equal(answer.status, 404, answer.text);
        assert.equal(answer.json().error.code, -32001);
        assert.match(answer.json().error.message, /Session not found/);
        assert.deepEqual(answer.json().id, JSON.parse(id));
        if (/^\d+$/.test(id)) assert.match(answer.text, new RegExp(`"id":\\s*${id}\\b`), 'the digits are kept');
      }
      for (const answer of [
        await post(gateway.url, { jsonrpc: '2.0', method: 'notifications/initialized' }, { headers }),
        await exchange(gateway.url, { method: 'GET', headers: { Accept: 'text/event-stream', ...headers } }),
        await exchange(gateway.url, { method: 'DELETE', headers }),
      ]) {
        assert.equal(answer.status, 404, answer.text);
        assert.equal(answer.json().error.code, -32001);
        assert.ok(!('id' in answer.json()), `no id where there was none: ${answer.text}`);
      }
    });
  }

  // GW08
  test('a page of an allowed Origin may ask beforehand, send, and read the session id', limits, async () => {
    const asks = (from, extra = {}) => exchange(gateway.url, { method: 'OPTIONS', headers: { Origin: from, 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'content-type,mcp-session-id', ...extra } });
    const preflight = await asks(origin);
    assert.equal(preflight.status, 204, preflight.text);
    assert.equal(preflight.headers['access-control-allow-origin'], origin);
    assert.match(preflight.headers['access-control-allow-methods'], /\bDELETE\b/);
    for (const name of ['Content-Type', 'Accept', 'Authorization', 'Mcp-Session-Id', 'MCP-Protocol-Version', 'Last-Event-ID'])
      assert.ok(preflight.headers['access-control-allow-headers'].split(', ').includes(name), name);
    const foreign = await asks('https://evil.example');
    assert.equal(foreign.status, 403);
    assert.equal(foreign.headers['access-control-allow-origin'], undefined);

    const opening = await post(gateway.url, initialize_message(), { headers: { Origin: origin } });
    assert.equal(opening.headers['access-control-allow-origin'], origin);
    assert.match(opening.headers['access-control-expose-headers'], /\bMcp-Session-Id\b/);
    assert.match(opening.headers.vary, /\bOrigin\b/);
    const unknown = await post(gateway.url, call('tools/list'), { headers: { Origin: origin, 'Mcp-Session-Id': 'unknown' } });
    assert.deepEqual([unknown.status, unknown.headers['access-control-allow-origin']], [404, origin], 'errors may be read too');
    const session = Object.assign(await raw_session.open(gateway.url), {});
    const stream = await session.open_stream({ Origin: origin });
    assert.equal(stream.headers['access-control-allow-origin'], origin);
    stream.close();
    assert.equal((await post(gateway.url, initialize_message())).headers['access-control-allow-origin'], undefined, 'nobody asked');
  });

  // GW08
  test('a foreign Origin gets 403, at initialize and later; an allowed or absent one passes', limits, async () => {
    for (const foreign of ['https://evil.example', `${origin}.evil.example`, 'http://127.0.0.1.evil.example', 'null', 'evil', `${origin}:444`, 'http://app.example.com']) {
      const headers = { Origin: foreign };
      const answers = [
        await post(gateway.url, initialize_message(), { headers }),
        await session.post(call('tools/list'), { headers }),
        await session.get(headers),
        await session.delete(headers),
      ];
      for (const answer of answers) {
        assert.equal(answer.status, 403, `${foreign}: ${answer.text}`);
        assert.equal(answer.headers['mcp-session-id'], undefined);
      }
    }
    await assert_lives();
    assert.equal((await session.post(call('tools/list'), { headers: { Origin: origin } })).status, 200);
    const opening = await raw_session.open(gateway.url, { headers: { Origin: origin } });
    assert.ok((await opening.delete()).status < 300);
  });

  // GW08
  test('a foreign Host gets 403, at initialize and later; an allowed one passes', limits, async () => {
    for (const foreign of ['evil.example', `evil.example:${gateway.port}`, '127.0.0.1.evil.example', 'gateway.example.com.evil.example', '10.0.0.1']) {
      const headers = { Host: foreign };
      for (const answer of [
        await post(gateway.url, initialize_message(), { headers }),
        await session.post(call('tools/list'), { headers }),
        await session.get(headers),
        await session.delete(headers),
      ]) {
        assert.equal(answer.status, 403, `${foreign}: ${answer.text}`);
      }
    }
    await assert_lives();
    for (const host of ['gateway.example.com', `gateway.example.com:${gateway.port}`, `localhost:${gateway.port}`, `127.0.0.1:${gateway.port}`]) {
      assert.equal((await session.post(call('tools/list'), { headers: { Host: host } })).status, 200, host);
    }
  });

  // GW09
  test('an Accept that does not cover both kinds of answer gets 406; a wildcard covers', limits, async () => {
    for (const refused of [undefined, 'application/json', 'text/event-stream', 'text/html', 'application/jsonx, text/event-streams', 'image/*', 'application/json, text/event-stream;q=0']) {
      const answer = await session.post(call('tools/list'), { headers: { Accept: refused } });
      assert.equal(answer.status, 406, `${refused}: ${answer.text}`);
    }
    for (const accepted of [
      '*/*', 'application/*, text/*', 'text/event-stream,application/json', 'APPLICATION/JSON, Text/Event-Stream',
      'application/json;q=0.9, text/event-stream; q=0.8', 'text/html, */*;q=0.1',
    ]) {
      const answer = await session.post(call('tools/list'), { headers: { Accept: accepted } });
      assert.equal(answer.status, 200, `${accepted}: ${answer.text}`);
    }
    for (const refused of ['application/json', 'text/html']) assert.equal((await session.get({ Accept: refused })).status, 406, refused);
  });

  // GW09
  test('a Content-Type that is not JSON gets 415; a charset is accepted', limits, async () => {
    for (const refused of [undefined, 'text/plain', 'application/jsonx', 'application/json-patch+json', 'application/x-www-form-urlencoded', 'application']) {
      const answer = await session.post(call('tools/list'), { headers: { 'Content-Type': refused } });
      assert.equal(answer.status, 415, `${refused}: ${answer.text}`);
    }
    for (const accepted of ['application/json; charset=utf-8', 'Application/JSON;charset="UTF-8"', 'application/json ; charset=utf-8']) {
      const answer = await session.post(call('tools/list'), { headers: { 'Content-Type': accepted } });
      assert.equal(answer.status, 200, `${accepted}: ${answer.text}`);
    }
  });

  // GW10
  test('an unsupported protocol version in a session gets 400; none at all is accepted', limits, async () => {
    for (const refused of ['1999-01-01', '2025-11-26', 'latest', '']) {
      const answer = await session.post(call('tools/list'), { headers: { 'MCP-Protocol-Version': refused } });
      assert.equal(answer.status, 400, `${refused}: ${answer.text}`);
    }
    assert.equal((await session.post(call('tools/list'), { headers: { 'MCP-Protocol-Version': undefined } })).status, 200);
  });

  // GW10
  test('initialize gets the version it asked for, or one that the gateway has', limits, async () => {
    for (const [asked, given] of [
      ['2025-03-26', /^2025-03-26$/],
      ['2025-06-18', /^2025-06-18$/],
      ['2025-11-25', /^2025-11-25$/],
      ['1999-01-01', /^2025-/],
      ['2026-07-28', /^2025-/],
      ['9999-99-99', /^2025-/],
    ]) {
      const opened = await raw_session.open(gateway.url, { version: asked });
      assert.match(opened.opening.result.protocolVersion, given, asked);
      assert.equal((await opened.post(call('tools/list'))).status, 200);
      assert.ok((await opened.delete()).status < 300);
    }
  });

  // GW11
  test('what is not JSON gets 400 and -32700', limits, async () => {
    const bad = [
      '', '{', 'nothing', '{"jsonrpc":"2.0","id":1,"method":"ping"} x', "{'jsonrpc':'2.0'}", '{"a":1,}', '{"a":NaN}', '\u0000', '['.repeat(100_000),
      Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
    ];
    for (const text of bad) {
      const answer = await session.post(text);
      assert.equal(answer.status, 400, `${String(text).slice(0, 40)}: ${answer.text}`);
      assert.equal(answer.json().error.code, -32700, String(text).slice(0, 40));
    }
    await assert_lives();
  });

  // GW11
  test('JSON that is not JSON-RPC, and a batch, get 400 and -32600', limits, async () => {
    const bad = [
      '{}', '1', 'null', '"text"', 'true',
      '{"jsonrpc":"1.0","id":1,"method":"ping"}',
      '{"id":1,"method":"ping"}',
      '{"jsonrpc":"2.0","id":1}',
      '{"jsonrpc":"2.0","id":1,"method":7}',
      '{"jsonrpc":"2.0","id":{},"method":"ping"}',
      '{"jsonrpc":"2.0","id":[1],"method":"ping"}',
      '{"jsonrpc":"2.0","id":true,"method":"ping"}',
      '[]', `[${JSON.stringify(call('ping'))}]`, `[${JSON.stringify(call('ping'))},${JSON.stringify(call('tools/list'))}]`,
    ];
    for (const text of bad) {
      const answer = await session.post(text);
      assert.equal(answer.status, 400, `${text}: ${answer.text}`);
      assert.equal(answer.json().error.code, -32600, text);
    }
    const batch = await post(gateway.url, [initialize_message()]);
    assert.equal(batch.status, 400);
    assert.equal(batch.headers['mcp-session-id'], undefined);
  });

  // GW11
  test('an unknown method gets -32601, an HTTP method that MCP has not 405 with Allow', limits, async () => {
    const reply = await session.request('no/such/method', {}, 'mine');
    assert.equal(reply.error.code, -32601);
    assert.equal(reply.id, 'mine');
    for (const method of ['PUT', 'PATCH', 'OPTIONS', 'HEAD']) {
      const answer = await exchange(gateway.url, { method, headers: client_headers(session.headers) });
      assert.equal(answer.status, 405, `${method}: ${answer.text}`);
      const allowed = answer.headers.allow?.split(/\s*,\s*/) ?? [];
      assert.deepEqual([...allowed].sort(), ['DELETE', 'GET', 'POST']);
    }
    assert.equal((await exchange(`${gateway.origin}/elsewhere`, { method: 'GET' })).status, 404);
  });

  // GW12
  test('initialize inside a live session gets 400; with a dead id it opens another session', limits, async () => {
    assert.equal((await session.post(initialize_message())).status, 400);
    await assert_lives();
    const ended = await raw_session.open(gateway.url);
    await ended.delete();
    for (const dead of ['unknown-id-unknown-id-unknown', ended.id]) {
      const answer = await post(gateway.url, initialize_message(), { headers: { 'Mcp-Session-Id': dead } });
      assert.equal(answer.status, 200, answer.text);
      const fresh = answer.headers['mcp-session-id'];
      assert.ok(fresh && fresh !== dead);
      assert.ok((await exchange(gateway.url, { method: 'DELETE', headers: { 'Mcp-Session-Id': fresh } })).status < 300);
    }
  });

  // GW13
  test('notifications and responses get 202 without a body', limits, async () => {
    for (const message of [
      { jsonrpc: '2.0', method: 'notifications/initialized' },
      { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 12345, reason: 'none' } },
      { jsonrpc: '2.0', method: 'notifications/of/our/own' },
      { jsonrpc: '2.0', id: next_id(), result: {} },
      { jsonrpc: '2.0', id: 'never asked', error: { code: -32603, message: 'none' } },
    ]) {
      const answer = await session.post(message);
      assert.equal(answer.status, 202, answer.text);
      assert.equal(answer.text, '');
    }
    await assert_lives();
  });

  // GW19
  test('the names of headers match in any case', limits, async () => {
    for (const name of ['mcp-session-id', 'MCP-SESSION-ID', 'mCp-SeSsIoN-iD']) {
      const answer = await post(gateway.url, call('tools/list'), { headers: { [name]: session.id } });
      assert.equal(answer.status, 200, name);
      assert.ok(messages_of(answer).at(-1).result);
    }
  });
});
