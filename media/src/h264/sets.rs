//! The parameter sets that a stream has sent so far.

use std::collections::BTreeMap;

use bytes::Bytes;
use h264_reader::{
    Context,
    nal::{
        pps::PicParameterSet,
        sps::{SeqParamSetId, SeqParameterSet},
    },
};

use super::{Error, Parameters, bits::Bits, params};

/// The longest SPS or PPS that is kept. Real ones have 10 to 100 bytes, with scaling lists some hundred; a
/// longer one is refused. With 32 SPSs and 256 PPSs at most, so is the memory.
const MAX_SET_BYTES: usize = 4 << 10;

/// The level that allows most: 6.2.
const HIGHEST_LEVEL: u8 = 62;

/// Where a NAL unit that is an SPS holds its level.
const LEVEL_AT: usize = 3;

#[derive(Debug, Default)]
pub(crate) struct ParameterSets {
    context: Context,
    sps: BTreeMap<u8, Bytes>,
    pps: BTreeMap<u8, Pps>,
}

#[derive(Debug)]
struct Pps {
    sps_id: u8,
    nal: Bytes,
}

impl ParameterSets {
    /// Takes an SPS, and says whether it is new. If it differs from the one with the same number, the PPSs
    /// that referred to that are forgotten: they need not fit.
    pub(crate) fn put_sps(&mut self, nal: &[u8]) -> Result<bool, Error> {
        if nal.len() > MAX_SET_BYTES {
            return Err(Error::Sps(format!("it has {} bytes", nal.len())));
        }
        if self.sps.values().any(|known| known == nal) {
            return Ok(false);
        }
        let parsed = parse_sps(nal)?;
        params::size(&parsed)?;
        let id = parsed.id().id();
        self.pps.retain(|_, pps| pps.sps_id != id);
        self.sps.insert(id, Bytes::copy_from_slice(nal));
        self.context.put_seq_param_set(parsed);
        Ok(true)
    }

    /// Takes a PPS, and says whether it is new. Its SPS must have come before.
    pub(crate) fn put_pps(&mut self, nal: &[u8]) -> Result<bool, Error> {
        if nal.len() > MAX_SET_BYTES {
            return Err(Error::Pps(format!("it has {} bytes", nal.len())));
        }
        if self.pps.values().any(|known| known.nal == nal) {
            return Ok(false);
        }
        let parsed = PicParameterSet::from_bits(&self.context, Bits::of_nal(nal))
            .map_err(|error| Error::Pps(format!("{error:?}")))?;
        let pps = Pps {
            sps_id: parsed.seq_parameter_set_id.id(),
            nal: Bytes::copy_from_slice(nal),
        };
        self.pps.insert(parsed.pic_parameter_set_id.id(), pps);
        self.context.put_pic_param_set(parsed);
        Ok(true)
    }

    /// What slice headers are read with.
    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    /// Whether this PPS is known, and has not been overtaken by a new SPS.
    pub(crate) fn has_pps(&self, pps_id: u8) -> bool {
        self.pps.contains_key(&pps_id)
    }

    /// The SPS that this PPS refers to, with all PPSs that refer to it.
    pub(crate) fn parameters(&self, pps_id: u8) -> Result<Parameters, Error> {
        let pps = self.pps.get(&pps_id).ok_or(Error::Missing("PPS"))?;
        self.of_sps(pps.sps_id)
    }

    /// The SPS with the lowest number, with its PPSs.
    pub(crate) fn first(&self) -> Result<Parameters, Error> {
        let (&id, _) = self.sps.first_key_value().ok_or(Error::Missing("SPS"))?;
        self.of_sps(id)
    }

    fn of_sps(&self, id: u8) -> Result<Parameters, Error> {
        let nal = self.sps.get(&id).ok_or(Error::Missing("SPS"))?;
        let parsed = self.sps(id).ok_or(Error::Missing("SPS"))?;
        let pps: Vec<_> = self
            .pps
            .values()
            .filter(|pps| pps.sps_id == id)
            .map(|pps| pps.nal.clone())
            .collect();
        if pps.is_empty() {
            return Err(Error::Missing("PPS"));
        }
        Parameters::of_sets(nal.clone(), pps, parsed)
    }

    /// What this SPS says.
    pub(crate) fn sps(&self, id: u8) -> Option<&SeqParameterSet> {
        self.context
            .sps_by_id(SeqParamSetId::from_u32(id.into()).ok()?)
    }
}

/// Reads an SPS. Cameras that exceed the level they name are common and every decoder takes them, so what
/// does not fit its level is read again as if it had the highest one.
fn parse_sps(nal: &[u8]) -> Result<SeqParameterSet, Error> {
    let strict = match SeqParameterSet::from_bits(Bits::of_nal(nal)) {
        Ok(parsed) => return Ok(parsed),
        Err(error) => Error::Sps(format!("{error:?}")),
    };
    let mut lenient = nal.to_vec();
    let Some(level) = lenient.get_mut(LEVEL_AT) else {
        return Err(strict);
    };
    let said = std::mem::replace(level, HIGHEST_LEVEL);
    let mut parsed = SeqParameterSet::from_bits(Bits::of_nal(&lenient)).map_err(|_| strict)?;
    parsed.level_idc = said;
    Ok(parsed)
}
