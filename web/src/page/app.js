/**
 * What every view of the page is given.
 *
 * @typedef {import("./location.js").Place} Place
 *
 * @typedef {object} App
 * @property {import("../connection/connection.js").Connection} connection to the relay that serves the page
 * @property {() => Place} place where the page is now
 * @property {(changes: Partial<Place>) => string} address of another place
 * @property {(changes: Partial<Place>) => void} go to another place; the way back leads here
 * @property {(changes: Partial<Place>) => void} adjust the address of this place, without a way back
 *
 * @typedef {object} View
 * @property {HTMLElement} element
 * @property {string} title
 * @property {(place: Place) => void} moved the address has changed within this view
 * @property {() => void} end
 */
export {};
