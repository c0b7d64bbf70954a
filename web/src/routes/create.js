/** Makes the route that was chosen. The only file that knows them all. */
import { connectionTo } from "../connection/shared.js";
import { chooseRoute } from "./choose.js";
import { ImageRoute } from "./image.js";
import { MultipartRoute } from "./multipart.js";
import { SnapshotsRoute } from "./snapshots.js";
import { WebSocketRoute } from "./websocket.js";

/** Open multipart streams, by relay. @type {Map<string, number>} */
const multipart = new Map();

/**
 * @param {import("./route.js").RouteSource} source
 * @param {import("./choose.js").Reach} reach
 * @param {import("./route.js").RouteEvents} events
 * @returns {{route: import("./route.js").Route, why: string, free: () => void}} `free` when it is not used any more
 */
export function createRoute(source, reach, events) {
  const { base } = source;
  const open = multipart.get(base) ?? 0;
  const { kind, why } = chooseRoute(reach, open);
  const free = () => {};
  switch (kind) {
    case "websocket":
      return { route: new WebSocketRoute(source, events, connectionTo(base)), why, free };
    case "snapshots":
      return { route: new SnapshotsRoute(source, events), why, free };
    case "image":
      return { route: new ImageRoute(source, events), why, free };
    case "multipart":
      multipart.set(base, open + 1);
      return {
        route: new MultipartRoute(source, events),
        why,
        free: () => multipart.set(base, (multipart.get(base) ?? 1) - 1),
      };
  }
}
