// The public client SDKs of both generations behind one small face, so that one test can be told to each of them.

import { Client as client_v1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as transport_v1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import * as schemas from '@modelcontextprotocol/sdk/types.js';
import { Client as client_v2, StreamableHTTPClientTransport as transport_v2 } from '@modelcontextprotocol/client';
import { modern_version } from './modern_requests.mjs';

const who = (name) => ({ name, version: '1.0.0' });

const v2 = (name, versionNegotiation) => ({
  name,
  make: (capabilities) => new client_v2(who(name), { capabilities, ...(versionNegotiation && { versionNegotiation }) }),
  transport: transport_v2,
  call: (client, params, options) => client.callTool(params, options),
  on_request: (client, method, handler) => client.setRequestHandler(method, handler),
  on_notification: (client, method, handler) => client.setNotificationHandler(method, handler),
});

export const v1_client = {
  name: 'sdk v1',
  make: (capabilities) => new client_v1(who('sdk v1'), { capabilities }),
  transport: transport_v1,
  call: (client, params, options) => client.callTool(params, undefined, options),
  on_request: (client, method, handler) => client.setRequestHandler(schema_of(method, 'Request'), handler),
  on_notification: (client, method, handler) => client.setNotificationHandler(schema_of(method, 'Notification'), handler),
};
export const v2_legacy_client = v2('sdk v2, legacy mode', undefined);
export const v2_auto_client = v2('sdk v2, auto mode', { mode: 'auto' });
export const v2_pinned_client = v2(`sdk v2, pinned to ${modern_version}`, { mode: { pin: modern_version } });

/** A connected client: the SDK's own as `client`, its transport, and the calls that differ between the generations. */
export class sdk_connection {
  static async open(t, generation, url, { capabilities = {}, requests = {}, notifications = {}, headers } = {}) {
    const connection = new sdk_connection();
    connection.generation = generation;
    connection.client = generation.make(capabilities);
    for (const [method, handler] of Object.entries(requests)) generation.on_request(connection.client, method, handler);
    for (const [method, handler] of Object.entries(notifications)) generation.on_notification(connection.client, method, handler);
    connection.transport = new generation.transport(new URL(url), { requestInit: { headers } });
    t.after(() => connection.client.close());
    await connection.client.connect(connection.transport);
    return connection;
  }

  call(name, args = {}, options) {
    return this.generation.call(this.client, { name, arguments: args }, options);
  }

  async text(name, args) {
    return (await this.call(name, args)).content[0].text;
  }

  async tool_names() {
    return (await this.client.listTools()).tools.map((tool) => tool.name);
  }
}

/** 'sampling/createMessage' -> CreateMessageRequestSchema: what v1 wants instead of the method's name. */
function schema_of(method, kind) {
  const found = Object.values(schemas).find((schema) => {
    const literal = schema?.shape?.method;
    return literal && (literal.value ?? literal._def?.value ?? literal._def?.values?.[0]) === method;
  });
  if (!found) throw new Error(`sdk v1 has no ${kind} ${method}`);
  return found;
}
