//! The formats that are compiled in, each with its codec.

use crate::{Error, Picture};

#[cfg(feature = "avif")]
mod avif;
#[cfg(feature = "jpeg")]
mod jpeg;
#[cfg(feature = "jxl")]
mod jxl;
#[cfg(feature = "png")]
mod png;
#[cfg(feature = "webp")]
mod webp;

/// From 1, as small as can be, to 100, as good as can be. PNG keeps every pixel at any of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quality(u8);

impl Quality {
    pub const DEFAULT: Self = Self(80);

    pub fn new(value: u8) -> Option<Self> {
        (1..=100).contains(&value).then_some(Self(value))
    }

    #[cfg(any(feature = "webp", feature = "avif", feature = "jxl", feature = "jpeg"))]
    fn to_f32(self) -> f32 {
        f32::from(self.0)
    }
}

/// A format and its codec.
pub struct Format {
    pub name: &'static str,
    /// Of file names, without the dot; the first is the usual one.
    pub extensions: &'static [&'static str],
    /// What reads and writes it.
    pub codec: &'static str,
    /// The least that a picture may lose at the default quality, in dB; `None`: nothing at all.
    pub floor_db: Option<f64>,
    pub(crate) recognise: fn(&[u8]) -> bool,
    pub(crate) encode: fn(&Picture, Quality) -> Result<Vec<u8>, Error>,
    pub(crate) decode: fn(&[u8]) -> Result<Picture, Error>,
}

/// All that are compiled in.
pub const FORMATS: &[Format] = &[
    #[cfg(feature = "webp")]
    webp::FORMAT,
    #[cfg(feature = "avif")]
    avif::FORMAT,
    #[cfg(feature = "jxl")]
    jxl::FORMAT,
    #[cfg(feature = "png")]
    png::FORMAT,
    #[cfg(feature = "jpeg")]
    jpeg::FORMAT,
];

impl Format {
    pub fn named(name: &str) -> Option<&'static Self> {
        FORMATS.iter().find(|format| format.name == name)
    }

    pub fn of_extension(extension: &str) -> Option<&'static Self> {
        let extension = extension.to_ascii_lowercase();
        FORMATS
            .iter()
            .find(|format| format.extensions.contains(&extension.as_str()))
    }

    pub fn encode(&self, picture: &Picture, quality: Quality) -> Result<Vec<u8>, Error> {
        (self.encode)(picture, quality)
    }

    /// Reads a picture that must be in this format.
    pub fn decode(&self, bytes: &[u8]) -> Result<Picture, Error> {
        if !(self.recognise)(bytes) {
            return Err(Error::codec(self.name, "the file begins otherwise"));
        }
        (self.decode)(bytes)
    }
}

/// Reads a picture in any format that is compiled in, which its first bytes tell.
pub fn decode(bytes: &[u8]) -> Result<Picture, Error> {
    let format = FORMATS
        .iter()
        .find(|format| (format.recognise)(bytes))
        .ok_or(Error::Unknown)?;
    (format.decode)(bytes)
}
