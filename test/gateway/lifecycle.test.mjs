// The programs as an operator meets them: flags, health, metrics, signals.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { held_sessions } from './aggregation.mjs';
import { as, gate, run, start_echo, start_gateway, start_redis, token_file, until } from './processes.mjs';
import { call, client_headers, echo_call, exchange, initialize_message, open_stream, post, raw_session, text_of } from './raw_http.mjs';
import { event, scripted_backend } from './scripted_backend.mjs';

const limits = { timeout: 30_000 };
const health = async (server) => (await exchange(`${server.origin}/healthz`, { method: 'GET' })).status;

describe('SIGTERM', () => {
  // GW41
  test('lets calls in flight finish, ends streams, refuses new work, ends backend sessions, and gives status 0', limits, async (t) => {
    const finish = gate();
    const backend = await scripted_backend.start(t, 'b', {
      on_request: async (message) => void (message.method === 'tools/call' && (await finish.opened)),
    });
    const gateway = await start_gateway(t, { b: backend });
    const [busy, idle] = [await raw_session.open(gateway.url), await raw_session.open(gateway.url)];
    const stream = await idle.open_stream();
    assert.equal(await health(gateway), 200);

    const calls = [1, 2, 3].map((i) => busy.post(echo_call(`${i}`)));
    await until(() => backend.calls().length === 3, 'the calls at the backend');
    gateway.process.kill('SIGTERM');
    await until(async () => (await health(gateway).catch(() => 0)) === 503, '/healthz says 503 during the drain');
    const refused = await post(gateway.url, initialize_message());
    assert.equal(refused.status, 503, refused.text);
    assert.equal(refused.headers['mcp-session-id'], undefined);
    assert.ok(gateway.is_running, 'it waits for the calls');

    finish.open();
    for (const [i, answer] of (await Promise.all(calls)).entries()) assert.equal(text_of(answer), `b:echo:${i + 1}`);
    await stream.ended;
    assert.deepEqual(await gateway.exited, { code: 0, signal: null }, gateway.output);
    assert.deepEqual([...backend.deleted].sort(), ['b-1', 'b-2'], 'one DELETE for each backend session');
  });

  // GW41
  test('with nothing to do ends at once with status 0, sessions and streams open or not', limits, async (t) => {
    const echo = await start_echo(t, 'echo');
    const gateway = await start_gateway(t, { echo });
    const sessions = await Promise.all(Array.from({ length: 10 }, () => raw_session.open(gateway.url)));
    const streams = await Promise.all(sessions.map((session) => session.open_stream()));
    const begin = Date.now();
    await gateway.assert_clean_end();
    assert.ok(Date.now() - begin < 10_000);
    await Promise.all(streams.map((stream) => stream.ended));
    assert.equal(await held_sessions(echo), 0);
    await echo.assert_clean_end();
  });

  // GW34 GW41
  test('ends the backend sessions of sessions that the cache had no room for, too', limits, async (t) => {
    const echo = await start_echo(t, 'echo');
    const gateway = await start_gateway(t, { echo }, '--cache-capacity', '2');
    for (let i = 0; i < 8; ++i) await raw_session.open(gateway.url);
    await gateway.assert_clean_end();
    await until(async () => (await held_sessions(echo)) === 0, 'no backend session is left');
  });

  // GW34 GW41
  test('says farewell for sessions out of the cache at one time, not one after the other', limits, async (t) => {
    const held = [];
    const backend = await scripted_backend.start(t, 'b');
    const gateway = await start_gateway(t, { b: backend }, '--cache-capacity', '1', '--farewell-deadline', '8s');
    for (let i = 0; i < 6; ++i) await raw_session.open(gateway.url);
    backend.on_delete = (response) => held.push(response);
    gateway.process.kill('SIGTERM');
    await until(() => held.length === 6, 'every DELETE is here before any is answered', 7000);
    held.forEach((response) => response.writeHead(200).end());
    assert.deepEqual(await gateway.ended(), { code: 0, signal: null });
  });

  // GW41
  test('twice ends it at once, whatever is in flight', limits, async (t) => {
    const backend = await scripted_backend.start(t, 'b');
    const gateway = await start_gateway(t, { b: backend });
    const session = await raw_session.open(gateway.url);
    backend.hangs = (message) => message.method === 'tools/call';
    const hung = session.post(echo_call('m')).then((answer) => answer.status, () => 'cut');
    await until(() => backend.calls().length === 1, 'the call at the backend');
    gateway.process.kill('SIGTERM');
    await until(async () => (await health(gateway).catch(() => 0)) !== 200, 'the first signal was heard');
    assert.ok(gateway.is_running);
    const begin = Date.now();
    await gateway.stop();
    assert.ok(Date.now() - begin < 8000, 'long before the drain deadline');
    assert.notEqual(await hung, 200);
  });

  // GW41
  test('ends with status 0 by the drain deadline though a call hangs', limits, async (t) => {
    const backend = await scripted_backend.start(t, 'b');
    const gateway = await start_gateway(t, { b: backend }, '--drain', '500ms', '--shutdown-deadline', '1s', '--farewell-deadline', '1s');
    const session = await raw_session.open(gateway.url);
    backend.hangs = (message) => message.method === 'tools/call';
    const hung = session.post(echo_call('m', 7));
    await until(() => backend.calls().length === 1, 'the call at the backend');
    const begin = Date.now();
    await gateway.assert_clean_end();
    assert.ok(Date.now() - begin >= 400 && Date.now() - begin < 10_000, `${Date.now() - begin} ms`);
    const cut = await hung;
    assert.equal(cut.status, 503, 'it learns that it is cut off');
    assert.equal(cut.json().id, 7);
    assert.ok(Number.isInteger(cut.json().error.code));
    assert.equal(cut.headers['retry-after'], undefined, 'the backend may have carried it out');
    assert.deepEqual(backend.deleted, ['b-1']);
  });

  // GW41
  test('tells a client whose streamed answer it cuts off', limits, async (t) => {
    const echo = await start_echo(t, 'echo');
    const gateway = await start_gateway(t, { echo }, '--drain', '300ms', '--shutdown-deadline', '1s');
    const session = await raw_session.open(gateway.url);
    const message = call('tools/call', { name: 'slow', arguments: { ms: 60_000 }, _meta: { progressToken: 'p' } });
    const stream = await open_stream(session.url, client_headers(session.headers), { method: 'POST', body: JSON.stringify(message) });
    await until(() => stream.messages().length > 0, 'the first progress');
    await gateway.assert_clean_end();
    await stream.ended;
    assert.equal(stream.messages().at(-1).id, message.id);
    assert.ok(stream.messages().at(-1).error);
  });

  // GW41
  test('lets an event stream that answers a call run to its end', limits, async (t) => {
    const echo = await start_echo(t, 'echo');
    const gateway = await start_gateway(t, { echo });
    const session = await raw_session.open(gateway.url);
    const message = call('tools/call', { name: 'slow', arguments: { ms: 800 }, _meta: { progressToken: 'p' } });
    const stream = await open_stream(session.url, client_headers(session.headers), { method: 'POST', body: JSON.stringify(message) });
    await until(() => stream.messages().length > 0, 'the first progress');
    const end = gateway.stop();
    await stream.ended;
    const seen = stream.messages();
    assert.equal(seen.at(-1).id, message.id);
    assert.ok(seen.at(-1).result);
    assert.ok(seen.slice(0, -1).every((each) => each.method === 'notifications/progress' && each.params.progressToken === 'p'));
    assert.deepEqual(await end, { code: 0, signal: null });
    assert.equal(await held_sessions(echo), 0);
  });

  // GW41
  test('lets the client answer what a call in work asks it, and end a session, and refuses other calls', limits, async (t) => {
    const backend = await scripted_backend.start(t, 'b', {
      on_request: async (message, { response }) => {
        if (message.method !== 'tools/call') return undefined;
        response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        response.write(event({ jsonrpc: '2.0', id: 1, method: 'roots/list' }));
        const reply = await until(() => backend.replies()[0], 'the answer of the client');
        return { content: [{ type: 'text', text: reply.result.roots[0].uri }] };
      },
    });
    const gateway = await start_gateway(t, { b: backend });
    const session = await raw_session.open(gateway.url, { capabilities: { roots: {} } });
    const other = await raw_session.open(gateway.url);
    const stream = await open_stream(session.url, client_headers(session.headers), { method: 'POST', body: JSON.stringify(echo_call('m', 4)) });
    const asked = await until(() => stream.messages()[0], 'the question');
    const end = gateway.stop();
    await until(async () => (await health(gateway)) === 503, 'it drains');
    const refused = await session.post(echo_call('late', 6));
    assert.equal(refused.status, 503);
    assert.equal(refused.json().id, 6);
    assert.ok(refused.headers['retry-after']);
    assert.equal((await session.get()).status, 503);
    assert.equal((await other.delete()).status, 204);
    assert.equal((await session.post({ jsonrpc: '2.0', id: asked.id, result: { roots: [{ uri: 'file:///r' }] } })).status, 202);
    await stream.ended;
    assert.equal(stream.messages().at(-1).result?.content[0].text, 'file:///r', JSON.stringify(stream.messages()));
    assert.deepEqual(await end, { code: 0, signal: null });
  });
});

