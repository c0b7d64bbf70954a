// What wfs.js does on the wire, for a machine without the original: it names its channel, and takes access units. Where wfs.js makes
// MP4 of them, this one decodes them as they are: each must stand for itself, parameter sets included.
class Wfs {
  /** @param {HTMLVideoElement} video @param {string} channel */
  attachMedia(video, channel) {
    const canvas = document.createElement('canvas');
    video.srcObject = canvas.captureStream();
    video.muted = true;
    video.play();
    const decoder = new VideoDecoder({
      output: (frame) => {
        [canvas.width, canvas.height] = [frame.displayWidth, frame.displayHeight];
        canvas.getContext('2d').drawImage(frame, 0, 0);
        frame.close();
      },
      error: (error) => console.error(error),
    });
    const socket = new WebSocket(`ws://${location.host}/play2`);
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => socket.send(JSON.stringify({ t: 'open', c: channel, v: 'NA' }));
    let timestamp = 0;
    socket.onmessage = ({ data }) => {
      const bytes = new Uint8Array(data);
      const sps = Wfs.find(bytes, 7);
      if (decoder.state === 'unconfigured') {
        const codec = [1, 2, 3].map((n) => bytes[sps + n].toString(16).padStart(2, '0')).join('');
        decoder.configure({ codec: `avc1.${codec}`, optimizeForLatency: true });
      }
      decoder.decode(new EncodedVideoChunk({ type: sps < 0 ? 'delta' : 'key', timestamp: (timestamp += 33_333), data }));
    };
  }

  /** Where a NAL unit of this type is. @param {Uint8Array} bytes @param {number} type */
  static find(bytes, type) {
    // Its player knows start codes of four bytes alone.
    for (let at = 4; at < bytes.length; at += 1) {
      const isStart = bytes[at - 4] === 0 && bytes[at - 3] === 0 && bytes[at - 2] === 0 && bytes[at - 1] === 1;
      if (isStart && (bytes[at] & 31) === type) return at;
    }
    return -1;
  }
}
window.Wfs = Wfs;
