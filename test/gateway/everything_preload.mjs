// Preloaded (node --import) into npm's server-everything, which would bind every interface: each listener goes to 127.0.0.1 instead, and says so in the
// line that our own programs print. Node 18, where that server runs too, hides the Web Crypto object that it uses.

import { webcrypto } from 'node:crypto';
import net from 'node:net';

globalThis.crypto ??= webcrypto;

const listen = net.Server.prototype.listen;

net.Server.prototype.listen = function (port, ...rest) {
  const ready = rest.find((argument) => typeof argument === 'function');
  this.once('listening', () => console.log(`listening on http://127.0.0.1:${this.address().port}/mcp`));
  return listen.call(this, { port: Number(port), host: '127.0.0.1' }, ready);
};