describe('health and metrics', () => {
  // GW42
  test('/healthz is 200 while it serves, backends or not, and names the storage', limits, async (t) => {
    const gateway = await start_gateway(t, { down: { url: 'http://127.0.0.1:9/mcp' } });
    const answer = await exchange(`${gateway.origin}/healthz`, { method: 'GET' });
    assert.equal(answer.status, 200);
    assert.match(answer.text, /storage/i);
  });

  // GW43
  test('/metrics counts in Prometheus text, without ids, principals or secrets', limits, async (t) => {
    const echo = await start_echo(t, 'echo');
    const gateway = await start_gateway(t, { echo }, '--tokens', token_file(t));
    const session = await raw_session.open(gateway.url, { headers: as('token-of-alice') });
    const backend_id = (await session.tool_text('whoami')).split(/\s+/).at(-1);
    await session.post(call('tools/list'), { headers: as('token-of-bob') });
    const ended = await raw_session.open(gateway.url, { headers: as('token-of-alice') });
    await ended.delete();
    await ended.get();

    const answer = await exchange(`${gateway.origin}/metrics`, { method: 'GET' });
    assert.equal(answer.status, 200);
    assert.match(answer.headers['content-type'], /^text\/plain/);
    const rows = answer.text.split('\n').filter(Boolean);
    const sample = /^[a-zA-Z_:][a-zA-Z0-9_:]*(\{[a-zA-Z_]\w*="(?:[^"\\\n]|\\.)*"(?:,[a-zA-Z_]\w*="(?:[^"\\\n]|\\.)*")*,?\})? (-?\d[\d.eE+-]*|NaN|[+-]Inf)( \d+)?$/;
    const comment = /^# (HELP|TYPE) [a-zA-Z_:][a-zA-Z0-9_:]* \S/;
    for (const row of rows) assert.ok(sample.test(row) || comment.test(row), row);
    for (const wanted of [/^\w*sessions?\w*[ {]/m, /^\w*cache\w*[ {]/m, /reason="terminated"/, /^\w*storage\w*(seconds|latency)\w*[ {]/m, /="404"\} [1-9]/, /="200"\} [1-9]/]) {
      assert.match(answer.text, wanted);
    }
    for (const secret of [session.id, ended.id, backend_id, 'alice', 'bob', 'token-of', 'issuer.example']) {
      assert.ok(!answer.text.includes(secret), `"${secret}" is in the metrics`);
      assert.ok(!gateway.output.includes(secret), `"${secret}" is in the log`);
    }
  });
});

