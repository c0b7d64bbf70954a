/** Decodes JPEG for `decoder.js`. */

/** @param {MessageEvent<{id: number, jpeg: Uint8Array<ArrayBuffer>}>} event */
self.onmessage = async ({ data: { id, jpeg } }) => {
  try {
    const bitmap = await createImageBitmap(new Blob([jpeg], { type: "image/jpeg" }));
    self.postMessage({ id, bitmap }, { transfer: [bitmap] });
  } catch {
    self.postMessage({ id, bitmap: null });
  }
};

self.postMessage("ready");
