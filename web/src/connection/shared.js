/** The connections of this page: one for each relay, shared by all players. */
import { Connection } from "./connection.js";

/** As many as relays were named on this page. @type {Map<string, Connection>} */
const connections = new Map();

/**
 * @param {string} base the relay's address, with a slash at the end
 * @returns {Connection}
 */
export function connectionTo(base) {
  let connection = connections.get(base);
  if (!connection) connections.set(base, (connection = new Connection(base)));
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
