/**
 * Writes a picture of a camera to disk every few seconds, until it is stopped.
 *
 *     npm install sightline ws
 *     node snapshots.js http://127.0.0.1:8080 farm/gate pictures 10
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openRelay } from "sightline/node.js";

const [address, camera, folder = ".", seconds = "10"] = process.argv.slice(2);
if (!address || !camera) {
  console.error("usage: node snapshots.js RELAY SITE/CAMERA [FOLDER] [SECONDS]");
  process.exit(2);
}
await mkdir(folder, { recursive: true });
const relay = await openRelay(address);
for await (const { data, captureTimeUs, stale } of relay.frames(camera, { maxFps: 1 / Number(seconds) })) {
  if (stale) continue;
  const time = new Date(captureTimeUs / 1000).toISOString().replaceAll(":", "-");
  const file = join(folder, `${camera.replace("/", "-")}-${time}.jpg`);
  await writeFile(file, data);
  console.log(file);
}
