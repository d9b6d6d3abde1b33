//! What can go wrong with a picture.

use std::fmt;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The bytes begin like no format that is compiled in.
    Unknown,
    /// A codec refused to read or write, and why.
    Codec { format: &'static str, why: String },
    /// Some pixels let the background through, which not every format can keep.
    Transparent,
    /// The pixels are not as many as width and height say, or none.
    Size {
        width: u32,
        height: u32,
        bytes: usize,
    },
}

impl Error {
    pub(crate) fn codec(format: &'static str, why: impl fmt::Display) -> Self {
        Self::Codec {
            format,
            why: why.to_string(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("not a picture in any format that is compiled in"),
            Self::Codec { format, why } => write!(f, "{format}: {why}"),
            Self::Transparent => f.write_str("has transparent pixels, which would be lost"),
            Self::Size {
                width,
                height,
                bytes,
            } => {
                write!(f, "{bytes} bytes of pixels for {width} x {height}")
            }
        }
    }
}

impl std::error::Error for Error {}
