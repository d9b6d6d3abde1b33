//! Pictures in memory, and the formats that they are read from and written to.
//!
//! Each format is a feature of this crate, and its codec is linked in statically.

mod codecs;
mod error;
mod picture;
mod verify;

pub use codecs::{FORMATS, Format, Quality, decode};
pub use error::Error;
pub use picture::Picture;
pub use verify::{Finding, verify};
