//! A reader of bits that keeps what hostile streams hold within reach of plain arithmetic.

use h264_reader::rbsp::{BitRead, BitReader, BitReaderError, ByteReader, Integer, Primitive};

/// Larger than any number that a sane stream holds, and small enough that a sum of a few such numbers
/// does not overflow: the parser adds them up before it checks them.
const LARGEST_SIGNED: i32 = 1 << 28;

/// The bits of a NAL unit behind its header, without emulation prevention bytes.
pub(crate) struct Bits<'a>(BitReader<ByteReader<&'a [u8]>>);

impl<'a> Bits<'a> {
    pub(crate) fn of_nal(nal: &'a [u8]) -> Self {
        Self(BitReader::new(ByteReader::skipping_h264_header(nal)))
    }
}

impl BitRead for Bits<'_> {
    fn read_ue(&mut self, name: &'static str) -> Result<u32, BitReaderError> {
        self.0.read_ue(name)
    }

    fn read_se(&mut self, name: &'static str) -> Result<i32, BitReaderError> {
        let value = self.0.read_se(name)?;
        if value.unsigned_abs() > LARGEST_SIGNED.unsigned_abs() {
            return Err(BitReaderError::ExpGolombTooLarge(name));
        }
        Ok(value)
    }

    fn read_bit(&mut self, name: &'static str) -> Result<bool, BitReaderError> {
        self.0.read_bit(name)
    }

    fn read<const BITS: u32, I: Integer>(
        &mut self,
        name: &'static str,
    ) -> Result<I, BitReaderError> {
        self.0.read::<BITS, I>(name)
    }

    fn read_var<I: Integer>(
        &mut self,
        bit_count: u32,
        name: &'static str,
    ) -> Result<I, BitReaderError> {
        self.0.read_var(bit_count, name)
    }

    fn read_to<V: Primitive>(&mut self, name: &'static str) -> Result<V, BitReaderError> {
        self.0.read_to(name)
    }

    fn skip(&mut self, bit_count: u32, name: &'static str) -> Result<(), BitReaderError> {
        self.0.skip(bit_count, name)
    }

    fn byte_aligned(&self) -> bool {
        self.0.byte_aligned()
    }

    fn has_more_rbsp_data(&mut self, name: &'static str) -> Result<bool, BitReaderError> {
        self.0.has_more_rbsp_data(name)
    }

    fn finish_rbsp(self) -> Result<(), BitReaderError> {
        self.0.finish_rbsp()
    }

    fn finish_sei_payload(self) -> Result<(), BitReaderError> {
        self.0.finish_sei_payload()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_would_overflow_is_refused() {
        // 31 zeros, a one, 31 bits: the largest code.
        let mut nal = vec![0x65, 0, 0, 3, 0, 1];
        nal.extend([0xFF; 8]);
        assert!(matches!(
            Bits::of_nal(&nal).read_se("x"),
            Err(BitReaderError::ExpGolombTooLarge("x"))
        ));
        assert_eq!(Bits::of_nal(&[0x65, 0b0110_0000]).read_se("x").unwrap(), -1);
    }
}
