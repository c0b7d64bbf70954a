"""vmlinux.py VMLINUZ OUTPUT: the kernel inside a bzImage, uncompressed."""

import gzip
import lzma
import struct
import sys

# Offsets: Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header".
SETUP_SECTORS = 0x1F1
PAYLOAD_OFFSET = 0x248

with open(sys.argv[1], "rb") as image:
    data = image.read()
offset, length = struct.unpack_from("<II", data, PAYLOAD_OFFSET)
offset += ((data[SETUP_SECTORS] or 4) + 1) * 512
payload = data[offset : offset + length]
if payload.startswith(b"\xfd7zXZ\0"):
    kernel = lzma.LZMADecompressor(format=lzma.FORMAT_XZ).decompress(payload)
elif payload.startswith(b"\x1f\x8b"):
    kernel = gzip.decompress(payload[:-4])
else:
    sys.exit(f"error: the kernel is packed in an unknown way: {payload[:6].hex()}")
with open(sys.argv[2], "wb") as output:
    output.write(kernel)
