//! The buffers that a driver and we share while a camera streams.
//!
//! The `v4l` crate's own stream hands out a buffer only in exchange for the one before, loses step with the
//! driver after a time-out, and panics when the driver refuses to stop; hence these.

#![allow(unsafe_code)]

use std::{
    io,
    ptr::{self, NonNull},
    slice,
    time::Duration,
};

use v4l::{
    Device,
    buffer::{Flags, Type},
    memory::Memory,
    v4l_sys::{v4l2_buffer, v4l2_requestbuffers},
    v4l2::{self, vidioc},
};

use super::ioctl::{Argument as _, call};

/// Buffers asked for. Each is empty only while we copy from another: with four, a pause of three frames
/// loses nothing. When all are full the driver drops what comes.
const BUFFERS: u32 = 4;

/// Streaming, from [`Buffers::start`] until it is dropped. After that the device is free for others.
pub(super) struct Buffers<'a> {
    device: &'a Device,
    maps: Vec<Map>,
}

/// What the driver says of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    pub(super) flags: Flags,
    /// On the clock that `flags` name.
    pub(super) time: Duration,
    /// Counts what the camera gave, frames that the driver dropped included.
    pub(super) sequence: u32,
}

impl<'a> Buffers<'a> {
    /// Allocates buffers, gives them all to the driver and starts it.
    pub(super) fn start(device: &'a Device) -> io::Result<Self> {
        let mut request = v4l2_requestbuffers {
            count: BUFFERS,
            ..requestbuffers()
        };
        // SAFETY: the type is that of the request.
        unsafe { call(device, vidioc::VIDIOC_REQBUFS, &mut request)? };
        let mut buffers = Self {
            device,
            maps: Vec::new(),
        };
        for index in 0..request.count {
            let mut buffer = buffer(index);
            // SAFETY: the type is that of the request.
            unsafe { call(device, vidioc::VIDIOC_QUERYBUF, &mut buffer)? };
            // SAFETY: the driver fills this variant for mapped buffers; any bits are a value of it.
            let offset = unsafe { buffer.m.offset };
            buffers.maps.push(Map::new(device, buffer.length, offset)?);
        }
        if buffers.maps.is_empty() {
            return Err(io::Error::other("the driver gives no buffers"));
        }
        for index in 0..request.count {
            buffers.queue(index)?;
        }
        // SAFETY: the request takes the buffer type as an integer.
        unsafe { call(device, vidioc::VIDIOC_STREAMON, &mut capture_type())? };
        Ok(buffers)
    }

    /// Waits until there is a frame or an error to [`Buffers::take`]; false after `limit`.
    pub(super) fn wait(&self, limit: Duration) -> io::Result<bool> {
        let limit_ms = i32::try_from(limit.as_millis()).unwrap_or(i32::MAX);
        match self.device.handle().poll(libc::POLLIN, limit_ms) {
            Ok(ready) => Ok(ready > 0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Shows the oldest frame to `see` and gives its buffer back to the driver. `None` if there is none
    /// yet. An error is for good: after most of them no frame will come again.
    pub(super) fn take<R>(&mut self, see: impl FnOnce(&[u8], Stamp) -> R) -> io::Result<Option<R>> {
        let mut buffer = buffer(0);
        // SAFETY: the type is that of the request.
        match unsafe { call(self.device, vidioc::VIDIOC_DQBUF, &mut buffer) } {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            done => done?,
        }
        let map = self
            .maps
            .get(usize::try_from(buffer.index).unwrap_or(usize::MAX))
            .ok_or_else(|| io::Error::other("the driver names a buffer that it does not have"))?;
        let stamp = Stamp {
            flags: buffer.flags.into(),
            time: Duration::from_secs(u64::try_from(buffer.timestamp.tv_sec).unwrap_or(0))
                + Duration::from_micros(u64::try_from(buffer.timestamp.tv_usec).unwrap_or(0)),
            sequence: buffer.sequence,
        };
        // The mapping is as long as the largest frame: what is past the used part is an older one.
        let used = usize::try_from(buffer.bytesused).unwrap_or(usize::MAX);
        let seen = see(map.bytes(used), stamp);
        self.queue(buffer.index)?;
        Ok(Some(seen))
    }

    fn queue(&self, index: u32) -> io::Result<()> {
        // SAFETY: the type is that of the request.
        unsafe { call(self.device, vidioc::VIDIOC_QBUF, &mut buffer(index)) }
    }
}

impl Drop for Buffers<'_> {
    /// Stops the driver and frees the buffers. Of a device that is gone each call fails; there is nothing
    /// left to do about it, and the mappings end all the same.
    fn drop(&mut self) {
        // SAFETY: the request takes the buffer type as an integer.
        let _ = unsafe { call(self.device, vidioc::VIDIOC_STREAMOFF, &mut capture_type()) };
        self.maps.clear();
        // SAFETY: the type is that of the request.
        let _ = unsafe { call(self.device, vidioc::VIDIOC_REQBUFS, &mut requestbuffers()) };
    }
}

fn buffer(index: u32) -> v4l2_buffer {
    let mut buffer = v4l2_buffer::zeroed();
    buffer.index = index;
    buffer.type_ = Type::VideoCapture as u32;
    buffer.memory = Memory::Mmap as u32;
    buffer
}

fn requestbuffers() -> v4l2_requestbuffers {
    let mut request = v4l2_requestbuffers::zeroed();
    request.type_ = Type::VideoCapture as u32;
    request.memory = Memory::Mmap as u32;
    request
}

fn capture_type() -> std::ffi::c_int {
    Type::VideoCapture as std::ffi::c_int
}

/// One buffer in our memory, until it is dropped.
struct Map {
    start: NonNull<u8>,
    len_bytes: usize,
}

impl Map {
    fn new(device: &Device, len_bytes: u32, offset: u32) -> io::Result<Self> {
        let len_bytes = usize::try_from(len_bytes).map_err(io::Error::other)?;
        // It has 32 bits on some machines.
        #[allow(clippy::unnecessary_fallible_conversions)]
        let offset = libc::off_t::try_from(offset).map_err(io::Error::other)?;
        // SAFETY: a new mapping at an address of the kernel's choice touches nothing of ours.
        let start = unsafe {
            v4l2::mmap(
                ptr::null_mut(),
                len_bytes,
                // Both, as the interface asks of every application; we only read.
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                device.handle().fd(),
                offset,
            )?
        };
        let start = NonNull::new(start.cast())
            .ok_or_else(|| io::Error::other("the kernel mapped a buffer at address 0"))?;
        Ok(Self { start, len_bytes })
    }

    /// The first `used` bytes, or all there are. To be read only while the driver does not own the buffer.
    fn bytes(&self, used: usize) -> &[u8] {
        // SAFETY: mapped for reading as long as `self`; the driver writes only into queued buffers.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), used.min(self.len_bytes)) }
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: mapped in `new` with this length; nobody can hold a reference any more.
        let _ = unsafe { v4l2::munmap(self.start.as_ptr().cast(), self.len_bytes) };
    }
}
