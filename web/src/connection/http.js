/** What a relay answers by HTTP while its WebSocket is not to be had. */
import { camerasFromJson } from "./json.js";

/** How long a relay may take to answer. */
const TIMEOUT_MS = 3_000;

/** Whether the relay answers. @param {string} base its address, with a slash at the end */
export async function answers(base) {
  const sameOrigin = new URL(base).origin === globalThis.location?.origin;
  try {
    const answer = await fetch(new URL("healthz", base), {
      cache: "no-store",
      mode: sameOrigin ? "same-origin" : "no-cors",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    // Of another origin nothing may be known but that it answers.
    return answer.ok || answer.type === "opaque";
  } catch {
    return false;
  }
}

/** The cameras that the relay knows; rejects if it does not answer, or not to this page. @param {string} base */
export async function camerasOf(base) {
  const answer = await fetch(new URL("api/cameras", base), { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return camerasFromJson(await answer.json());
}
