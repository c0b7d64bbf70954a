//! The camera side of Sightline: captures, encodes or passes through, publishes.

#![allow(dead_code)]

mod picture;
mod source;
