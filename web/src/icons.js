/** Line icons on a 24 px grid, drawn for this page. */

/** @type {Record<string, string[]>} */
const PATHS = {
  search: ["M10.5 17a6.5 6.5 0 1 1 0-13 6.5 6.5 0 0 1 0 13Z", "m15.5 15.5 4.5 4.5"],
  sun: ["M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8Z", "M12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4"],
  moon: ["M20 14.2A8.2 8.2 0 0 1 9.8 4 8.2 8.2 0 1 0 20 14.2Z"],
  system: ["M4 5h16v11H4Z", "M9 20h6M12 16v4"],
  back: ["M14.5 5 7.5 12l7 7"],
  previous: ["M14.5 5 7.5 12l7 7"],
  next: ["M9.5 5l7 7-7 7"],
  pause: ["M8.5 5v14M15.5 5v14"],
  play: ["M8 5.2v13.6L18.8 12Z"],
  sound: ["M4 9.5v5h3.5L12 18.500v-13L7.500 9.500Z", "M15.500 9a4.200 4.200 0 0 1 0 6M18 6.500a7.800 7.800 0 0 1 0 11"],
  muted: ["M4 9.500v5h3.500L12 18.500v-13L7.500 9.500Z", "m16 9.500 5 5M21 9.500l-5 5"],
  snapshot: ["M4 8.2h3.4L9 5.5h6l1.6 2.7H20v10.3H4Z", "M12 10.2a3.2 3.2 0 1 1 0 6.4 3.2 3.2 0 0 1 0-6.4Z"],
  pip: ["M10 18H4V6h16v5", "M13 14h7v5h-7Z"],
  fullscreen: ["M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5"],
  restore: ["M9 4v5H4M20 9h-5V4M15 20v-5h5M4 15h5v5"],
  stats: ["M5 19v-6M10 19V5M15 19v-9M20 19v-4"],
  share: ["M10 14a4 4 0 0 0 5.8.3l3-3A4 4 0 0 0 13.1 5.600l-1.200 1.200", "M14 10a4 4 0 0 0-5.800-.300l-3 3a4 4 0 0 0 5.700 5.700l1.200-1.200"],
  help: ["M9 9.200a3 3 0 1 1 4.600 2.500c-1 .700-1.600 1.300-1.600 2.500", "M12 17.600v.100"],
  close: ["M6 6l12 12M18 6 6 18"],
  copy: ["M9 9h11v11H9Z", "M5.500 15H4V4h11v1.500"],
  done: ["M5 12.500l4.500 4.500L19 7.500"],
  camera: ["M3.500 7.500h11v9h-11Z", "M14.500 10.800l6-3.300v9l-6-3.300"],
};

const SVG = "http://www.w3.org/2000/svg";

/**
 * An icon that screen readers pass over: the button around it has the name.
 * @param {keyof typeof PATHS} name
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "icon");
  for (const d of PATHS[name] ?? []) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}
