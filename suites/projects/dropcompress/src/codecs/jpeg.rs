//! JPEG, by mozjpeg.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use mozjpeg::{ColorSpace, Compress, Decompress};

use super::{Format, Quality};
use crate::{Error, Picture};

pub const FORMAT: Format = Format {
    name: "jpeg",
    extensions: &["jpg", "jpeg"],
    codec: "mozjpeg",
    floor_db: Some(30.0),
    recognise: |bytes| bytes.starts_with(b"\xff\xd8\xff"),
    encode,
    decode,
};

fn encode(picture: &Picture, quality: Quality) -> Result<Vec<u8>, Error> {
    guarded(|| {
        let mut compress = Compress::new(ColorSpace::JCS_RGB);
        compress.set_size(picture.width() as usize, picture.height() as usize);
        compress.set_quality(quality.to_f32());
        let mut compress = compress.start_compress(Vec::new())?;
        compress.write_scanlines(picture.rgb())?;
        compress.finish()
    })
}

fn decode(bytes: &[u8]) -> Result<Picture, Error> {
    let (width, height, pixels) = guarded(|| {
        let mut rows = Decompress::new_mem(bytes)?.rgb()?;
        let (width, height) = (rows.width(), rows.height());
        let pixels: Vec<u8> = rows.read_scanlines()?;
        rows.finish()?;
        Ok((width, height, pixels))
    })?;
    // A side has at most 65535 pixels, by the format.
    Picture::from_rgb(width as u32, height as u32, pixels)
}

/// mozjpeg reports what it can't go on with by unwinding.
fn guarded<T>(work: impl FnOnce() -> io::Result<T>) -> Result<T, Error> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(|error| Error::codec(FORMAT.name, error)),
        Err(panic) => {
            let why = panic
                .downcast_ref::<String>()
                .map_or("the file is damaged", String::as_str);
            Err(Error::codec(FORMAT.name, why))
        }
    }
}
