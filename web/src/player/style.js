/** How a player looks. Adopted rather than written into the page, so that strict policies allow it. */

export const CSS = `
:host {
  aspect-ratio: 16 / 9;
  display: block;
  position: relative;
  overflow: hidden;
  container-type: inline-size;
  background: var(--sightline-ground, #15171b);
  color: #f4f5f7;
  font: 500 13px/1.35 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
  font-variant-numeric: tabular-nums;
}
:host([hidden]) { display: none; }
:host(:fullscreen) { aspect-ratio: auto; width: 100%; height: 100%; background: #000; border-radius: 0; }
.frame, .picture, .picture > * { position: absolute; inset: 0; width: 100%; height: 100%; }
.picture { transform-origin: 0 0; }
.stack > * { position: absolute; inset: 0; width: 100%; height: 100%; }
canvas, img, video { display: block; object-fit: var(--fit, contain); transition: filter 140ms linear; }
[hidden] { display: none !important; }

.empty .picture { visibility: hidden; }
.stalled .picture, .unverified .picture { filter: grayscale(1) brightness(.8); }
.offline .picture, .failed .picture, .unreachable .picture, .missing .picture, .forbidden .picture,
.undecodable .picture { filter: grayscale(.7) brightness(.42); }
.connecting .picture { filter: brightness(.72); }

.shimmer { position: absolute; inset: 0; pointer-events: none; opacity: 0; }
.connecting .shimmer {
  opacity: 1;
  background: linear-gradient(100deg, transparent 30%, rgba(255,255,255,.09) 50%, transparent 70%) 0 0 / 220% 100%;
  animation: shimmer 1.6s linear infinite;
}
@keyframes shimmer { from { background-position: 160% 0; } to { background-position: -60% 0; } }

.mark {
  position: absolute;
  right: var(--sightline-mark-right, 8px);
  bottom: var(--sightline-mark-bottom, 8px);
  max-width: calc(100% - 16px - var(--sightline-mark-left, 0px));
  box-sizing: border-box;
  display: flex;
  align-items: center;
  gap: 7px;
  padding: 4px 10px 4px 9px;
  border-radius: 13px;
  background: rgba(12,13,16,.86);
  pointer-events: none;
}
.mark .words { overflow: hidden; text-wrap: balance; display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; }
.mark .dot { flex: none; width: 8px; height: 8px; border-radius: 50%; background: #b6bbc4; }
.warning .mark .dot { background: #ffb938; }
.error .mark .dot { background: #ff6a5e; }
.live .mark { display: none; }
.connecting .mark { animation: appear 1ms 300ms both; }
@keyframes appear { from { visibility: hidden; } to { visibility: visible; } }

.empty .mark {
  inset: 0;
  max-width: none;
  flex-direction: column;
  justify-content: center;
  gap: 10px;
  padding: 12px 16px calc(12px + var(--sightline-mark-bottom, 8px));
  background: none;
  text-align: center;
  color: var(--sightline-quiet, #b3b8c1);
}
.empty .mark .words { -webkit-line-clamp: 3; }
.empty .mark .dot { width: 10px; height: 10px; }

.controls {
  position: absolute;
  inset: auto 0 0 0;
  display: flex;
  align-items: center;
  gap: 4px;
  padding: 24px 8px 6px 12px;
  background: linear-gradient(transparent, rgba(0,0,0,.72));
  opacity: 0;
  transition: opacity 120ms linear;
}
:host(:hover) .controls, .controls:focus-within, .touched .controls { opacity: 1; }
.with-controls .mark { --sightline-mark-bottom: 48px; }
.controls .title { flex: 1; min-width: 0; overflow: hidden; white-space: nowrap; text-overflow: ellipsis; font-weight: 600; }
button {
  all: unset;
  box-sizing: border-box;
  display: grid;
  place-items: center;
  width: 36px;
  height: 36px;
  border-radius: 8px;
  cursor: pointer;
}
button:hover { background: rgba(255,255,255,.16); }
button:focus-visible { outline: 2px solid #8ab8ff; outline-offset: -2px; }
.icon { width: 20px; height: 20px; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; }

.spoken { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

@container (min-width: 900px) {
  .mark { font-size: 15px; padding: 6px 14px 6px 11px; border-radius: 16px; }
  .empty .mark { font-size: 17px; }
}
@container (max-width: 220px) {
  .mark { font-size: 12px; padding: 2px 8px 2px 7px; gap: 6px; }
}
@container (max-width: 130px) {
  .empty .mark { padding: 6px 4px calc(2px + var(--sightline-mark-bottom, 8px)); font-size: 11px; }
  .empty .mark .dot { display: none; }
}
@media (prefers-reduced-motion: reduce) {
  canvas, img, video, .controls { transition: none; }
  .connecting .shimmer { animation: none; background: rgba(255,255,255,.05); }
}
@media (forced-colors: active) {
  .mark { border: 1px solid; }
}
`;

/** @type {CSSStyleSheet | undefined} */
let shared;

/** One sheet for all players. */
export function sheet() {
  if (!shared) {
    shared = new CSSStyleSheet();
    shared.replaceSync(CSS);
  }
  return shared;
}
