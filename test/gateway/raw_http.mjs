// HTTP as it is on the wire: no client library that mends headers, follows redirects or hides a status.

import assert from 'node:assert/strict';
import http from 'node:http';

const protocol_version = '2025-11-25';
const both = 'application/json, text/event-stream';

/** One exchange. `headers` in any case; a value that is an array is sent as that many header lines. The body is sent as it is. */
export function exchange(url, { method = 'POST', headers = {}, body, agent = false, within_ms = 15_000 } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, headers, agent });
    const killer = setTimeout(() => request.destroy(new Error(`no full answer to ${method} within ${within_ms} ms`)), within_ms);
    request.on('close', () => clearTimeout(killer));
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode, headers: response.headers, text, json: () => JSON.parse(text) });
      });
    });
    request.end(body);
  });
}

/** The headers that every well-behaved client sends, `extra` over them; `undefined` leaves one out. */
export function client_headers(extra = {}) {
  const all = { 'Content-Type': 'application/json', Accept: both, ...extra };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

export function post(url, message, { headers, ...rest } = {}) {
  const body = typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message);
  return exchange(url, { ...rest, method: 'POST', headers: client_headers(headers), body });
}

let last_id = 0;
export const next_id = () => ++last_id;
export const call = (method, params, id = next_id()) => ({ jsonrpc: '2.0', id, method, ...(params && { params }) });

export const initialize_message = (version = protocol_version, capabilities = {}) =>
  call('initialize', { protocolVersion: version, capabilities, clientInfo: { name: 'raw', version: '1' } });

/** Every JSON-RPC message of an answer, be it one JSON text or an event stream. */
export function messages_of(response) {
  if (!/^text\/event-stream/.test(response.headers['content-type'] ?? '')) return response.text ? [response.json()] : [];
  return events_of(response.text).filter((event) => event.data).map((event) => JSON.parse(event.data));
}

/** A call of the echo tool, and the text that a tool's answer carries. */
export const echo_call = (message, id) => call('tools/call', { name: 'echo', arguments: { message } }, id);
export const text_of = (response) => messages_of(response).at(-1)?.result?.content?.[0]?.text;

/** The complete events of an event stream's text. */
function events_of(text) {
  const blocks = text.replaceAll('\r\n', '\n').split('\n\n').slice(0, -1);
  return blocks.map((block) => {
    const event = { data: '' };
    for (const line of block.split('\n').filter((line) => line && !line.startsWith(':'))) {
      const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line);
      event[field] = field === 'data' && event.data ? `${event.data}\n${value}` : value;
    }
    return event;
  });
}

/** A session of the 2025 revisions, opened by hand. */
export class raw_session {
  static async open(url, { version = protocol_version, headers = {}, capabilities } = {}) {
    const opening = await post(url, initialize_message(version, capabilities), { headers });
    assert.equal(opening.status, 200, `initialize: ${opening.text}`);
    const session = new raw_session();
    session.url = url;
    session.id = opening.headers['mcp-session-id'];
    session.opening = messages_of(opening).at(-1);
    assert.match(session.id ?? '', /^[\x21-\x7e]+$/, 'the session id is visible ASCII');
    session.headers = { 'Mcp-Session-Id': session.id, 'MCP-Protocol-Version': session.opening.result.protocolVersion, ...headers };
    const noted = await session.post({ jsonrpc: '2.0', method: 'notifications/initialized' });
    assert.equal(noted.status, 202, `notifications/initialized: ${noted.text}`);
    return session;
  }

  post(message, { headers, ...rest } = {}) {
    return post(this.url, message, { ...rest, headers: { ...this.headers, ...headers } });
  }

  /** The answer's last message, which is the reply. */
  async request(method, params, id) {
    const response = await this.post(call(method, params, id));
    assert.equal(response.status, 200, `${method}: ${response.status} ${response.text}`);
    return messages_of(response).at(-1);
  }

  call_tool(name, args = {}, id) {
    return this.request('tools/call', { name, arguments: args }, id);
  }

  /** The first text of a tool's result. */
  async tool_text(name, args) {
    const reply = await this.call_tool(name, args);
    assert.ok(reply.result && !reply.result.isError, `${name}: ${JSON.stringify(reply)}`);
    return reply.result.content[0].text;
  }

  async list(kind) {
    const reply = await this.request(`${kind}/list`);
    assert.ok(reply.result, `${kind}/list: ${JSON.stringify(reply)}`);
    return reply.result[kind];
  }

  delete(headers = {}) {
    return exchange(this.url, { method: 'DELETE', headers: { ...this.headers, ...headers } });
  }

  get(headers = {}) {
    return exchange(this.url, { method: 'GET', headers: { Accept: 'text/event-stream', ...this.headers, ...headers } });
  }

  /** Opens the session's stream: resolves with it once the head of the answer is here. */
  open_stream(headers = {}) {
    return open_stream(this.url, { Accept: 'text/event-stream', ...this.headers, ...headers });
  }
}

/** An answer whose end is not awaited: `text` grows, `ended` resolves. */
export function open_stream(url, headers, { method = 'GET', body } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, headers, agent: false });
    request.on('error', reject);
    request.on('response', (response) => {
      const stream = {
        status: response.statusCode,
        headers: response.headers,
        text: '',
        is_open: true,
        close: () => request.destroy(),
        messages: () => events_of(stream.text).filter((event) => event.data).map((event) => JSON.parse(event.data)),
      };
      stream.ended = new Promise((end) => response.on('close', () => end((stream.is_open = false))));
      response.on('error', () => {}); // a stream cut short ends with 'close', which is awaited
      response.setEncoding('utf8').on('data', (text) => (stream.text += text));
      resolve(stream);
    });
    request.end(body);
  });
}
