// Bytes that no honest client sends: each is refused with a 4xx or by closing the connection, and the gateway goes on serving.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { before, describe, test } from 'node:test';
import { held_sessions } from './aggregation.mjs';
import { is_sanitized, memory_kib, start_echo, start_gateway, suite_scope, until } from './processes.mjs';
import { call, exchange, post, raw_session } from './raw_http.mjs';

const limits = { timeout: 20_000 };
const mebibyte = 1 << 20;

/** Sends bytes as they are, then, piece by piece, what `more` yields while no answer is there; gives the answer's status, or 0 if there is none. */
function raw_status(port, head, more = [], within_ms = 10_000) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1');
    let answer = '';
    const end = (outcome) => (clearTimeout(killer), socket.destroy(), resolve(outcome));
    const killer = setTimeout(() => (socket.destroy(), reject(new Error(`neither an answer nor a close within ${within_ms} ms`))), within_ms);
    socket.setEncoding('latin1').on('data', (text) => {
      answer += text;
      const status = /^HTTP\/1\.\d (\d{3})/.exec(answer);
      if (status) end(Number(status[1]));
    });
    socket.on('error', () => end(0)); // reset: refused without a word
    socket.on('end', () => end(0));
    socket.on('connect', async () => {
      socket.write(head, 'latin1');
      for (const piece of more) {
        if (socket.destroyed) return;
        if (!socket.write(piece, 'latin1')) await new Promise((go) => socket.once('drain', go).once('close', go));
      }
    });
  });
}

const request_head = (port, lines, first = 'POST /mcp HTTP/1.1') =>
  [first, `Host: 127.0.0.1:${port}`, 'Content-Type: application/json', 'Accept: application/json, text/event-stream', ...lines, '', ''].join('\r\n');

/** A backend that reads what it is sent, keeps nothing of it, and leaves calls without an answer. */
async function start_silent_backend(t) {
  const backend = { held: 0 };
  const server = http.createServer(async (request, response) => {
    let [size, head] = [0, ''];
    for await (const chunk of request) {
      size += chunk.length;
      if (head.length < 1000) head += chunk.toString('latin1');
    }
    if (size > 100_000) return void ++backend.held;
    const message = request.method === 'POST' ? JSON.parse(head) : {};
    if (message.method !== 'initialize') return response.writeHead(request.method === 'GET' ? 405 : 202).end();
    const result = { protocolVersion: message.params.protocolVersion, capabilities: {}, serverInfo: { name: 'silent', version: '1' } };
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id: message.id, result }));
  });
  t.after(() => (server.closeAllConnections(), server.close()));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  backend.url = `http://127.0.0.1:${server.address().port}/mcp`;
  return backend;
}

/** Almost four mebibytes of as many values as fit in: parsed, they would take twenty times that. */
const many_values = JSON.stringify(call('tools/call', { name: 'x', p: Array(520_000).fill({ '': 0 }) }));

describe('requests in work', () => {
  // SC07: the bound is on what all clients together can make the gateway hold
  test('hold little more than their text', { timeout: 100_000 }, async (t) => {
    const backend = await start_silent_backend(t);
    const gateway = await start_gateway(t, { silent: backend }, '--backend-deadline', '90s');
    const session = await raw_session.open(gateway.url);
    const before = memory_kib(gateway.process.pid);
    const many = 50;
    const calls = Array.from({ length: many }, () => session.post(many_values, { within_ms: 90_000 }).catch(() => {}));
    await until(() => backend.held === many, 'all are at the backend', 80_000);
    const grown = memory_kib(gateway.process.pid) - before;
    if (!is_sanitized(gateway.process.pid)) assert.ok(grown < (2 * many * many_values.length) / 1024, `${grown} KiB more for ${many} of ${many_values.length} bytes`);
    await gateway.kill();
    await Promise.all(calls);
  });

  // GW19
  test('are turned away with 503 and Retry-After beyond --max-bodies, and taken again when there is room', limits, async (t) => {
    const backend = await start_silent_backend(t);
    const gateway = await start_gateway(t, { silent: backend }, '--max-bodies', `${6 * mebibyte}`, '--backend-deadline', '2s', '--retry-after', '7s');
    const session = await raw_session.open(gateway.url);
    const first = session.post(many_values);
    await until(() => backend.held === 1, 'one is in work');
    const refused = await session.post(many_values);
    assert.equal(refused.status, 503, refused.text);
    assert.equal(refused.headers['retry-after'], '7');
    assert.equal((await session.post({ jsonrpc: '2.0', method: 'notifications/initialized' })).status, 202, 'small ones pass');
    assert.equal((await first).status, 200, 'an error of the backend, in JSON-RPC');
    assert.equal((await session.post(many_values)).status, 200, 'there is room again');
  });
});

