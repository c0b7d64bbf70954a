/**
 * A route carries one stream's pictures from the relay to an element on the page. Routes know nothing
 * of each other, and players know nothing of what a route speaks.
 *
 * @typedef {object} Picture one that is on the screen now
 * @property {number} width pixels
 * @property {number} height
 * @property {boolean} stale from the relay's memory: not to be taken for live
 * @property {number} captureTimeUs by the publisher's clock; 0 if the route cannot know
 * @property {number} arrivalTimeUs by the relay's clock; 0 if the route cannot know
 *
 * @typedef {object} RouteEvents
 * @property {(lenBytes: number) => void} received a picture came from the relay
 * @property {(lenBytes: number) => void} heard sound came from the relay
 * @property {(picture: Picture) => void} shown
 * @property {(reason: string, count: number) => void} dropped pictures that will not be shown
 * @property {() => void} behind the connection does not carry all of an ordered stream
 * @property {() => void} late a picture came before the one before it could be shown
 * @property {(code: string, message: string) => void} refused the relay does not give this stream
 * @property {() => void} retried what was refused is asked for again
 * @property {(why: string) => void} failed this route cannot show this stream: take another one
 * @property {() => void} overloaded this machine is too slow for this stream, whatever decodes it
 * @property {() => void} muted the browser does not allow sound before the reader has clicked somewhere
 * @property {(why: string | null) => void} broken pictures come and cannot be shown; null: they can again
 *
 * @typedef {object} Route
 * @property {string} words the route's name, for people
 * @property {HTMLElement} element what shows the picture. It keeps the last one when the route stops
 * @property {boolean} timed whether `shown` tells of every picture, and whether it is stale
 * @property {number} fps that this route carries at most; 0: no limit of its own
 * @property {() => void} start
 * @property {() => void} stop
 * @property {(maxFps: number) => void} setMaxFps 0: all frames
 * @property {(sound: Sound) => void} setSound
 * @property {() => Promise<Blob>} snapshot the picture that is shown, as JPEG. Rejects with words
 *
 * @typedef {object} RouteSource
 * @property {string} base the relay's address, with a slash at the end
 * @property {string} camera "site/camera"
 * @property {string} stream
 * @property {import("../wire/messages.js").Codec} codec
 * @property {string} codecString RFC 6381; empty if it is not known
 * @property {number} maxFps 0: all frames; for pictures only
 * @property {number} targetS how far behind the newest frame a player that buffers should be, seconds
 * @property {Sound} sound
 *
 * @typedef {object} Sound
 * @property {boolean} on somebody listens
 * @property {boolean} offered the camera has sound that this browser can play
 * @property {number} volume 0 to 1
 */
export {};
