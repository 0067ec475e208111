//! The fast path of Otoscope: frames in, observations out.
//!
//! ```text
//! source ─► decode ─► flow ─► stream ─► protocols ─► sink ─► tracker ─► observations
//! ```

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::too_many_lines, reason = "a panic in a test is a failed test"))]

pub mod activity;
pub mod changes;
pub mod context;
pub mod decode;
pub mod delivery;
pub mod engine;
pub mod error;
pub mod facts;
pub mod flow;
pub mod fragments;
#[cfg(target_os = "linux")]
pub mod live;
pub mod mirror;
pub mod observations;
pub mod pick;
pub mod protocols;
#[cfg(feature = "python")]
mod python;
pub mod reader;
pub mod recent;
pub mod scan;
pub mod sink;
pub mod source;
pub mod stack;
pub mod stream;
pub mod table;
pub mod tables;
pub mod text;
pub mod timing;
pub mod tunnel;
pub mod union;

#[cfg(test)]
mod testing;
