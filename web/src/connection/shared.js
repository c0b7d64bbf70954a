/** The connections of this page: one for each relay, shared by all players. */
import { Connection } from "./connection.js";

/** At most two, one for each form, for each relay that was named on this page. @type {Map<string, Connection>} */
const connections = new Map();

/**
 * @param {string} base the relay's address, with a slash at the end
 * @returns {Connection}
 */
export function connectionTo(base) {
  return taken(base, base);
}

/**
 * The connection for one more player: the one that all share, unless somebody watches the same stream in another
 * form there.
 * @param {string} base
 * @param {import("./interest.js").Wish} wish
 */
export function connectionFor(base, wish) {
  const shared = connectionTo(base);
  return shared.carries(wish) ? shared : taken(`${wish.form} ${base}`, base);
}

/** @param {string} key @param {string} base */
function taken(key, base) {
  let connection = connections.get(key);
  if (!connection) connections.set(key, (connection = new Connection(base)));
  return connection;
}

function wakeAll() {
  for (const connection of connections.values()) connection.wake();
}

// A frozen page finds its WebSocket closed, or worse, silent.
document.addEventListener("visibilitychange", () => document.hidden || wakeAll());
document.addEventListener("resume", wakeAll);
addEventListener("online", wakeAll);
addEventListener("pageshow", (event) => event.persisted && wakeAll());
