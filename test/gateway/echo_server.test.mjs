// The echo server by itself: what tests of gateways and clients may rely on.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { held_sessions } from './aggregation.mjs';
import { assert_on_loopback, start_echo, start_gateway } from './processes.mjs';
import { call, echo_call, initialize_message, messages_of, post, raw_session, text_of } from './raw_http.mjs';

const limits = { timeout: 20_000 };

describe('the echo server', () => {
  // GW43
  test('tells how many sessions it holds', limits, async (t) => {
    const echo = await start_echo(t, 'echo');
    assert.equal(await held_sessions(echo), 0);
    const sessions = await Promise.all([1, 2, 3].map(() => raw_session.open(echo.url)));
    assert.equal(await held_sessions(echo), 3);
    for (const session of sessions) await session.delete();
    assert.equal(await held_sessions(echo), 0);
  });

  // GW45
  test('keeps its sessions apart, and delays as it is told', limits, async (t) => {
    const echo = await start_echo(t, 'slowed', '--delay-ms', '300');
    const [one, two] = [await raw_session.open(echo.url), await raw_session.open(echo.url)];
    assert.notEqual(one.id, two.id);
    const begin = process.hrtime.bigint();
    const who = await one.tool_text('whoami');
    assert.ok(process.hrtime.bigint() - begin >= 290_000_000n);
    assert.ok(who.includes('slowed') && who.includes(one.id), who);
    assert.ok((await two.tool_text('whoami')).includes(two.id));
    const failed = await one.call_tool('fail');
    assert.equal(failed.result.isError, true);
    const progress = await one.post(call('tools/call', { name: 'slow', arguments: { ms: 100 }, _meta: { progressToken: 7 } }));
    const notes = messages_of(progress).filter((message) => message.method === 'notifications/progress');
    assert.ok(notes.length > 0 && notes.every((note) => note.params.progressToken === 7));
    assert_on_loopback(echo.process.pid);
  });

  // GW45
  test('fails each n-th request of a session where it is told to', limits, async (t) => {
    const session = await raw_session.open((await start_echo(t, 'e', '--fail-every', '3')).url);
    const statuses = [];
    for (let i = 0; i < 9; ++i) statuses.push((await session.post(echo_call('m'))).status);
    assert.deepEqual([...statuses].sort(), [200, 200, 200, 200, 200, 200, 500, 500, 500]);
  });

  // GW30 GW45
  test('forgets sessions where it is told to, and a client of a gateway does not notice', limits, async (t) => {
    const echo = await start_echo(t, 'e', '--forget-after', '4');
    const direct = await raw_session.open(echo.url);
    const statuses = [];
    for (let i = 0; i < 8; ++i) statuses.push((await direct.post(echo_call('m'))).status);
    assert.equal(statuses[0], 200);
    assert.equal(statuses.at(-1), 404);
    const session = await raw_session.open((await start_gateway(t, { echo })).url);
    for (let i = 0; i < 30; ++i) assert.equal(text_of(await session.post(echo_call(`${i}`))), `${i}`);
  });

  // GW45
  test('resumes the session that an initialize names, unless it is told to ignore that', limits, async (t) => {
    for (const [flags, is_resumed] of [[[], true], [['--ignore-resume-ids'], false]]) {
      const echo = await start_echo(t, 'e', ...flags);
      const session = await raw_session.open(echo.url);
      const again = await post(echo.url, initialize_message(), { headers: { 'Mcp-Session-Id': session.id } });
      assert.equal(again.status, 200, again.text);
      assert.equal(again.headers['mcp-session-id'] === session.id, is_resumed);
      assert.equal(await held_sessions(echo), is_resumed ? 1 : 2);
    }
  });
});
