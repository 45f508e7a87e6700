// The revision without sessions (2026-07-28) at the gateway's door: how the probe is answered, and what a forged marker does not open.
// A gateway that serves no such revision says so in its answer to the probe; what only a server of that era does is then not asked of it.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { held_sessions } from './aggregation.mjs';
import { modern, modern_version, send, serves_modern } from './modern_requests.mjs';
import { as, start_echo, start_gateway, suite_scope, token_file, until } from './processes.mjs';
import { call, exchange, messages_of, raw_session } from './raw_http.mjs';

const limits = { timeout: 20_000 };
describe('the modern era', () => {
  const scope = suite_scope();
  let echo, gateway, guarded, is_modern;

  before(async () => {
    echo = await start_echo(scope, 'echo');
    gateway = await start_gateway(scope, { echo });
    guarded = await start_gateway(scope, { echo }, '--tokens', token_file(scope));
    is_modern = await serves_modern(gateway);
  });

  const skipped = (t) => !is_modern && (t.skip('the gateway serves the revisions with sessions only'), true);

  // GW20
  test('the probe gets a proper result, or 400, 404 or 405: with any id, with any marker, and with no backend alive', limits, async (t) => {
    const lonely = await start_gateway(t, { nobody: { url: 'http://127.0.0.1:9/mcp' } });
    for (const server of [gateway, lonely]) {
      for (const probe of [
        modern('server/discover'),
        modern('server/discover', {}, { headers: { 'Mcp-Session-Id': 'unknown-id-unknown-id-unknown' } }),
        modern('server/discover', {}, { version: '2099-01-01' }),
        { message: call('server/discover', {}), options: { headers: {} } },
        { message: call('server/discover'), options: { headers: { 'MCP-Protocol-Version': modern_version } } },
      ]) {
        const answer = await send(server, probe);
        assert.ok([200, 400, 404, 405].includes(answer.status), `${answer.status} ${answer.text}`);
        assert.equal(answer.headers['mcp-session-id'], undefined);
        const reply = messages_of(answer).at(-1);
        if (answer.status === 200) assert.ok(Array.isArray(reply.result?.supportedVersions), answer.text);
        if (reply?.id !== undefined) assert.equal(reply.id, probe.message.id);
      }
    }
    assert.equal(await held_sessions(echo), 0, 'a probe opens nothing');
  });

  // GW21
  test('GET and DELETE that claim it get 405', limits, async () => {
    for (const headers of [{}, { 'Mcp-Session-Id': 'unknown-id-unknown-id-unknown' }]) {
      for (const method of ['GET', 'DELETE']) {
        const refused = await exchange(gateway.url, { method, headers: { Accept: 'text/event-stream', 'MCP-Protocol-Version': modern_version, ...headers } });
        assert.equal(refused.status, 405, refused.text);
      }
    }
  });

  // GW21
  test('its requests get no id, and an id is ignored', limits, async (t) => {
    if (skipped(t)) return;
    for (const headers of [{}, { 'Mcp-Session-Id': 'unknown-id-unknown-id-unknown' }]) {
      const answer = await send(gateway, modern('tools/call', { name: 'echo', arguments: { message: 'm' } }, { headers }));
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.headers['mcp-session-id'], undefined);
      assert.equal(messages_of(answer).at(-1).result.content[0].text, 'm');
    }
  });

  // GW22
  test('its errors carry their own codes', limits, async () => {
    const unsupported = await send(gateway, modern('tools/list', {}, { version: '2099-01-01' }));
    assert.equal(unsupported.status, 400, unsupported.text);
    assert.equal(unsupported.json().error.code, -32022);
    assert.ok(unsupported.json().error.data.supported.includes(is_modern ? modern_version : '2025-11-25'), unsupported.text);
    if (!is_modern) assert.equal((await send(gateway, modern('tools/list'))).json().error.code, -32022);

    const disagreements = [
      modern('tools/list', {}, { headers: { 'MCP-Protocol-Version': '2025-11-25' } }),
      modern('tools/list', {}, { headers: { 'Mcp-Method': 'tools/call' } }),
      modern('tools/call', { name: 'echo', arguments: {} }, { headers: { 'Mcp-Name': 'whoami' } }),
    ];
    for (const disagreement of disagreements) {
      const answer = await send(gateway, disagreement);
      assert.equal(answer.status, 400, answer.text);
      assert.equal(answer.json().error.code, -32020, answer.text);
    }

    const unknown = await send(gateway, modern('no/such/method'));
    assert.equal(unknown.status, 404, unknown.text);
    assert.equal(unknown.json().error.code, -32601);
  });

  // GW23
  test('a forged marker passes no check of owner or session, and opens no session', limits, async () => {
    const session = await raw_session.open(guarded.url, { headers: as('token-of-alice') });
    const mine = await session.tool_text('whoami');
    const forged = { ...as('token-of-bob'), 'Mcp-Session-Id': session.id };
    const answer = await send(guarded, modern('tools/call', { name: 'whoami', arguments: {} }, { headers: forged }));
    assert.ok(!answer.text.includes(mine), "bob never meets alice's backend session");
    for (const method of ['GET', 'DELETE']) {
      for (const who of [as('token-of-bob'), as('nobody'), {}]) {
        const refused = await exchange(guarded.url, { method, headers: { Accept: 'text/event-stream', 'MCP-Protocol-Version': modern_version, 'Mcp-Session-Id': session.id, ...who } });
        assert.ok(refused.status >= 400 && refused.status < 500, `${method}: ${refused.status}`);
      }
    }
    for (const method of ['initialize', 'tools/list', 'ping']) {
      const nobody = await send(guarded, modern(method, { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'n', version: '1' } }, { headers: as('nobody') }));
      assert.ok(nobody.status >= 400 && nobody.status < 500, `${method}: ${nobody.status} ${nobody.text}`);
      const opened = await send(gateway, modern(method, { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'n', version: '1' } }));
      assert.equal(opened.headers['mcp-session-id'], undefined, method);
    }
    assert.equal(await session.tool_text('whoami'), mine, 'the session lives on');
    assert.ok((await session.delete()).status < 300);
  });

  // GW24
  test('one upstream session for each principal and backend, opened once and ended with the gateway', limits, async (t) => {
    if (skipped(t)) return;
    const backend = await start_echo(t, 'fresh');
    const server = await start_gateway(t, { fresh: backend }, '--tokens', token_file(t));
    const whoami = async (token) => {
      const answer = await send(server, modern('tools/call', { name: 'whoami', arguments: {} }, { headers: as(token) }));
      assert.equal(answer.status, 200, answer.text);
      return messages_of(answer).at(-1).result.content[0].text;
    };
    const alice = new Set(await Promise.all(Array.from({ length: 20 }, () => whoami('token-of-alice'))));
    assert.equal(alice.size, 1, 'one session under concurrency');
    assert.equal(await held_sessions(backend), 1);
    const bob = await whoami('token-of-bob');
    assert.ok(!alice.has(bob));
    assert.equal(await held_sessions(backend), 2);
    await server.assert_clean_end();
    await until(async () => (await held_sessions(backend)) === 0, 'shutdown ended them');
  });
});
