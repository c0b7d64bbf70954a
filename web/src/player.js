/** Defines `<sightline-player>`: see player/element.js. */
import { SightlinePlayer } from "./player/element.js";

if (!customElements.get("sightline-player")) customElements.define("sightline-player", SightlinePlayer);

export { SightlinePlayer };