describe('flags', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'mooring-gateway-test-'));
  process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));
  const file = (name, text) => (fs.writeFileSync(path.join(folder, name), text), path.join(folder, name));
  const listen = ['--listen', '127.0.0.1:0'];
  const good = [...listen, '--backend', 'a=http://127.0.0.1:9/mcp'];
  const redis = [...good, '--storage', 'redis://127.0.0.1:9'];
  const bad_flags = {
    'mooring-gateway': [
      ['--no-such-flag'], [...good, 'stray'], [...listen],
      ['--listen', 'nonsense', '--backend', 'a=http://127.0.0.1:9/mcp'], ['--listen', '127.0.0.1:65536', '--backend', 'a=http://127.0.0.1:9/mcp'],
      ['--listen', '127.0.0.1:-1', '--backend', 'a=http://127.0.0.1:9/mcp'], ['--listen'],
      [...listen, '--backend', 'a'], [...listen, '--backend', '=http://127.0.0.1:9/mcp'], [...listen, '--backend', 'a='], [...listen, '--backend', 'a=ftp://127.0.0.1/mcp'],
      [...listen, '--backend', 'a=http://'], [...good, '--backend', 'a=http://127.0.0.1:10/mcp'],
      [...good, '--storage', 'nowhere'], [...good, '--ttl', '0'], [...good, '--ttl', '-1'], [...good, '--ttl', 'soon'], [...good, '--ttl', ''], [...good, '--max-lifetime', '-1'],
      [...good, '--ttl', '10s', '--max-lifetime', '5s'], [...good, '--cache-capacity', '-1'], [...good, '--cache-capacity', 'many'], [...good, '--threads', '0'], [...good, '--threads', 'x'],
      [...good, '--storage', 'redis://'], [...good, '--storage', 'http://127.0.0.1'], [...good, '--storage', 'redis://:pass-word@127.0.0.1'], [...good, '--storage', 'redis+sentinel://127.0.0.1'],
      [...good, '--redis-insecure'], [...good, '--key-prefix', 'a:'], [...redis, '--key-prefix', 'a'], [...redis, '--key-prefix', ''], [...redis, '--redis-ca', file('ca.pem', 'no pem')],
      [...good, '--storage', 'rediss://127.0.0.1', '--redis-ca', path.join(folder, 'missing.pem')], [...good, '--storage', 'rediss://127.0.0.1', '--redis-ca', file('ca.pem', 'no pem')],
      [...good, '--storage', 'rediss://127.0.0.1', '--redis-key', file('key.pem', 'no pem')], [...redis, '--redis-dial-timeout', '0'], [...redis, '--redis-max-in-flight', '0'], [...redis, '--redis-replicas', '1', '--redis-replicas-within', '1s'],
      [...good, '--binding-keys', path.join(folder, 'missing.keys')], [...good, '--binding-keys', file('no.keys', '')], [...good, '--binding-keys', file('shape.keys', 'k')],
      [...good, '--binding-keys', file('short.keys', 'k:short')],
      [...good, '--tokens', path.join(folder, 'missing.json')], [...good, '--tokens', file('no.json', 'no json')], [...good, '--tokens', file('list.json', '[]')],
      [...good, '--tokens', file('shape.json', '{"t":{"issuer":"i"}}')], [...good, '--tokens', file('type.json', '{"t":{"issuer":1,"subject":"s"}}')],
    ],
    'mooring-echo-server': [
      ['--no-such-flag'], [...listen, 'stray'], ['--listen', 'nonsense'], ['--listen', '127.0.0.1:65536'], [...listen, '--delay-ms', '-1'], [...listen, '--delay-ms', 'x'], ['--listen'],
    ],
  };
  for (const [name, lines] of Object.entries(bad_flags)) {
    // GW44
    test(`${name} refuses bad ones with a message and status 2`, limits, async (t) => {
      for (const line of lines) {
        const program = run(t, name, line);
        const end = await program.ended(5000);
        assert.deepEqual(end, { code: 2, signal: null }, `${line.join(' ')}: ${program.output}`);
        assert.ok(program.output.trim().length > 0, `no message for ${line.join(' ')}`);
        assert.doesNotMatch(program.output, /listening on/);
        assert.doesNotMatch(program.output, /pass-word/);
      }
    });
  }

  // GW44
  test('more connections than file descriptors: the limit is raised, and what is missing is said', limits, async (t) => {
    const limits_of = (pid) => /^Max open files\s+(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/limits`, 'utf8'))[1];
    const start = async (hard, ...flags) => {
      const gateway = run(t, 'mooring-gateway', [...good, '--max-backend-connections', '10', ...flags], ['prlimit', `--nofile=100:${hard}`]);
      return gateway.ready();
    };
    const enough = await start(1000, '--max-connections', '500');
    assert.equal(limits_of(enough.process.pid), `${500 + 2 * 10 + 64}`);
    assert.doesNotMatch(enough.output, /descriptors/);
    const short = await start(300, '--max-connections', '500');
    assert.equal(limits_of(short.process.pid), '300');
    assert.match(short.output, /warning: .*584 file descriptors.*300/);
  });

  test('a process out of file descriptors says so, and serves on when it has some', limits, async (t) => {
    const gateway = await run(t, 'mooring-gateway', good, ['prlimit', '--nofile=40:40']).ready();
    const sockets = Array.from({ length: 60 }, () => net.connect(gateway.port, '127.0.0.1').on('error', () => {}));
    await until(() => /warning: cannot accept connections: /.test(gateway.output), 'the warning');
    sockets.forEach((socket) => socket.destroy());
    await until(() => /accepting connections again/.test(gateway.output), 'it goes on');
    assert.equal(await health(gateway), 200);
    assert.equal(gateway.output.match(/cannot accept connections/g).length, 1, 'said once, not for each try');
  });

  // GW44: what only an operator can mend shows before the first client does
  test('a storage with another password is warned of at the start', limits, async (t) => {
    const server = await start_redis(t, '--requirepass', 'right');
    const gateway = await run(t, 'mooring-gateway', [...good, '--storage', server.url], ['env', 'MOORING_REDIS_PASSWORD=wrong-canary']).ready();
    await until(() => /warning: sessions cannot be stored: .*--storage/.test(gateway.output), 'the warning');
    assert.equal(await health(gateway), 200);
    assert.doesNotMatch(gateway.output, /canary/);
    const refused = await post(gateway.url, initialize_message());
    assert.equal(refused.headers['retry-after'], undefined, 'and no client is told to try again');
  });

  // GW44 RE10: a server that cannot be reached is no bad flag
  test('a storage that is not there yet is no reason not to start', limits, async (t) => {
    const gateway = await run(t, 'mooring-gateway', [...redis, '--binding-keys', file('good.keys', `k1:${'x'.repeat(32)}\nk0:${'y'.repeat(32)}\n`)]).ready();
    assert.equal(await health(gateway), 200);
    assert.doesNotMatch(gateway.output, /binding_keys/);
    await gateway.assert_clean_end();
  });

  // GW44
  test('--help tells the defaults and gives status 0; the default address is loopback', limits, async (t) => {
    for (const name of ['mooring-gateway', 'mooring-echo-server']) {
      const program = run(t, name, ['--help']);
      assert.deepEqual(await program.ended(5000), { code: 0, signal: null });
      assert.match(program.output, /--listen\b[^\n]*(\n[^-\n]*)*127\.0\.0\.1/);
    }
  });

  // GW44
  test('a port that is taken is refused with a message', limits, async (t) => {
    const echo = await start_echo(t, 'echo');
    for (const [name, line] of [
      ['mooring-echo-server', ['--listen', `127.0.0.1:${echo.port}`]],
      ['mooring-gateway', ['--listen', `127.0.0.1:${echo.port}`, '--backend', `a=${echo.url}`]],
    ]) {
      const program = run(t, name, line);
      const end = await program.ended(5000);
      assert.ok(end.code > 0, `${end.code} ${end.signal}`);
      assert.match(program.output, new RegExp(`${echo.port}`), 'the message names it');
      assert.doesNotMatch(program.output, /listening on/);
    }
  });

  // GW44
  test('several threads serve as one does', limits, async (t) => {
    const echo = await start_echo(t, 'echo');
    const gateway = await start_gateway(t, { echo }, '--threads', '4');
    const sessions = await Promise.all(Array.from({ length: 8 }, () => raw_session.open(gateway.url)));
    await Promise.all(sessions.flatMap((session) => Array.from({ length: 20 }, async (_, i) => assert.equal(text_of(await session.post(echo_call(`${i}`))), `${i}`))));
    await gateway.assert_clean_end();
    assert.equal(await held_sessions(echo), 0);
  });
});
