/** Moving pictures for the mock relay: drawn small, encoded once, shown in a loop. */
import jpeg from "jpeg-js";

export const PICTURES = 24;

/**
 * A loop of JPEG pictures: sky, hills, a sun that goes round.
 * @param {number} width
 * @param {number} height
 * @param {number} hue 0 to 1
 * @returns {Buffer[]}
 */
export function loop(width, height, hue) {
  return Array.from({ length: PICTURES }, (_, at) => {
    const data = Buffer.alloc(width * height * 4);
    const turn = (at / PICTURES) * 2 * Math.PI;
    const sun = { x: width * (0.5 + 0.3 * Math.cos(turn)), y: height * (0.36 + 0.16 * Math.sin(turn)), r: height * 0.07 };
    const tint = [0, 1, 2].map((i) => 0.5 + 0.5 * Math.cos(2 * Math.PI * (hue + i / 3)));
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const far = height * (0.62 + 0.07 * Math.sin(x / width * 7 + hue * 20));
        const near = height * (0.78 + 0.06 * Math.sin(x / width * 11 + 2 + hue * 9));
        const glow = Math.max(0, 1 - Math.hypot(x - sun.x, y - sun.y) / (height * 0.8));
        const light = Math.hypot(x - sun.x, y - sun.y) < sun.r ? 1.6 : y > near ? 0.2 : y > far ? 0.42 : 0.62 + 0.5 * glow - 0.25 * (y / height);
        const i = (y * width + x) * 4;
        for (let c = 0; c < 3; c++) data[i + c] = Math.min(255, 235 * light * (0.62 + 0.38 * tint[c]));
        data[i + 3] = 255;
      }
    }
    return Buffer.from(jpeg.encode({ data, width, height }, 80).data);
  });
}
