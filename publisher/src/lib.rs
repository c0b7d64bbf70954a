//! The camera side of Sightline.

#![allow(dead_code)]

mod picture;
mod source;
