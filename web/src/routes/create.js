/** Makes the route that was chosen. The only file that knows them all. */
import { connectionFor } from "../connection/shared.js";
import { ImageRoute } from "./image.js";
import { MseRoute } from "./mse.js";
import { MultipartRoute } from "./multipart.js";
import { SnapshotsRoute } from "./snapshots.js";
import { WebCodecsRoute } from "./webcodecs.js";
import { WebSocketRoute } from "./websocket.js";

/** Open multipart streams, by relay. @type {Map<string, number>} */
const multipart = new Map();
/** Media elements of this page that play. */
let mediaElements = 0;

/** What is in use by the players of this page. @param {string} base the relay's address */
export const inUse = (base) => ({ multipartStreams: multipart.get(base) ?? 0, mediaElements });

/**
 * @param {import("./choose.js").RouteKind} kind
 * @param {import("./route.js").RouteSource} source
 * @param {import("./route.js").RouteEvents} events
 * @returns {{route: import("./route.js").Route, free: () => void}} `free` when it is not used any more
 */
export function createRoute(kind, source, events) {
  const { base } = source;
  const free = () => {};
  /** @param {import("../connection/interest.js").Wish} wish */
  const connect = (wish) => connectionFor(base, wish);
  switch (kind) {
    case "webcodecs":
      return { route: new WebCodecsRoute(source, events, connect), free };
    case "mse":
      mediaElements++;
      return { route: new MseRoute(source, events, connect), free: () => mediaElements-- };
    case "websocket":
      return { route: new WebSocketRoute(source, events, connect), free };
    case "snapshots":
      return { route: new SnapshotsRoute(source, events), free };
    case "image":
      return { route: new ImageRoute(source, events), free };
    case "multipart":
      multipart.set(base, (multipart.get(base) ?? 0) + 1);
      return {
        route: new MultipartRoute(source, events),
        free: () => multipart.set(base, (multipart.get(base) ?? 1) - 1),
      };
  }
}
