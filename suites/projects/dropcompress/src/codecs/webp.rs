//! WebP, by libwebp.

use std::ptr::null_mut;
use std::slice;

use libwebp_sys::{WebPDecodeRGBAInto, WebPEncodeRGB, WebPFree, WebPGetInfo};

use super::{Format, Quality};
use crate::{Error, Picture};

pub const FORMAT: Format = Format {
    name: "webp",
    extensions: &["webp"],
    codec: "libwebp",
    floor_db: Some(30.0),
    recognise: |bytes| bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP"),
    encode,
    decode,
};

fn encode(picture: &Picture, quality: Quality) -> Result<Vec<u8>, Error> {
    let [width, height] = [picture.width(), picture.height()]
        .map(|length| i32::try_from(length).unwrap_or(i32::MAX / 3));
    let mut output = null_mut();
    // SAFETY: the pixels are width · height · 3 bytes, as a Picture's are; sizes above 16383 are
    // refused before a pixel is read. The bytes that come back are copied, and freed once.
    unsafe {
        let size = WebPEncodeRGB(
            picture.rgb().as_ptr(),
            width,
            height,
            width * 3,
            quality.to_f32(),
            &mut output,
        );
        if size == 0 || output.is_null() {
            return Err(Error::codec(
                FORMAT.name,
                "can't be encoded (at most 16383 a side)",
            ));
        }
        let bytes = slice::from_raw_parts(output, size).to_vec();
        WebPFree(output.cast());
        Ok(bytes)
    }
}

fn decode(bytes: &[u8]) -> Result<Picture, Error> {
    let damaged = || Error::codec(FORMAT.name, "the file is damaged or animated");
    let (mut width, mut height) = (0, 0);
    // SAFETY: reads within the bytes alone, and writes two integers.
    if unsafe { WebPGetInfo(bytes.as_ptr(), bytes.len(), &mut width, &mut height) } == 0 {
        return Err(damaged());
    }
    let (columns, rows) = (width as usize, height as usize);
    let mut rgba = vec![0; columns * rows * 4];
    // SAFETY: the buffer holds four bytes for each of the pixels that WebPGetInfo told of, at most
    // 16383 a side, and libwebp refuses to write more than its size.
    let written = unsafe {
        WebPDecodeRGBAInto(
            bytes.as_ptr(),
            bytes.len(),
            rgba.as_mut_ptr(),
            rgba.len(),
            width * 4,
        )
    };
    if written.is_null() {
        return Err(damaged());
    }
    Picture::from_rgba(columns as u32, rows as u32, &rgba)
}
