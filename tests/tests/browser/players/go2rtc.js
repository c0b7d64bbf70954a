// What go2rtc's player does on the wire and with the browser, for a machine without the original: it names the codecs that the
// browser plays, appends each binary message to one SourceBuffer, and while that is busy keeps what comes in a buffer of fixed size.
export class VideoRTC extends HTMLElement {
  /** @param {string} url */
  set src(url) {
    this.video = document.createElement('video');
    this.append(this.video);
    this.modes = [];
    this.socket = new WebSocket(url.replace(/^http/, 'ws'));
    this.socket.binaryType = 'arraybuffer';
    this.socket.onopen = () => this.#open();
    this.socket.onmessage = ({ data }) => (typeof data === 'string' ? this.#hear(JSON.parse(data)) : this.take(data));
  }

  /** @param {object} message */
  #say(message) {
    this.socket.send(JSON.stringify(message));
  }

  #open() {
    const source = new MediaSource();
    const codecs = ['avc1.640029', 'avc1.64002A', 'avc1.640033', 'hvc1.1.6.L153.B0', 'mp4a.40.2', 'mp4a.40.5', 'flac', 'opus'];
    const played = codecs.filter((codec) => MediaSource.isTypeSupported(`video/mp4; codecs="${codec}"`));
    source.onsourceopen = () => this.#say({ type: 'mse', value: played.join() });
    this.source = source;
    this.video.src = URL.createObjectURL(source);
    this.video.play().catch(() => {
      this.video.muted = true;
      return this.video.play();
    });
    // Its offer for WebRTC, on which it does not depend.
    this.#say({ type: 'webrtc/offer', value: 'v=0' });
  }

  /** @param {{type: string, value: string}} message */
  #hear({ type, value }) {
    this.modes.push(type);
    if (type === 'mse') {
      this.#play(value);
    } else if (type === 'error' && value.startsWith('mse')) {
      this.take = (data) => (this.video.poster = URL.createObjectURL(new Blob([data], { type: 'image/jpeg' })));
      this.#say({ type: 'mjpeg' });
    }
  }

  /** Keeps five seconds, and plays the faster the farther it is behind. @param {SourceBuffer} buffer @param {number} end */
  #steer(buffer, end) {
    const start = end - 5;
    if (start > buffer.buffered.start(0)) buffer.remove(buffer.buffered.start(0), start);
    if (this.video.currentTime < start) this.video.currentTime = start;
    this.video.playbackRate = Math.max(end - this.video.currentTime, 0.1);
  }

  /** @param {string} mime */
  #play(mime) {
    const buffer = this.source.addSourceBuffer(mime);
    buffer.mode = 'segments';
    const waiting = new Uint8Array(2 << 20);
    let length = 0;
    this.take = (data) => {
      if (buffer.updating || length > 0) {
        waiting.set(new Uint8Array(data), length);
        length += data.byteLength;
      } else {
        buffer.appendBuffer(data);
      }
    };
    buffer.onupdateend = () => {
      if (buffer.updating) return;
      if (length > 0) {
        buffer.appendBuffer(waiting.slice(0, length));
        length = 0;
      } else if (buffer.buffered.length > 0) {
        this.#steer(buffer, buffer.buffered.end(buffer.buffered.length - 1));
      }
    };
  }
}
