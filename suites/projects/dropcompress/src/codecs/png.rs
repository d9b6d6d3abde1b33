//! PNG, written by oxipng and read by the png crate. Nothing is lost, whatever the quality.

use std::io::Cursor;

use oxipng::{BitDepth, ColorType, Options, RawImage};
use png::Transformations;

use super::{Format, Quality};
use crate::{Error, Picture};

pub const FORMAT: Format = Format {
    name: "png",
    extensions: &["png"],
    codec: "oxipng",
    floor_db: None,
    recognise: |bytes| bytes.starts_with(b"\x89PNG\r\n\x1a\n"),
    encode,
    decode,
};

fn encode(picture: &Picture, _: Quality) -> Result<Vec<u8>, Error> {
    let colours = ColorType::RGB {
        transparent_color: None,
    };
    let (width, height) = (picture.width(), picture.height());
    RawImage::new(
        width,
        height,
        colours,
        BitDepth::Eight,
        picture.rgb().to_vec(),
    )
    .and_then(|image| image.create_optimized_png(&Options::from_preset(2)))
    .map_err(|error| Error::codec(FORMAT.name, error))
}

fn decode(bytes: &[u8]) -> Result<Picture, Error> {
    let failed = |error: png::DecodingError| Error::codec(FORMAT.name, error);
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(Transformations::normalize_to_color8() | Transformations::ALPHA);
    let mut reader = decoder.read_info().map_err(failed)?;
    let size = reader
        .output_buffer_size()
        .ok_or_else(|| Error::codec(FORMAT.name, "the picture is too large"))?;
    let mut pixels = vec![0; size];
    let info = reader.next_frame(&mut pixels).map_err(failed)?;
    pixels.truncate(info.buffer_size());
    if info.color_type == png::ColorType::GrayscaleAlpha {
        pixels = pixels
            .chunks_exact(2)
            .flat_map(|grey| [grey[0], grey[0], grey[0], grey[1]])
            .collect();
    }
    Picture::from_rgba(info.width, info.height, &pixels)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A grey picture, as oxipng makes of one without colours, is read with three channels.
    #[test]
    fn grey_is_read_as_colours() {
        let grey = Picture::from_rgb(2, 1, vec![7, 7, 7, 200, 200, 200]).unwrap();

        let bytes = encode(&grey, Quality::DEFAULT).unwrap();

        assert_eq!(decode(&bytes), Ok(grey));
    }
}
