// An MCP server of the 2025 revisions that misbehaves on command, in the test's own process, and remembers what it saw.

import http from 'node:http';
import { once } from 'node:events';

/** Knobs, each read at every request:
 *   `on_request(message, exchange)`  may answer a call itself: returns a result, a promise of one, or `undefined` for the default;
 *                                    throws a number to answer with that status
 *   `on_notification(message)`       awaited before the 202 of a notification or a response
 *   `hangs(message)`                 true: never answers
 *   `on_delete(response)`            may answer a DELETE itself, or never: returns true when it took the matter over
 *   `on_get(request, response)`      may answer a GET itself: returns true when it took the matter over
 *   `id_for(n)`                      the n-th session's id
 *   `is_streaming`                   answers come as event streams
 */
export class scripted_backend {
  static async start(t, name, knobs = {}) {
    const backend = Object.assign(new scripted_backend(), { name, ...knobs });
    t.after(() => backend.stop());
    return backend.resume();
  }

  tools = ['echo'];
  sessions = new Map(); // id -> what its client said in initialize
  initializations = 0;
  received = []; // every message, in order, with its session id as `session`
  deleted = []; // session ids
  streams = new Set(); // open GET streams
  port = 0;
  is_streaming = false;
  id_for = (n) => `${this.name}-${n}`;
  hangs = () => false;
  on_request = () => undefined;
  on_notification = () => undefined;
  on_delete = () => false;
  on_get = () => false;

  get url() {
    return `http://127.0.0.1:${this.port}/mcp`;
  }

  /** Starts again on the same port, without sessions: a restart. */
  async resume() {
    this.sessions.clear();
    this.sockets = new Set();
    this.server = http.createServer((request, response) => this.#serve(request, response));
    this.server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
    this.server.listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = this.server.address().port;
    return this;
  }

  /** Ends as a killed process does: every connection is cut. */
  async stop() {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  calls(method = 'tools/call') {
    return this.received.filter((message) => message.method === method);
  }

  /** The replies to requests of ours. */
  replies() {
    return this.received.filter((message) => message.method === undefined);
  }

  /** Sends a notification on every open GET stream. */
  announce(method, params) {
    for (const stream of this.streams) stream.write(event({ jsonrpc: '2.0', method, ...(params && { params }) }));
  }

  /** Sends a request on every open GET stream. */
  ask(id, method) {
    for (const stream of this.streams) stream.write(event({ jsonrpc: '2.0', id, method }));
  }

  async #serve(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const id = request.headers['mcp-session-id'];
    if (request.method === 'POST') return this.#post(JSON.parse(Buffer.concat(chunks).toString()), id, response);
    if (!this.sessions.has(id)) return refuse(response, 404);
    if (request.method === 'DELETE') {
      this.deleted.push(id);
      this.sessions.delete(id);
      return this.on_delete(response) || response.writeHead(200).end();
    }
    if (this.on_get(request, response)) return;
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Mcp-Session-Id': id }).write(': open\n\n');
    this.streams.add(response);
    response.on('close', () => this.streams.delete(response));
  }

  async #post(message, id, response) {
    this.received.push({ ...message, session: id });
    if (this.hangs(message)) return;
    const headers = {};
    if (message.method === 'initialize') {
      const fresh = this.id_for(++this.initializations);
      this.sessions.set(fresh, message.params);
      headers['Mcp-Session-Id'] = fresh;
    } else if (!this.sessions.has(id)) {
      return refuse(response, 404);
    }
    if (message.id === undefined || message.method === undefined) {
      await this.on_notification(message);
      return response.writeHead(202).end();
    }
    let reply;
    try {
      const result = (await this.on_request(message, { response, id })) ?? this.#result(message);
      reply = { jsonrpc: '2.0', id: message.id, ...(result.code ? { error: result } : { result }) };
    } catch (status) {
      if (typeof status !== 'number') throw status;
      return refuse(response, status);
    }
    if (response.destroyed) return;
    if (response.headersSent) return response.end(event(reply)); // on_request has begun a stream
    if (this.is_streaming) return response.writeHead(200, { ...headers, 'Content-Type': 'text/event-stream' }).end(event(reply));
    response.writeHead(200, { ...headers, 'Content-Type': 'application/json' }).end(JSON.stringify(reply));
  }

  #result({ method, params }) {
    if (method === 'initialize') {
      return {
        protocolVersion: params.protocolVersion,
        capabilities: { tools: { listChanged: true } },
        serverInfo: { name: this.name, version: '1' },
      };
    }
    if (method === 'ping') return {};
    if (method === 'tools/list') return { tools: this.tools.map((name) => ({ name, inputSchema: { type: 'object' } })) };
    if (method === 'tools/call' && this.tools.includes(params.name)) {
      return { content: [{ type: 'text', text: `${this.name}:${params.name}:${params.arguments?.message ?? ''}` }] };
    }
    if (method === 'tools/call') return { code: -32602, message: 'unknown tool' };
    return { code: -32601, message: 'unknown method' };
  }
}

/** One message as an event of a stream. */
export const event = (message) => `event: message\ndata: ${JSON.stringify(message)}\n\n`;

function refuse(response, status) {
  const error = { jsonrpc: '2.0', error: { code: -32001, message: 'Session not found' } };
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(error));
}
