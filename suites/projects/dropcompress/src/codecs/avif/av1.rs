//! One still picture as AV1, by libaom: 8 bits, 4:4:4, full range.

use std::ffi::{CStr, c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr::{null, null_mut};
use std::slice;

use libaom_sys::*;

use super::{FORMAT, colour};
use crate::codecs::Quality;
use crate::{Error, Picture};

/// Of libaom's 0 (slow) to 9 for still pictures; a photograph takes about a second at 6.
const SPEED: c_int = 6;
/// What libaom calls its worst quality; its best is 0.
const WORST: c_int = 63;

/// A codec that was initialised, encoder or decoder.
struct Codec(Box<aom_codec_ctx_t>);

impl Codec {
    /// Passes on what libaom says; without a codec there is nothing to ask it.
    fn check(&mut self, status: aom_codec_err_t) -> Result<(), Error> {
        if status == AOM_CODEC_OK {
            return Ok(());
        }
        // SAFETY: libaom answers with a text of its own that ends in a zero byte.
        let text = unsafe { CStr::from_ptr(aom_codec_error(&*self.0)) };
        Err(Error::codec(FORMAT.name, text.to_string_lossy()))
    }

    /// Starts what `initialise` initialises.
    fn start(
        initialise: impl FnOnce(*mut aom_codec_ctx_t) -> aom_codec_err_t,
    ) -> Result<Self, Error> {
        // SAFETY: a context of zeros is what libaom's headers ask for.
        let mut context =
            Box::new(unsafe { MaybeUninit::<aom_codec_ctx_t>::zeroed().assume_init() });
        match initialise(&mut *context) {
            AOM_CODEC_OK => Ok(Self(context)),
            status => Err(Error::codec(
                FORMAT.name,
                format_args!("libaom's error {status}"),
            )),
        }
    }
}

impl Drop for Codec {
    fn drop(&mut self) {
        // SAFETY: it was initialised, and is destroyed here alone.
        unsafe { aom_codec_destroy(&mut *self.0) };
    }
}

/// `planes` are all lumas, then all blue and all red differences.
pub fn encode(
    width: u32,
    height: u32,
    mut planes: Vec<u8>,
    quality: Quality,
) -> Result<Vec<u8>, Error> {
    let level = WORST - (quality.to_f32() / 100.0 * WORST as f32) as c_int;
    // SAFETY: the interface is libaom's own; the configuration is filled by it before it is used;
    // the image points into `planes`, which has three full planes without gaps and outlives it; a
    // packet is copied before the next call.
    unsafe {
        let interface = aom_codec_av1_cx();
        let mut settings = MaybeUninit::zeroed();
        aom_codec_enc_config_default(interface, settings.as_mut_ptr(), AOM_USAGE_ALL_INTRA);
        let mut settings: aom_codec_enc_cfg_t = settings.assume_init();
        (settings.g_w, settings.g_h) = (width, height);
        (
            settings.g_profile,
            settings.g_limit,
            settings.g_lag_in_frames,
        ) = (1, 1, 0);
        settings.rc_end_usage = AOM_Q;
        let mut codec = Codec::start(|context| {
            let version = AOM_ENCODER_ABI_VERSION as c_int;
            aom_codec_enc_init_ver(context, interface, &settings, 0, version)
        })?;
        for (control, value) in [
            (AOME_SET_CPUUSED, SPEED),
            (AOME_SET_CQ_LEVEL, level),
            (AV1E_SET_COLOR_RANGE, AOM_CR_FULL_RANGE as c_int),
            (AV1E_SET_MATRIX_COEFFICIENTS, AOM_CICP_MC_BT_601 as c_int),
        ] {
            let status = aom_codec_control(&mut *codec.0, control as c_int, value);
            codec.check(status)?;
        }

        let mut image = MaybeUninit::zeroed();
        let wrapped = aom_img_wrap(
            image.as_mut_ptr(),
            AOM_IMG_FMT_I444,
            width,
            height,
            1,
            planes.as_mut_ptr(),
        );
        if wrapped.is_null() {
            return Err(Error::codec(FORMAT.name, "the picture is too large"));
        }
        (*wrapped).range = AOM_CR_FULL_RANGE;
        let status = aom_codec_encode(&mut *codec.0, wrapped, 0, 1, 0);
        codec.check(status)?;
        let mut bitstream = take_packets(&mut codec);
        let status = aom_codec_encode(&mut *codec.0, null(), 0, 1, 0);
        codec.check(status)?;
        bitstream.extend(take_packets(&mut codec));
        Ok(bitstream)
    }
}

fn take_packets(codec: &mut Codec) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut position: aom_codec_iter_t = null();
    // SAFETY: the codec is an encoder, and a frame's packet holds as many bytes as it says until
    // the next call.
    unsafe {
        while let Some(packet) = aom_codec_get_cx_data(&mut *codec.0, &mut position).as_ref() {
            if packet.kind == AOM_CODEC_CX_FRAME_PKT {
                let frame = packet.data.frame;
                bytes.extend(slice::from_raw_parts(frame.buf.cast::<u8>(), frame.sz));
            }
        }
    }
    bytes
}

pub fn decode(bitstream: &[u8]) -> Result<Picture, Error> {
    // SAFETY: the interface is libaom's own, it reads within the bitstream alone, and the image
    // stays until the codec is dropped.
    unsafe {
        let mut codec = Codec::start(|context| {
            let version = AOM_DECODER_ABI_VERSION as c_int;
            aom_codec_dec_init_ver(context, aom_codec_av1_dx(), null(), 0, version)
        })?;
        let nothing: *mut c_void = null_mut();
        let (data, size) = (bitstream.as_ptr(), bitstream.len());
        let status = aom_codec_decode(&mut *codec.0, data, size, nothing);
        codec.check(status)?;
        let mut position: aom_codec_iter_t = null();
        let image = aom_codec_get_frame(&mut *codec.0, &mut position)
            .as_ref()
            .ok_or_else(|| Error::codec(FORMAT.name, "there is no picture in it"))?;
        to_picture(image)
    }
}

/// # Safety
/// The image is one that libaom decoded and still keeps.
unsafe fn to_picture(image: &aom_image_t) -> Result<Picture, Error> {
    let matrix = matches!(
        image.mc,
        AOM_CICP_MC_BT_601 | AOM_CICP_MC_BT_470_B_G | AOM_CICP_MC_UNSPECIFIED
    );
    let plain = image.fmt == AOM_IMG_FMT_I444 && image.monochrome == 0;
    if !plain || !matrix || image.range != AOM_CR_FULL_RANGE {
        let why = "only 8 bits, 4:4:4, full range and the matrix of BT.601 are read";
        return Err(Error::codec(FORMAT.name, why));
    }
    let (width, height) = (image.d_w as usize, image.d_h as usize);
    let row = |plane: usize, y: usize| {
        // SAFETY: each plane has d_h rows of at least d_w bytes, a stride apart.
        unsafe {
            let start = image.planes[plane].offset(y as isize * image.stride[plane] as isize);
            slice::from_raw_parts(start, width)
        }
    };
    let mut rgb = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        let [lumas, blues, reds] = [0, 1, 2].map(|plane| row(plane, y));
        for ((luma, blue), red) in lumas.iter().zip(blues).zip(reds) {
            rgb.extend(colour::to_rgb(*luma, *blue, *red));
        }
    }
    Picture::from_rgb(image.d_w, image.d_h, rgb)
}
