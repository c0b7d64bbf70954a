//! The wire protocol between the kernel's virtual host controller (`vhci-hcd`) and a device.
//!
//! Source: the kernel's Documentation/usb/usbip_protocol.rst. All numbers are big-endian; a header has 48
//! bytes.

use std::{
    io::{self, Read, Write},
    os::unix::net::UnixStream,
};

const HEADER_BYTES: usize = 48;
const SUBMIT: u32 = 1;
const UNLINK: u32 = 2;
const SUBMITTED: u32 = 3;
const UNLINKED: u32 = 4;

/// The largest request the kernel may make here.
const MAX_BYTES: u32 = 1 << 20;

/// What the kernel wants of the device.
pub(super) enum Request {
    /// A transfer.
    Submit {
        sequence: u32,
        endpoint: u32,
        /// From the device to the host.
        input: bool,
        /// Room for input.
        len: u32,
        /// Of a control transfer.
        setup: [u8; 8],
        /// Output.
        data: Vec<u8>,
    },
    /// Forget a transfer that was submitted before.
    Unlink { sequence: u32, victim: u32 },
}

pub(super) fn read(stream: &mut UnixStream) -> io::Result<Request> {
    let mut header = [0; HEADER_BYTES];
    stream.read_exact(&mut header)?;
    let word = |index: usize| {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&header[index * 4..index * 4 + 4]);
        u32::from_be_bytes(bytes)
    };
    let sequence = word(1);
    match word(0) {
        SUBMIT => {
            let input = word(3) == 1;
            let len = word(6);
            if len > MAX_BYTES {
                return Err(io::Error::other(format!("a transfer of {len} bytes")));
            }
            let mut data = vec![0; if input { 0 } else { len as usize }];
            stream.read_exact(&mut data)?;
            let mut setup = [0; 8];
            setup.copy_from_slice(&header[40..]);
            Ok(Request::Submit {
                sequence,
                endpoint: word(4),
                input,
                len,
                setup,
                data,
            })
        }
        UNLINK => Ok(Request::Unlink {
            sequence,
            victim: word(5),
        }),
        other => Err(io::Error::other(format!("an unknown command {other}"))),
    }
}

/// Ends a transfer well. `len` counts output too.
pub(super) fn done(
    stream: &mut UnixStream,
    sequence: u32,
    len: u32,
    input: &[u8],
) -> io::Result<()> {
    answer(stream, [SUBMITTED, sequence, 0, 0, 0, 0, len], input)
}

/// Refuses a control transfer: the device does not know it.
pub(super) fn stall(stream: &mut UnixStream, sequence: u32) -> io::Result<()> {
    const EPIPE: i32 = 32;
    answer(
        stream,
        [SUBMITTED, sequence, 0, 0, 0, (-EPIPE).cast_unsigned(), 0],
        &[],
    )
}

/// Answers [`Request::Unlink`]: whether the transfer was still open.
pub(super) fn unlinked(stream: &mut UnixStream, sequence: u32, was_open: bool) -> io::Result<()> {
    const ECONNRESET: i32 = 104;
    let status = if was_open {
        (-ECONNRESET).cast_unsigned()
    } else {
        0
    };
    answer(stream, [UNLINKED, sequence, 0, 0, 0, status, 0], &[])
}

fn answer(stream: &mut UnixStream, words: [u32; 7], data: &[u8]) -> io::Result<()> {
    let mut message = Vec::with_capacity(HEADER_BYTES + data.len());
    message.extend(words.iter().flat_map(|word| word.to_be_bytes()));
    message.resize(HEADER_BYTES, 0);
    message.extend_from_slice(data);
    stream.write_all(&message)
}
