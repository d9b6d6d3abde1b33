//! Between red, green and blue and what AV1 stores: a luma and two chroma values.
//!
//! The matrix is that of ITU-R BT.601, as in JPEG files: Kr = 0.299, Kb = 0.114.

const KR: f32 = 0.299;
const KB: f32 = 0.114;
const KG: f32 = 1.0 - KR - KB;

/// All lumas, then all blue and all red differences, each in the full range of a byte.
pub fn to_planes(rgb: &[u8]) -> Vec<u8> {
    let pixels = rgb.len() / 3;
    let mut planes = vec![0; rgb.len()];
    for (index, pixel) in rgb.chunks_exact(3).enumerate() {
        let [red, green, blue] = [pixel[0], pixel[1], pixel[2]].map(f32::from);
        let luma = KR * red + KG * green + KB * blue;
        planes[index] = to_byte(luma);
        planes[pixels + index] = to_byte(128.0 + (blue - luma) / (2.0 - 2.0 * KB));
        planes[2 * pixels + index] = to_byte(128.0 + (red - luma) / (2.0 - 2.0 * KR));
    }
    planes
}

pub fn to_rgb(luma: u8, blue: u8, red: u8) -> [u8; 3] {
    let luma = f32::from(luma);
    let blue = luma + (f32::from(blue) - 128.0) * (2.0 - 2.0 * KB);
    let red = luma + (f32::from(red) - 128.0) * (2.0 - 2.0 * KR);
    [red, (luma - KR * red - KB * blue) / KG, blue].map(to_byte)
}

fn to_byte(value: f32) -> u8 {
    // `as` keeps what is out of range at the range's end.
    (value + 0.5) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// There and back, no colour is off by more than the rounding of three bytes.
    #[test]
    fn colours_return() {
        for colour in [
            [0, 0, 0],
            [255, 255, 255],
            [255, 0, 0],
            [0, 255, 0],
            [0, 0, 255],
            [9, 99, 199],
        ] {
            let planes = to_planes(&colour);

            let again = to_rgb(planes[0], planes[1], planes[2]);

            for (before, after) in colour.iter().zip(again) {
                assert!(before.abs_diff(after) <= 2, "{colour:?} became {again:?}");
            }
        }
    }
}
