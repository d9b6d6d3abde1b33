//! libjxl's interface as far as dropcompress needs it, after its headers `jxl/encode.h`,
//! `jxl/decode.h`, `jxl/codestream_header.h`, `jxl/color_encoding.h` and `jxl/types.h` of version
//! 0.11, which say what each function does.

use core::ffi::{c_int, c_uint, c_void};
use core::marker::{PhantomData, PhantomPinned};

/// What is only handled by pointers, neither sent to nor shared with another thread.
type Opaque = PhantomData<(*mut u8, PhantomPinned)>;

#[repr(C)]
pub struct JxlEncoder {
    _data: [u8; 0],
    _marker: Opaque,
}

#[repr(C)]
pub struct JxlEncoderFrameSettings {
    _data: [u8; 0],
    _marker: Opaque,
}

#[repr(C)]
pub struct JxlDecoder {
    _data: [u8; 0],
    _marker: Opaque,
}

pub const JXL_ENC_SUCCESS: c_uint = 0;
pub const JXL_ENC_NEED_MORE_OUTPUT: c_uint = 2;

pub const JXL_DEC_SUCCESS: c_uint = 0;
pub const JXL_DEC_NEED_IMAGE_OUT_BUFFER: c_uint = 5;
pub const JXL_DEC_BASIC_INFO: c_uint = 0x40;
pub const JXL_DEC_FULL_IMAGE: c_uint = 0x1000;

pub const JXL_TYPE_UINT8: c_uint = 2;
pub const JXL_NATIVE_ENDIAN: c_uint = 0;

#[repr(C)]
pub struct JxlPixelFormat {
    pub num_channels: u32,
    pub data_type: c_uint,
    pub endianness: c_uint,
    pub align: usize,
}

#[repr(C)]
pub struct JxlBasicInfo {
    pub have_container: c_int,
    pub xsize: u32,
    pub ysize: u32,
    pub bits_per_sample: u32,
    pub exponent_bits_per_sample: u32,
    pub intensity_target: f32,
    pub min_nits: f32,
    pub relative_to_max_display: c_int,
    pub linear_below: f32,
    pub uses_original_profile: c_int,
    pub have_preview: c_int,
    pub have_animation: c_int,
    pub orientation: c_uint,
    pub num_color_channels: u32,
    pub num_extra_channels: u32,
    pub alpha_bits: u32,
    pub alpha_exponent_bits: u32,
    pub alpha_premultiplied: c_int,
    pub preview: [u32; 2],
    pub animation: [u32; 4],
    pub intrinsic_xsize: u32,
    pub intrinsic_ysize: u32,
    pub padding: [u8; 100],
}

#[repr(C)]
pub struct JxlColorEncoding {
    pub color_space: c_uint,
    pub white_point: c_uint,
    pub white_point_xy: [f64; 2],
    pub primaries: c_uint,
    pub primaries_red_xy: [f64; 2],
    pub primaries_green_xy: [f64; 2],
    pub primaries_blue_xy: [f64; 2],
    pub transfer_function: c_uint,
    pub gamma: f64,
    pub rendering_intent: c_uint,
}

unsafe extern "C" {
    pub fn JxlEncoderCreate(memory_manager: *const c_void) -> *mut JxlEncoder;
    pub fn JxlEncoderDestroy(encoder: *mut JxlEncoder);
    pub fn JxlEncoderInitBasicInfo(info: *mut JxlBasicInfo);
    pub fn JxlEncoderSetBasicInfo(encoder: *mut JxlEncoder, info: *const JxlBasicInfo) -> c_uint;
    pub fn JxlColorEncodingSetToSRGB(encoding: *mut JxlColorEncoding, is_gray: c_int);
    pub fn JxlEncoderSetColorEncoding(
        encoder: *mut JxlEncoder,
        encoding: *const JxlColorEncoding,
    ) -> c_uint;
    pub fn JxlEncoderFrameSettingsCreate(
        encoder: *mut JxlEncoder,
        source: *const JxlEncoderFrameSettings,
    ) -> *mut JxlEncoderFrameSettings;
    pub fn JxlEncoderDistanceFromQuality(quality: f32) -> f32;
    pub fn JxlEncoderSetFrameDistance(
        settings: *mut JxlEncoderFrameSettings,
        distance: f32,
    ) -> c_uint;
    pub fn JxlEncoderAddImageFrame(
        settings: *const JxlEncoderFrameSettings,
        format: *const JxlPixelFormat,
        buffer: *const c_void,
        size: usize,
    ) -> c_uint;
    pub fn JxlEncoderCloseInput(encoder: *mut JxlEncoder);
    pub fn JxlEncoderProcessOutput(
        encoder: *mut JxlEncoder,
        next_out: *mut *mut u8,
        avail_out: *mut usize,
    ) -> c_uint;

    pub fn JxlDecoderCreate(memory_manager: *const c_void) -> *mut JxlDecoder;
    pub fn JxlDecoderDestroy(decoder: *mut JxlDecoder);
    pub fn JxlDecoderSubscribeEvents(decoder: *mut JxlDecoder, events: c_int) -> c_uint;
    pub fn JxlDecoderSetInput(decoder: *mut JxlDecoder, data: *const u8, size: usize) -> c_uint;
    pub fn JxlDecoderCloseInput(decoder: *mut JxlDecoder);
    pub fn JxlDecoderProcessInput(decoder: *mut JxlDecoder) -> c_uint;
    pub fn JxlDecoderGetBasicInfo(decoder: *const JxlDecoder, info: *mut JxlBasicInfo) -> c_uint;
    pub fn JxlDecoderImageOutBufferSize(
        decoder: *const JxlDecoder,
        format: *const JxlPixelFormat,
        size: *mut usize,
    ) -> c_uint;
    pub fn JxlDecoderSetImageOutBuffer(
        decoder: *mut JxlDecoder,
        format: *const JxlPixelFormat,
        buffer: *mut c_void,
        size: usize,
    ) -> c_uint;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// libjxl fills the structure that is declared here as its headers say: nothing is shifted.
    #[test]
    fn basic_info_has_the_layout_of_the_header() {
        let mut info = core::mem::MaybeUninit::<JxlBasicInfo>::zeroed();
        // SAFETY: the function writes a whole JxlBasicInfo; every bit pattern of one is valid.
        let info = unsafe {
            JxlEncoderInitBasicInfo(info.as_mut_ptr());
            info.assume_init()
        };

        assert_eq!((info.bits_per_sample, info.orientation), (8, 1));
        assert_eq!((info.num_color_channels, info.alpha_bits), (3, 0));
        assert_eq!(info.animation, [10, 1, 0, 0]);
    }
}
