/** Numbers, times and names as people read them. Pure. */

/**
 * "4 s", "3 min", "2 h", "5 days": rounded down.
 * @param {number} ms
 */
export function duration(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} days`;
}

/**
 * "14:03" today, "12 Nov, 14:03" on other days, with the year in other years; local time.
 * @param {number} atMs since 1970
 * @param {number} nowMs since 1970
 * @param {string} [locale] the reader's by default
 */
export function clockTime(atMs, nowMs, locale) {
  const at = new Date(atMs);
  const now = new Date(nowMs);
  /** @type {Intl.DateTimeFormatOptions} */
  const options = { hour: "numeric", minute: "2-digit" };
  if (at.toDateString() !== now.toDateString()) Object.assign(options, { day: "numeric", month: "short" });
  if (at.getFullYear() !== now.getFullYear()) options.year = "numeric";
  return at.toLocaleString(locale, options);
}

/** @param {number} perSecond bits */
export function bitrate(perSecond) {
  if (perSecond >= 10e6) return `${Math.round(perSecond / 1e6)} Mbit/s`;
  if (perSecond >= 1e6) return `${(perSecond / 1e6).toFixed(1)} Mbit/s`;
  return `${Math.round(perSecond / 1e3)} kbit/s`;
}

/** @param {number} fps */
export function rate(fps) {
  return `${fps >= 10 || Number.isInteger(fps) ? Math.round(fps) : fps.toFixed(1)} fps`;
}

/** @param {number} ms */
export function latency(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : duration(ms);
}

/**
 * The name of a codec.
 * @param {string} codec
 */
export function codecName(codec) {
  /** @type {Record<string, string>} */
  const names = { jpeg: "JPEG", h264: "H.264", h265: "H.265", aac: "AAC" };
  return names[codec] ?? codec;
}

/**
 * What a camera is called for people: its title, else its name within the site.
 * @param {{camera: string, title?: string} | undefined} info
 * @param {string} name "site/camera"
 */
export function cameraTitle(info, name) {
  return info?.title || name.slice(name.indexOf("/") + 1) || name;
}
