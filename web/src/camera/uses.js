/** Every way to use a camera elsewhere, with what to paste there. Pure. */

/**
 * @typedef {{title: string, how: string, texts: {label: string, text: string}[]}} Use `label` may be empty
 */

/**
 * @param {string} origin of the relay, such as "http://relay:8080"
 * @param {string} camera "site/camera"
 * @returns {Use[]}
 */
export function uses(origin, camera) {
  const api = `${origin}/api/cameras/${camera}`;
  const stream = `${api}/stream.mjpeg`;
  const snapshot = `${api}/snapshot.jpg`;
  const mp4 = `${api}/stream.mp4`;
  const file = camera.replace("/", "-");
  return [
    { title: "This page", how: "Opens the camera in any browser. With ?kiosk it is nothing but picture.", texts: [one(`${origin}/watch/${camera}`)] },
    {
      title: "Live stream",
      how: "H.264 with sound, or JPEG for what plays no video. ?duration=60 ends the first after a minute, ?fps=5 gives fewer pictures of the second.",
      texts: [
        { label: "MP4", text: mp4 },
        { label: "Multipart JPEG", text: stream },
      ],
    },
    { title: "Snapshot", how: "The newest picture, as JPEG.", texts: [one(snapshot)] },
    {
      title: "Your own page",
      how: "The player of this page, once the relay allows your page (http.allowed_origins), or a plain video or image.",
      texts: [
        one(
          `<script type="module" src="${origin}/static/src/player.js"></script>\n` +
            `<sightline-player camera="${camera}" controls></sightline-player>`,
        ),
        one(`<video src="${mp4}" autoplay muted playsinline></video>`),
        one(`<img src="${stream}?advance_headers=1" alt="">`),
      ],
    },
    { title: "VLC", how: "Media, Open Network Stream, or from a shell:", texts: [one(`vlc ${mp4}`)] },
    {
      title: "ffmpeg",
      how: "Records a minute as it comes, without loss.",
      texts: [one(`ffmpeg -i ${mp4} -t 60 -c copy ${file}.mp4`)],
    },
    { title: "OpenCV", how: "In Python, with cv2:", texts: [one(`cv2.VideoCapture("${mp4}")`), one(`cv2.VideoCapture("${stream}")`)] },
    {
      title: "Home Assistant",
      how: "Settings, Devices & services, Add integration, MJPEG IP Camera:",
      texts: [
        { label: "MJPEG URL", text: stream },
        { label: "Still image URL", text: snapshot },
      ],
    },
    {
      title: "OctoPrint",
      how: "Settings, Webcam & Timelapse, Classic Webcam:",
      texts: [
        { label: "Stream URL", text: stream },
        { label: "Snapshot URL", text: snapshot },
      ],
    },
    {
      title: "Clients of mjpg-streamer",
      how: "For software that expects its addresses.",
      texts: [one(`${origin}/?action=stream&src=${camera}`), one(`${origin}/?action=snapshot&src=${camera}`)],
    },
  ];
}

/** @param {string} text */
const one = (text) => ({ label: "", text });

/**
 * Whether addresses of this host mean something only on the same machine.
 * @param {string} hostname
 */
export function isThisMachine(hostname) {
  return hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.");
}
