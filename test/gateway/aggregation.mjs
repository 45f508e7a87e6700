// What a test must know of names behind a gateway with several backends, and of the echo server's metrics.

import assert from 'node:assert/strict';

/** The one name in `names` that stands for `backend`'s own `name`: the backend's name, any separator, the name. */
export function prefixed(names, backend, name) {
  const found = names.filter((each) => each.startsWith(backend) && each.endsWith(name) && each.length > backend.length + name.length);
  assert.equal(found.length, 1, `"${backend}" + "${name}" in ${names.join(', ')}`);
  return found[0];
}

/** How many sessions an echo server says it holds. */
export async function held_sessions(echo) {
  const text = await (await fetch(`${echo.origin}/metrics`)).text();
  const row = /^\w*sessions(?:\{[^}]*\})? (\d+)$/m.exec(text);
  assert.ok(row, `no number of sessions in:\n${text}`);
  return Number(row[1]);
}
