/**
 * Wheel, pinch, drag and double click over a picture.
 */
import { WHOLE, panBy, zoomAt } from "./zoom.js";

/** Enlargement for each pixel that a wheel turns; a notch of a usual wheel is about 100. */
const PER_WHEEL_PIXEL = 1.002;
/** A pointer that moves less has clicked. */
const CLICK_PX = 6;

/**
 * @param {HTMLElement} element
 * @param {(zoom: import("./zoom.js").Zoom) => void} zoomed
 * @param {(event: PointerEvent) => void} clicked without dragging
 */
export function gestures(element, zoomed, clicked) {
  let zoom = WHOLE;
  /** Where each pressed pointer is. @type {Map<number, {x: number, y: number}>} */
  const pointers = new Map();
  let moved = 0;

  const box = () => ({ width: element.clientWidth, height: element.clientHeight });
  /** @param {{clientX: number, clientY: number}} event */
  const at = (event) => {
    const { left, top } = element.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  };
  /** @param {import("./zoom.js").Zoom} next */
  const set = (next) => {
    zoom = next;
    element.classList.toggle("zoomed", zoom.scale > 1);
    zoomed(zoom);
  };

  element.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const pixels = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY * 33 : event.deltaY;
      // A pinch on a touch pad comes as a wheel with Ctrl, in small steps.
      set(zoomAt(zoom, PER_WHEEL_PIXEL ** (-pixels * (event.ctrlKey ? 5 : 1)), at(event), box()));
    },
    { passive: false },
  );
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    if (pointers.size === 0) moved = 0;
    pointers.set(event.pointerId, at(event));
    element.setPointerCapture(event.pointerId);
  });
  element.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const now = at(event);
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
    moved += Math.hypot(now.x - before.x, now.y - before.y);
    if (other) {
      const factor = distance(now, other) / Math.max(1, distance(before, other));
      const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
      zoom = zoomAt(zoom, factor, middle, box());
      set(panBy(zoom, (now.x - before.x) / 2, (now.y - before.y) / 2, box()));
    } else if (zoom.scale > 1) set(panBy(zoom, now.x - before.x, now.y - before.y, box()));
    pointers.set(event.pointerId, now);
  });
  /** @param {PointerEvent} event */
  const up = (event) => {
    if (!pointers.delete(event.pointerId)) return;
    if (event.type === "pointerup" && pointers.size === 0 && moved < CLICK_PX) clicked(event);
  };
  element.addEventListener("pointerup", up);
  element.addEventListener("pointercancel", up);
  element.addEventListener("dblclick", () => set(WHOLE));
  // The box has another size: what was seen would be elsewhere.
  new ResizeObserver(() => set(panBy(zoom, 0, 0, box()))).observe(element);

  return {
    /** @param {number} factor in the middle */
    by: (factor) => set(zoomAt(zoom, factor, { x: box().width / 2, y: box().height / 2 }, box())),
    reset: () => set(WHOLE),
  };
}

/**
 * @param {import("./zoom.js").Point} a
 * @param {import("./zoom.js").Point} b
 */
const distance = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);