describe('hostile input', () => {
  const scope = suite_scope();
  let echo, gateway, session;

  before(async () => {
    echo = await start_echo(scope, 'echo');
    gateway = await start_gateway(scope, { echo });
    session = await raw_session.open(gateway.url);
  });

  const assert_lives = async () => {
    assert.ok(gateway.is_running);
    assert.equal(await session.tool_text('echo', { message: 'alive' }), 'alive');
    assert.equal(await held_sessions(echo), 1, 'and nothing was opened');
  };
  const body = JSON.stringify(call('tools/list'));

  // GW19
  test('hostile session ids get a 4xx, never 5xx or 200', limits, async () => {
    const ids = [
      '../../../etc/passwd', '*', '{}', '{id}', ':', '::', '..', '.', '%00', '%2e%2e', "'; DROP TABLE sessions; --", '${jndi:ldap://x}', '-', '0', 'null', 'undefined',
      'a b', 'a\tb', 'a,b', '"quoted"', 'x'.repeat(257), 'x'.repeat(10_000), 'x'.repeat(40_000), '\u00e9\u00fc', '\u00ff', 'mooring:gateway:*', `${'a'.repeat(43)}=`,
    ];
    for (const id of ids) {
      for (const answer of [
        await post(gateway.url, body, { headers: { 'Mcp-Session-Id': id } }),
        await exchange(gateway.url, { method: 'GET', headers: { Accept: 'text/event-stream', 'Mcp-Session-Id': id } }),
        await exchange(gateway.url, { method: 'DELETE', headers: { 'Mcp-Session-Id': id } }),
      ]) {
        assert.ok(answer.status >= 400 && answer.status < 500, `${id.slice(0, 50)}: ${answer.status} ${answer.text}`);
      }
    }
    await assert_lives();
  });

  // GW19
  test('several session id headers that differ get 400', limits, async () => {
    const other = await raw_session.open(gateway.url);
    for (const pair of [[session.id, 'other'], ['other', session.id], [session.id, other.id], [session.id, '']]) {
      const answer = await post(gateway.url, body, { headers: { 'Mcp-Session-Id': pair } });
      assert.equal(answer.status, 400, `${pair}: ${answer.text}`);
      const ending = await exchange(gateway.url, { method: 'DELETE', headers: { 'Mcp-Session-Id': pair } });
      assert.equal(ending.status, 400);
    }
    assert.ok((await other.delete()).status < 300, 'it lived on');
    await assert_lives();
  });

  // GW19
  test('control characters in a header get a 4xx or a closed connection', limits, async () => {
    for (const value of ['a\u0000b', 'a\u0001b', 'a\u007fb', 'a\rb', 'a\nb', 'a\r\n b']) {
      const head = request_head(gateway.port, [`Mcp-Session-Id: ${value}`, `Content-Length: ${body.length}`]);
      const status = await raw_status(gateway.port, head + body);
      assert.ok(status === 0 || (status >= 400 && status < 500), `${JSON.stringify(value)}: ${status}`);
    }
    await assert_lives();
  });

  // GW19
  test('a body beyond the limit gets 413, announced or not; one within it passes', limits, async () => {
    const with_id = [`Mcp-Session-Id: ${session.id}`];
    const announced = request_head(gateway.port, [...with_id, `Content-Length: ${4 * mebibyte + 1}`]);
    assert.equal(await raw_status(gateway.port, announced), 413);
    assert.equal(await raw_status(gateway.port, request_head(gateway.port, [...with_id, 'Content-Length: 99999999999999'])), 413);

    const piece = 'x'.repeat(64 * 1024);
    const pieces = function* () {
      for (let sent = 0; sent < 16 * mebibyte; sent += piece.length) yield `10000\r\n${piece}\r\n`;
    };
    assert.equal(await raw_status(gateway.port, request_head(gateway.port, [...with_id, 'Transfer-Encoding: chunked']), pieces()), 413);

    const message = 'y'.repeat(3 * mebibyte);
    assert.equal(await session.tool_text('echo', { message }), message);
    await assert_lives();
  });

  // GW19
  test('headers beyond the limit get 431; some within it pass', limits, async () => {
    const one = request_head(gateway.port, [`X-Filler: ${'x'.repeat(70 * 1024)}`, 'Content-Length: 0']);
    assert.equal(await raw_status(gateway.port, one), 431);
    const many = request_head(gateway.port, [...Array.from({ length: 2000 }, (_, i) => `X-Filler-${i}: ${'x'.repeat(40)}`), 'Content-Length: 0']);
    assert.equal(await raw_status(gateway.port, many), 431);
    const target = await raw_status(gateway.port, request_head(gateway.port, ['Content-Length: 0'], `POST /mcp?${'x'.repeat(70 * 1024)} HTTP/1.1`));
    assert.ok([414, 431].includes(target), `${target}`);
    const answer = await session.post(body, { headers: { 'X-Filler': 'x'.repeat(7 * 1024) } });
    assert.equal(answer.status, 200);
    await assert_lives();
  });

  // GW19
  test('the limits follow their flags', limits, async (t) => {
    const small = await start_gateway(t, { echo }, '--max-body', '2000', '--max-header', '1000');
    assert.equal(await raw_status(small.port, request_head(small.port, ['Content-Length: 2001'])), 413);
    assert.equal(await raw_status(small.port, request_head(small.port, [`X-Filler: ${'x'.repeat(1000)}`, 'Content-Length: 0'])), 431);
    const there = await raw_session.open(small.url);
    assert.equal(await there.tool_text('echo', { message: 'z'.repeat(1500) }), 'z'.repeat(1500));
    await there.delete();
    await assert_lives();
  });

  // GW19
  test('what is not HTTP gets a 4xx or a closed connection', limits, async () => {
    const length = `Content-Length: ${body.length}`;
    const broken = {
      'no request line': '\r\n\r\n\r\n\r\nfoo\r\n\r\n',
      'a TLS greeting': '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003'.padEnd(64, '\u0000'),
      'an unknown version': request_head(gateway.port, [length], 'POST /mcp HTTP/9.9') + body,
      'a header without a colon': request_head(gateway.port, ['no colon here', length]) + body,
      'a space before the colon': request_head(gateway.port, [`Mcp-Session-Id : ${session.id}`, length]) + body,
      'two lengths': request_head(gateway.port, [length, `Content-Length: ${body.length + 1}`]) + body,
      'a negative length': request_head(gateway.port, ['Content-Length: -1']) + body,
      'a length that is no number': request_head(gateway.port, ['Content-Length: 0x10']) + body,
      'a chunk size that is no number': `${request_head(gateway.port, ['Transfer-Encoding: chunked'])}zz\r\n{}\r\n0\r\n\r\n`,
    };
    for (const [what, bytes] of Object.entries(broken)) {
      const status = await raw_status(gateway.port, bytes);
      assert.ok(status === 0 || (status >= 400 && status < 500), `${what}: ${status}`);
    }
    await assert_lives();
  });

  // GW19
  test('half a request and a silent connection harm nobody', limits, async () => {
    const idle = Array.from({ length: 50 }, () => net.connect(gateway.port, '127.0.0.1').on('error', () => {}));
    idle.forEach((socket, i) => socket.write(i % 2 ? 'POST /mcp HT' : request_head(gateway.port, ['Content-Length: 1000']) + '{'));
    try {
      await assert_lives();
    } finally {
      idle.forEach((socket) => socket.destroy());
    }
    await assert_lives();
  });

  // GW43
  test('leaves no trace of itself in the metrics', limits, async () => {
    const text = await (await fetch(`${gateway.origin}/metrics`)).text();
    assert.ok(!text.includes(session.id));
    assert.ok(!/etc\/passwd|jndi|DROP TABLE/.test(text));
  });
});
