//! JPEG XL, by libjxl.

use std::mem::MaybeUninit;
use std::ptr::{NonNull, null};

use jxl_sys::*;

use super::{Format, Quality};
use crate::{Error, Picture};

pub const FORMAT: Format = Format {
    name: "jxl",
    extensions: &["jxl"],
    codec: "libjxl",
    floor_db: Some(30.0),
    recognise: |bytes| {
        bytes.starts_with(b"\xff\x0a") || bytes.starts_with(b"\0\0\0\x0cJXL \r\n\x87\n")
    },
    encode,
    decode,
};

const CHUNK: usize = 64 * 1024;

fn pixels_of(channels: u32) -> JxlPixelFormat {
    JxlPixelFormat {
        num_channels: channels,
        data_type: JXL_TYPE_UINT8,
        endianness: JXL_NATIVE_ENDIAN,
        align: 0,
    }
}

struct Encoder(NonNull<JxlEncoder>);

impl Drop for Encoder {
    fn drop(&mut self) {
        // SAFETY: made by JxlEncoderCreate, and destroyed here alone.
        unsafe { JxlEncoderDestroy(self.0.as_ptr()) }
    }
}

struct Decoder(NonNull<JxlDecoder>);

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: made by JxlDecoderCreate, and destroyed here alone.
        unsafe { JxlDecoderDestroy(self.0.as_ptr()) }
    }
}

fn encode(picture: &Picture, quality: Quality) -> Result<Vec<u8>, Error> {
    let failed = |what: &str| Error::codec(FORMAT.name, format_args!("{what} failed"));
    let made = |status: u32, what: &str| match status {
        JXL_ENC_SUCCESS => Ok(()),
        _ => Err(failed(what)),
    };
    // SAFETY: the calls are in the order that encode.h asks for, on an encoder that lives until
    // the end, with structures that libjxl itself filled and pixels that outlive the encoder.
    unsafe {
        let encoder =
            NonNull::new(JxlEncoderCreate(null())).ok_or_else(|| failed("the encoder"))?;
        let encoder = Encoder(encoder);
        let raw = encoder.0.as_ptr();

        let mut info = MaybeUninit::zeroed();
        JxlEncoderInitBasicInfo(info.as_mut_ptr());
        let mut info = info.assume_init();
        (info.xsize, info.ysize) = (picture.width(), picture.height());
        made(JxlEncoderSetBasicInfo(raw, &info), "its size")?;

        let mut colours = MaybeUninit::zeroed();
        JxlColorEncodingSetToSRGB(colours.as_mut_ptr(), 0);
        made(
            JxlEncoderSetColorEncoding(raw, colours.as_ptr()),
            "its colours",
        )?;

        let settings = JxlEncoderFrameSettingsCreate(raw, null());
        let distance = JxlEncoderDistanceFromQuality(quality.to_f32());
        made(
            JxlEncoderSetFrameDistance(settings, distance),
            "its quality",
        )?;
        let rgb = picture.rgb();
        let added =
            JxlEncoderAddImageFrame(settings, &pixels_of(3), rgb.as_ptr().cast(), rgb.len());
        made(added, "its pixels")?;
        JxlEncoderCloseInput(raw);

        let mut bytes = Vec::new();
        loop {
            let end = bytes.len();
            bytes.resize(end + CHUNK, 0);
            let (mut next, mut left) = (bytes.as_mut_ptr().add(end), CHUNK);
            let status = JxlEncoderProcessOutput(raw, &mut next, &mut left);
            bytes.truncate(end + CHUNK - left);
            if status != JXL_ENC_NEED_MORE_OUTPUT {
                made(status, "encoding")?;
                return Ok(bytes);
            }
        }
    }
}

fn decode(bytes: &[u8]) -> Result<Picture, Error> {
    let damaged = |_| Error::codec(FORMAT.name, "the file is damaged or animated");
    let done = |status: u32| match status {
        JXL_DEC_SUCCESS => Ok(()),
        other => Err(damaged(other)),
    };
    // SAFETY: the input outlives the decoder, the buffer for the pixels is as large as libjxl
    // itself asks for, and each is handed over when decode.h says.
    unsafe {
        let decoder = NonNull::new(JxlDecoderCreate(null())).ok_or_else(|| damaged(0))?;
        let decoder = Decoder(decoder);
        let raw = decoder.0.as_ptr();

        let events = JXL_DEC_BASIC_INFO | JXL_DEC_FULL_IMAGE;
        done(JxlDecoderSubscribeEvents(raw, events as i32))?;
        done(JxlDecoderSetInput(raw, bytes.as_ptr(), bytes.len()))?;
        JxlDecoderCloseInput(raw);

        let format = pixels_of(4);
        let (mut width, mut height, mut rgba) = (0, 0, Vec::new());
        loop {
            match JxlDecoderProcessInput(raw) {
                JXL_DEC_BASIC_INFO => {
                    let mut info = MaybeUninit::zeroed();
                    done(JxlDecoderGetBasicInfo(raw, info.as_mut_ptr()))?;
                    let info = info.assume_init();
                    (width, height) = (info.xsize, info.ysize);
                }
                JXL_DEC_NEED_IMAGE_OUT_BUFFER => {
                    let mut size = 0;
                    done(JxlDecoderImageOutBufferSize(raw, &format, &mut size))?;
                    rgba.resize(size, 0);
                    let buffer = rgba.as_mut_ptr();
                    done(JxlDecoderSetImageOutBuffer(
                        raw,
                        &format,
                        buffer.cast(),
                        size,
                    ))?;
                }
                JXL_DEC_FULL_IMAGE => return Picture::from_rgba(width, height, &rgba),
                other => return Err(damaged(other)),
            }
        }
    }
}
