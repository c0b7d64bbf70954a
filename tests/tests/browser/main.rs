//! The page in a real Chromium, with a real fleet behind it.

mod balancer;
mod camera;
mod embed;
mod handover;
mod hidden;
mod journal;
mod outage;
mod players;
mod proxy;
mod scene;
mod site;
mod status;
mod video;
mod wall;
