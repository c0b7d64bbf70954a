#!/usr/bin/python3
"""A network camera for tests: a real RTSP server with a picture whose frames are numbered.

Prints `port <number>` once it accepts connections, and runs until it is killed. The picture carries the frame number
in the strip along its bottom that the test card has.

    server.py --audio aac --digest me:secret --b-frames 2
"""

import argparse
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

WIDTH, HEIGHT = 320, 180
STRIP_ROWS = 12


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0, help="0 for a free one")
    parser.add_argument("--path", default="/live")
    parser.add_argument("--fps", type=int, default=25)
    parser.add_argument("--video", choices=["h264", "h265", "jpeg", "none"], default="h264")
    parser.add_argument("--audio", choices=["aac", "opus", "none"], default="none")
    parser.add_argument("--key-interval", type=int, default=25, help="frames")
    parser.add_argument("--b-frames", type=int, default=0)
    parser.add_argument("--digest", metavar="USER:PASSWORD")
    parser.add_argument("--basic", metavar="USER:PASSWORD")
    parser.add_argument("--frames", type=int, default=0, help="end after so many; 0 for never")
    return parser.parse_args()


def crc8(data):
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x07 if crc & 0x80 else crc << 1) & 0xFF
    return crc


def strip(number):
    """The rows of brightness that say the number: 48 cells, white for 1."""
    data = number.to_bytes(4, "big")
    cells = int.from_bytes(bytes([0b10110010]) + data + bytes([crc8(data)]), "big")
    row = bytearray()
    for x in range(WIDTH):
        cell = (2 * x + 1) * 48 // (2 * WIDTH)
        row.append(235 if cells >> (47 - cell) & 1 else 16)
    return bytes(row) * STRIP_ROWS


# Twice as wide as the picture, so that it can move.
BACKGROUND = bytes(40 + (x * 3) % 160 for x in range(WIDTH)) * 2
CHROMA = bytes([128]) * (WIDTH // 2 * (HEIGHT // 2) * 2)


def picture(number):
    """I420."""
    shift = number * 4 % WIDTH
    row = BACKGROUND[shift : shift + WIDTH]
    return row * (HEIGHT - STRIP_ROWS) + strip(number) + CHROMA


def pipeline(options):
    parts = []
    if options.video != "none":
        caps = f"video/x-raw,format=I420,width={WIDTH},height={HEIGHT},framerate={options.fps}/1"
        source = f"appsrc name=camera is-live=true format=time do-timestamp=false max-bytes=0 caps={caps} ! "
        encoders = {
            "h264": f"x264enc speed-preset=ultrafast bframes={options.b_frames} key-int-max={options.key_interval} "
            f"bitrate=500 {'tune=zerolatency' if options.b_frames == 0 else 'b-adapt=false rc-lookahead=0 sliced-threads=true sync-lookahead=0'} "
            f"! video/x-h264,profile={'high' if options.b_frames else 'constrained-baseline'} "
            "! rtph264pay name=pay0 pt=96 config-interval=-1",
            "h265": f"x265enc speed-preset=ultrafast tune=zerolatency key-int-max={options.key_interval} bitrate=500 "
            "! h265parse ! rtph265pay name=pay0 pt=96 config-interval=-1",
            "jpeg": "jpegenc quality=85 ! rtpjpegpay name=pay0 pt=26",
        }
        parts.append(source + encoders[options.video])
    sound = "audiotestsrc is-live=true wave=ticks ! audio/x-raw,rate=48000,channels=2 ! "
    pay = f"pay{len(parts)}"
    if options.audio == "aac":
        parts.append(sound + f"voaacenc bitrate=64000 ! aacparse ! rtpmp4gpay name={pay} pt=97")
    if options.audio == "opus":
        parts.append(sound + f"audioconvert ! opusenc ! rtpopuspay name={pay} pt=98")
    return "( " + " ".join(parts) + " )"


class Camera:
    """Feeds one pipeline, at the times of its clock."""

    def __init__(self, options, source):
        self.options, self.source, self.number = options, source, 0
        self.duration = Gst.SECOND // options.fps
        self.timer = None
        source.connect("need-data", self.start)

    def start(self, *_):
        if self.timer is None:
            self.timer = GLib.timeout_add(max(1, 500 // self.options.fps), self.push)

    def push(self):
        clock = self.source.get_clock()
        if clock is None:
            return True
        now = clock.get_time() - self.source.get_base_time()
        while self.number * self.duration <= now:
            if self.options.frames and self.number >= self.options.frames:
                self.source.emit("end-of-stream")
                return False
            # A machine that stood still does not catch up: it leaves frames out.
            if now - self.number * self.duration > Gst.SECOND:
                self.number = now // self.duration
            buffer = Gst.Buffer.new_wrapped(picture(self.number))
            buffer.pts = self.number * self.duration
            buffer.dts = Gst.CLOCK_TIME_NONE
            buffer.duration = self.duration
            if self.source.emit("push-buffer", buffer) != Gst.FlowReturn.OK:
                return False
            self.number += 1
        return True


def protect(server, factory, options):
    if not (options.digest or options.basic):
        return
    user, password = (options.digest or options.basic).split(":", 1)
    auth = GstRtspServer.RTSPAuth.new()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", user)
    # Digest is 2 in GstRTSPAuthMethod, basic is 1.
    if options.digest:
        auth.set_supported_methods(2)
        auth.add_digest(user, password, token)
    else:
        auth.set_supported_methods(1)
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role(user, "media.factory.access", True)
    permissions.add_permission_for_role(user, "media.factory.construct", True)
    factory.set_permissions(permissions)


def main():
    options = parse()
    Gst.init(None)
    server = GstRtspServer.RTSPServer.new()
    server.set_address("127.0.0.1")
    server.set_service(str(options.port))
    factory = GstRtspServer.RTSPMediaFactory.new()
    factory.set_launch(pipeline(options))
    factory.set_shared(True)
    cameras = []

    def configure(_, media):
        source = media.get_element().get_by_name("camera")
        if source is not None:
            cameras[:] = [Camera(options, source)]

    factory.connect("media-configure", configure)
    server.get_mount_points().add_factory(options.path, factory)
    protect(server, factory, options)
    if server.attach(None) == 0:
        sys.exit("cannot listen")
    print(f"port {server.get_bound_port()}", flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
