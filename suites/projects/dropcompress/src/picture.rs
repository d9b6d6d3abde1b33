//! A picture: sRGB, 8 bits a channel, without transparency.

use crate::Error;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    width: u32,
    height: u32,
    /// Red, green, blue; row by row from the top, without gaps.
    rgb: Vec<u8>,
}

impl Picture {
    /// Takes red, green and blue of each pixel, row by row from the top.
    pub fn from_rgb(width: u32, height: u32, rgb: Vec<u8>) -> Result<Self, Error> {
        let expected = bytes_of(width, height, 3);
        if rgb.is_empty() || expected != Some(rgb.len()) {
            return Err(Error::Size {
                width,
                height,
                bytes: rgb.len(),
            });
        }
        Ok(Self { width, height, rgb })
    }

    /// The same with an opacity behind each pixel, which must be full.
    pub fn from_rgba(width: u32, height: u32, rgba: &[u8]) -> Result<Self, Error> {
        if bytes_of(width, height, 4) != Some(rgba.len()) {
            return Err(Error::Size {
                width,
                height,
                bytes: rgba.len(),
            });
        }
        let pixels = rgba.chunks_exact(4);
        if pixels.clone().any(|pixel| pixel[3] != u8::MAX) {
            return Err(Error::Transparent);
        }
        let rgb = pixels
            .flat_map(|pixel| [pixel[0], pixel[1], pixel[2]])
            .collect();
        Self::from_rgb(width, height, rgb)
    }

    pub fn width(&self) -> u32 {
        self.width
    }

    pub fn height(&self) -> u32 {
        self.height
    }

    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// How near another picture of this size is: the peak signal-to-noise ratio over all channels,
    /// in dB, infinite where they are the same. `None` where the sizes differ.
    pub fn psnr(&self, other: &Self) -> Option<f64> {
        if (self.width, self.height) != (other.width, other.height) {
            return None;
        }
        let squares: u64 = self
            .rgb
            .iter()
            .zip(&other.rgb)
            .map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2))
            .sum();
        let mean = squares as f64 / self.rgb.len() as f64;
        Some(10.0 * (255.0 * 255.0 / mean).log10())
    }
}

fn bytes_of(width: u32, height: u32, channels: usize) -> Option<usize> {
    let pixels = usize::try_from(width)
        .ok()?
        .checked_mul(usize::try_from(height).ok()?)?;
    pixels.checked_mul(channels)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One level off in one channel of one pixel is 10 log10(255² · 3) dB.
    #[test]
    fn psnr_counts_channels() {
        let black = Picture::from_rgb(1, 1, vec![0, 0, 0]).unwrap();
        let nearly = Picture::from_rgb(1, 1, vec![0, 1, 0]).unwrap();

        assert!((black.psnr(&nearly).unwrap() - 52.902).abs() < 0.001);
        assert_eq!(black.psnr(&black), Some(f64::INFINITY));
    }

    /// Pictures of two sizes have no distance, and no pixels make no picture.
    #[test]
    fn sizes_must_fit() {
        let one = Picture::from_rgb(1, 1, vec![0; 3]).unwrap();
        let two = Picture::from_rgb(2, 1, vec![0; 6]).unwrap();

        assert_eq!(one.psnr(&two), None);
        assert!(Picture::from_rgb(2, 1, vec![0; 3]).is_err());
        assert!(Picture::from_rgb(0, 0, vec![]).is_err());
    }

    /// What is not opaque is refused, not dropped.
    #[test]
    fn transparency_is_refused() {
        assert_eq!(
            Picture::from_rgba(1, 1, &[1, 2, 3, 254]),
            Err(Error::Transparent)
        );
        assert_eq!(
            Picture::from_rgba(1, 1, &[1, 2, 3, 255]).unwrap().rgb(),
            [1, 2, 3]
        );
    }
}
