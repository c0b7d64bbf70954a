/** A page for a screen on a wall: no cursor, and the screen stays awake where the browser allows. */

/** Starts; returns how to end it. */
export function startKiosk() {
  document.documentElement.classList.add("kiosk");
  /** @type {WakeLockSentinel | null} */
  let lock = null;
  let ended = false;
  const hold = async () => {
    if (document.hidden || !("wakeLock" in navigator)) return;
    try {
      lock = await navigator.wakeLock.request("screen");
      if (ended) await lock.release();
    } catch {
      // Refused, for a low battery for example: it is asked for again when the page is shown.
    }
  };
  void hold();
  document.addEventListener("visibilitychange", hold);
  return () => {
    ended = true;
    document.documentElement.classList.remove("kiosk");
    document.removeEventListener("visibilitychange", hold);
    void lock?.release();
  };
}
