// mooring-gateway and mooring-echo-server under the public client SDKs of both generations; the public reference server stands behind the gateway,
// and alone, as a control: what is asked of the gateway is what the same client gets without it.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { held_sessions, prefixed } from './aggregation.mjs';
import { serves_modern } from './modern_requests.mjs';
import { assert_on_loopback, start_echo, start_everything, start_gateway, suite_scope, until } from './processes.mjs';
import { call, client_headers, exchange, post } from './raw_http.mjs';
import { sdk_connection, v1_client, v2_auto_client, v2_legacy_client, v2_pinned_client } from './sdk_clients.mjs';

const limits = { timeout: 30_000 };
const legacy_generations = [v1_client, v2_legacy_client, v2_auto_client];

describe('the public client SDKs', () => {
  const scope = suite_scope();
  let everything; // for all tests: it starts slowly, and keeps sessions apart
  before(async () => (everything = await start_everything(scope)));
  const count_of_farewells = () => everything.output.split('Received session termination request').length - 1;

  /** How each kind of server is reached, and what it offers. */
  const echo_offer = {
    echo: { tool: 'echo', args: { message: 'hello' }, text: 'hello' },
    progress: { tool: 'slow', args: { ms: 300 } },
    failure: { tool: 'fail', args: {} },
  };
  const everything_offer = {
    echo: { tool: 'echo', args: { message: 'hello' }, text: 'Echo: hello' },
    progress: { tool: 'trigger-long-running-operation', args: { duration: 0.3, steps: 3 } },
    failure: { tool: 'get-sum', args: { a: 'no number' } },
  };
  const servers = {
    'server-everything alone (control)': async () => ({ server: everything, offer: everything_offer, is_control: true }),
    'the gateway with one echo server': async (t) => {
      const echo = await start_echo(t, 'one');
      return { server: await start_gateway(t, { one: echo }), offer: echo_offer, echoes: [echo] };
    },
    'the gateway with server-everything': async (t) => ({ server: await start_gateway(t, { everything }), offer: everything_offer, is_everything: true }),
    'the gateway with two echo servers': async (t) => {
      const echoes = [await start_echo(t, 'east'), await start_echo(t, 'west')];
      return { server: await start_gateway(t, { east: echoes[0], west: echoes[1] }), offer: echo_offer, echoes, first: 'east' };
    },
  };

  for (const [title, start] of Object.entries(servers)) {
    describe(title, () => {
      for (const generation of legacy_generations) {
        // GW01 GW25 GW34
        test(`serves a whole session to ${generation.name}`, limits, async (t) => {
          const { server, offer, is_control, is_everything, echoes = [], first } = await start(t);
          const farewells = count_of_farewells();
          const connection = await sdk_connection.open(t, generation, server.url);
          const { client, transport } = connection;
          const is_modern = generation === v2_auto_client && (await serves_modern(server));
          if (client.getProtocolEra) assert.equal(client.getProtocolEra(), is_modern ? 'modern' : 'legacy');
          if (is_modern) assert.equal(transport.sessionId, undefined);
          else assert.match(transport.sessionId, /^[\x21-\x7e]+$/);

          if (!is_modern) await client.ping();
          const names = await connection.tool_names();
          const name_of = (tool) => (first ? prefixed(names, first, tool) : tool);
          for (const { tool } of Object.values(offer)) assert.ok(names.includes(name_of(tool)), `${tool} in ${names}`);
          const capabilities = client.getServerCapabilities();
          if (is_control || is_everything) {
            assert.ok((await client.listResources()).resources.length > 0);
            assert.ok((await client.listPrompts()).prompts.length > 0);
          } else if (capabilities.resources) {
            await client.listResources();
          }

          assert.equal(await connection.text(name_of(offer.echo.tool), offer.echo.args), offer.echo.text);
          const failed = await connection.call(name_of(offer.failure.tool), offer.failure.args);
          assert.equal(failed.isError, true);

          const progress = [];
          await connection.call(name_of(offer.progress.tool), offer.progress.args, { onprogress: (at) => progress.push(at.progress) });
          assert.ok(progress.length > 0, 'progress arrives');
          assert.deepEqual(progress, [...progress].sort((a, b) => a - b), 'progress grows');

          const id = transport.sessionId;
          for (const echo of echoes) assert.equal(await held_sessions(echo), 1);
          assert_on_loopback(server.process.pid);
          if (is_modern) {
            await server.assert_clean_end(); // nothing else ends the upstream sessions of an era without sessions
          } else {
            await transport.terminateSession();
            const after = await post(server.url, call('tools/list'), { headers: { 'Mcp-Session-Id': id } });
            assert.equal(after.status, is_control ? 400 : 404);
          }
          for (const echo of echoes) await until(async () => (await held_sessions(echo)) === 0, 'the echo server lost its session');
          if (is_everything) await until(() => count_of_farewells() > farewells, 'server-everything got its DELETE');
        });
      }

      // GW20 GW25
      test('meets a client pinned to the modern revision with a clear yes or no, and keeps nothing of it', limits, async (t) => {
        const { server, offer, echoes = [], first } = await start(t);
        if (await serves_modern(server)) {
          const connection = await sdk_connection.open(t, v2_pinned_client, server.url);
          assert.equal(connection.client.getProtocolEra(), 'modern');
          const names = await connection.tool_names();
          const name = first ? prefixed(names, first, offer.echo.tool) : offer.echo.tool;
          assert.equal(await connection.text(name, offer.echo.args), offer.echo.text);
        } else {
          await assert.rejects(sdk_connection.open(t, v2_pinned_client, server.url), { code: 'ERA_NEGOTIATION_FAILED' });
          for (const echo of echoes) assert.equal(await held_sessions(echo), 0);
        }
      });
    });
  }

  describe('one backend', () => {
    for (const generation of [v1_client, v2_legacy_client]) {
      // GW26
      test(`shows ${generation.name} the backend's own lists, unchanged`, limits, async (t) => {
        const gateway = await start_gateway(t, { everything });
        const direct = await sdk_connection.open(t, generation, everything.url);
        const through = await sdk_connection.open(t, generation, gateway.url);
        for (const list of ['listTools', 'listPrompts', 'listResources', 'listResourceTemplates']) {
          const seen = await through.client[list]();
          const origin = await direct.client[list]();
          assert.deepEqual(seen, origin, list);
        }
        const uri = (await direct.client.listResources()).resources[0].uri;
        assert.deepEqual(await through.client.readResource({ uri }), await direct.client.readResource({ uri }));
        assert.deepEqual(await through.client.getPrompt({ name: 'simple-prompt' }), await direct.client.getPrompt({ name: 'simple-prompt' }));
        assert.equal(through.client.getInstructions(), direct.client.getInstructions());
      });

      // GW26
      test(`asks ${generation.name} for sampling in the middle of a call`, limits, async (t) => {
        const gateway = await start_gateway(t, { everything });
        const asked = [];
        const connection = await sdk_connection.open(t, generation, gateway.url, {
          capabilities: { sampling: {} },
          requests: {
            'sampling/createMessage': (request) => {
              asked.push(request.params.messages[0].content.text);
              return { model: 'none', role: 'assistant', content: { type: 'text', text: 'sampled answer' } };
            },
          },
        });
        const text = await connection.text('trigger-sampling-request', { prompt: 'what is asked' });
        assert.match(text, /sampled answer/);
        assert.equal(asked.length, 1);
        assert.match(asked[0], /what is asked/);
      });

      // GW26
      test(`asks ${generation.name} for its roots over the session's stream, and brings it notifications`, limits, async (t) => {
        const gateway = await start_gateway(t, { everything });
        const seen = [];
        let asked = 0;
        const connection = await sdk_connection.open(t, generation, gateway.url, {
          capabilities: { roots: { listChanged: true } },
          requests: { 'roots/list': () => (asked++, { roots: [{ uri: 'file:///tmp/a', name: 'a' }] }) },
          notifications: {
            'notifications/message': (notification) => void seen.push(notification.params.data),
            'notifications/resources/updated': (notification) => void seen.push(notification.params.uri),
          },
        });
        await until(() => asked > 0, 'the server asked for the roots');
        await until(() => seen.some((text) => /Roots updated: 1/.test(text)), 'the server had the answer');
        const { uri } = (await connection.client.listResources()).resources[0];
        await connection.client.subscribeResource({ uri });
        await connection.call('toggle-subscriber-updates');
        await until(() => seen.includes(uri), 'the update of the resource');
      });
    }
  });

  describe('several backends', () => {
    // GW27 GW28
    test('prefix what clashes, keep the rest, and look alike on every gateway', limits, async (t) => {
      const backends = { one: await start_echo(t, 'one'), all: everything, two: await start_echo(t, 'two') };
      const gateways = [await start_gateway(t, backends), await start_gateway(t, backends)];
      const [first, second] = [
        await sdk_connection.open(t, v1_client, gateways[0].url),
        await sdk_connection.open(t, v2_auto_client, gateways[1].url),
      ];
      const names = await first.tool_names();
      assert.deepEqual(await second.tool_names(), names, 'order and names are equal');
      assert.equal(new Set(names).size, names.length, 'no name twice');
      assert.ok(names.includes('get-sum'), 'a name that only one has is kept');
      assert.ok(!names.includes('echo') && !names.includes('whoami'), 'no clashing name is left without a prefix');

      assert.equal(await first.text(prefixed(names, 'one', 'echo'), { message: 'm' }), 'm');
      assert.equal(await first.text(prefixed(names, 'all', 'echo'), { message: 'm' }), 'Echo: m');
      assert.match(await first.text(prefixed(names, 'one', 'whoami')), /\bone\b/);
      assert.match(await first.text(prefixed(names, 'two', 'whoami')), /\btwo\b/);
      assert.match(await first.text('get-sum', { a: 2, b: 3 }), /\b5\b/);

      const { resources } = await first.client.listResources();
      assert.ok(resources.length > 0);
      assert.ok((await first.client.readResource({ uri: resources.at(-1).uri })).contents.length > 0);
      const { prompts } = await first.client.listPrompts();
      assert.ok(prompts.some((prompt) => prompt.name === 'simple-prompt'));
      assert.ok((await first.client.getPrompt({ name: 'simple-prompt' })).messages.length > 0);
      await assert.rejects(first.client.getPrompt({ name: 'no such prompt' }), { code: -32602 });
    });

    // GW26 GW27 GW28
    test('offer all that one offers alone: templates, completion, log levels, subscriptions, sampling', limits, async (t) => {
      const gateway = await start_gateway(t, { all: everything, echo: await start_echo(t, 'echo') });
      const seen = [];
      const { client } = await sdk_connection.open(t, v1_client, gateway.url, {
        capabilities: { sampling: {} },
        requests: { 'sampling/createMessage': () => ({ model: 'none', role: 'assistant', content: { type: 'text', text: 'sampled answer' } }) },
        notifications: { 'notifications/resources/updated': (notification) => void seen.push(notification.params.uri) },
      });
      const call_of = (name, args) => client.callTool({ name, arguments: args ?? {} });
      const { resourceTemplates: templates } = await client.listResourceTemplates();
      const template = templates.find(({ uriTemplate }) => uriTemplate.endsWith('text/{resourceId}'));
      const { contents } = await client.readResource({ uri: template.uriTemplate.replace('{resourceId}', '7') });
      assert.match(contents[0].text, /^Resource 7\b/);
      const argument = { name: 'department', value: 'E' };
      assert.deepEqual((await client.complete({ ref: { type: 'ref/prompt', name: 'completable-prompt' }, argument })).completion.values, ['Engineering']);
      const by_template = { ref: { type: 'ref/resource', uri: template.uriTemplate }, argument: { name: 'resourceId', value: '1' } };
      assert.deepEqual((await client.complete(by_template)).completion.values, ['1']);
      await client.setLoggingLevel('error');

      const { uri } = (await client.listResources()).resources[0];
      await client.subscribeResource({ uri });
      await call_of('toggle-subscriber-updates');
      await until(() => seen.includes(uri), 'the update of the resource');
      await client.unsubscribeResource({ uri });
      assert.match((await call_of('trigger-sampling-request', { prompt: 'p' })).content[0].text, /sampled answer/);
    });

    // GW28
    test('answer an unknown name with a JSON-RPC error', limits, async (t) => {
      const gateway = await start_gateway(t, { one: await start_echo(t, 'one'), two: await start_echo(t, 'two') });
      const { transport } = await sdk_connection.open(t, v1_client, gateway.url);
      const headers = { 'Mcp-Session-Id': transport.sessionId };
      for (const name of ['nothing', 'echo', 'one', 'one_nothing', '', 'one__', '\u0000']) {
        const answer = await post(gateway.url, call('tools/call', { name, arguments: {} }, 7), { headers });
        const reply = answer.json();
        assert.equal(reply.id, 7);
        assert.ok(Number.isInteger(reply.error?.code), `${JSON.stringify(name)}: ${answer.text}`);
      }
    });

    // GW25 GW34
    test('close for their client even if it goes without a word on its stream', limits, async (t) => {
      const echoes = { one: await start_echo(t, 'one'), two: await start_echo(t, 'two') };
      const gateway = await start_gateway(t, echoes);
      const { client, transport } = await sdk_connection.open(t, v1_client, gateway.url);
      const headers = client_headers({ 'Mcp-Session-Id': transport.sessionId });
      await client.close();
      assert.equal(await held_sessions(echoes.one), 1, 'the session outlives the connection');
      assert.ok((await exchange(gateway.url, { method: 'DELETE', headers })).status < 300);
      for (const echo of Object.values(echoes)) await until(async () => (await held_sessions(echo)) === 0, 'no session left');
    });
  });
});
