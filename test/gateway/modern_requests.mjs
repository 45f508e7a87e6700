// Requests of the revision without sessions, as its clients send them.

import { messages_of, next_id, post } from './raw_http.mjs';

export const modern_version = '2026-07-28';
const meta = 'io.modelcontextprotocol';

/** A request with the era's marker in header and body. */
export function modern(method, params = {}, { version = modern_version, headers = {} } = {}) {
  const envelope = {
    [`${meta}/protocolVersion`]: version,
    [`${meta}/clientInfo`]: { name: 'raw', version: '1' },
    [`${meta}/clientCapabilities`]: {},
  };
  return {
    message: { jsonrpc: '2.0', id: next_id(), method, params: { ...params, _meta: envelope } },
    options: { headers: { 'MCP-Protocol-Version': version, 'Mcp-Method': method, ...(params.name && { 'Mcp-Name': params.name }), ...headers } },
  };
}

export const send = (server, { message, options }) => post(server.url, message, options);

/** Whether the server's answer to the probe offers the era. */
export async function serves_modern(server) {
  const probe = await send(server, modern('server/discover'));
  return probe.status === 200 && Boolean(messages_of(probe).at(-1)?.result?.supportedVersions?.includes(modern_version));
}
