//! Whether the codecs that are compiled in do on this machine what they promise.

use crate::codecs::{FORMATS, Format, Quality};
use crate::{Error, Picture};

/// Odd, so that no block of any codec fits.
const SIZE: (u32, u32) = (125, 83);

/// What became of the picture in one format.
pub struct Finding {
    pub format: &'static str,
    /// How large it was in that format.
    pub bytes: usize,
    /// How near it still was, in dB; infinite where nothing was lost.
    pub psnr_db: f64,
    /// What is wrong with it, if anything.
    pub wrong: Option<String>,
}

/// Compresses a picture into each format, reads it again, and holds it against the first one.
pub fn verify() -> Vec<Finding> {
    let picture = sample(SIZE.0, SIZE.1);
    FORMATS
        .iter()
        .map(|format| examine(format, &picture))
        .collect()
}

fn examine(format: &Format, picture: &Picture) -> Finding {
    let mut finding = Finding {
        format: format.name,
        bytes: 0,
        psnr_db: 0.0,
        wrong: None,
    };
    if let Err(wrong) = compare(format, picture, &mut finding) {
        finding.wrong = Some(wrong);
    }
    finding
}

fn compare(format: &Format, picture: &Picture, finding: &mut Finding) -> Result<(), String> {
    let said = |error: Error| error.to_string();
    let bytes = format.encode(picture, Quality::DEFAULT).map_err(said)?;
    finding.bytes = bytes.len();
    if bytes.len() >= picture.rgb().len() {
        return Err(format!(
            "{} bytes, no fewer than the pixels have",
            bytes.len()
        ));
    }
    let again = format.decode(&bytes).map_err(said)?;
    finding.psnr_db = picture.psnr(&again).ok_or_else(|| {
        let (width, height) = (again.width(), again.height());
        format!(
            "{width} x {height} instead of {} x {}",
            picture.width(),
            picture.height()
        )
    })?;
    match format.floor_db {
        None if again != *picture => Err("some pixels changed, and none may".to_owned()),
        Some(floor) if finding.psnr_db < floor => {
            Err(format!("{:.1} dB, below {floor:.1}", finding.psnr_db))
        }
        _ => Ok(()),
    }
}

/// Slopes, edges and texture in all three channels: what an encoder meets in a photograph, without
/// a picture to carry along. No two channels, quadrants or axes are alike, so that none can be
/// swapped unnoticed.
fn sample(width: u32, height: u32) -> Picture {
    let mut rgb = Vec::with_capacity((width * height * 3) as usize);
    for y in 0..height {
        for x in 0..width {
            let (dx, dy) = (x.abs_diff(width / 3), y.abs_diff(height / 2));
            let disc = dx * dx + dy * dy < (height / 3).pow(2);
            let red = 255 * x / width;
            let green = if disc { 220 - y } else { 40 + y };
            let blue = 96 + 8 * ((x / 4 + y / 7) % 5) + 60 * u32::from(x > width * 3 / 4);
            rgb.extend([red as u8, green as u8, blue as u8]);
        }
    }
    Picture::from_rgb(width, height, rgb).expect("three bytes for each pixel")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every codec that is compiled in returns the picture it was given, as near as it promises.
    #[test]
    fn all_formats_return_the_picture() {
        let findings = verify();

        assert_eq!(findings.len(), FORMATS.len());
        for finding in findings {
            assert_eq!(finding.wrong, None, "{}", finding.format);
        }
    }

    fn broken(decode: fn(&[u8]) -> Result<Picture, Error>) -> Option<String> {
        let format = Format {
            name: "broken",
            extensions: &[],
            codec: "none",
            floor_db: Some(30.0),
            recognise: |_| true,
            encode: |picture, _| Ok(picture.rgb()[..100].to_vec()),
            decode,
        };
        examine(&format, &sample(SIZE.0, SIZE.1)).wrong
    }

    /// A codec that returns another size, swapped channels or an error is found out.
    #[test]
    fn what_a_broken_codec_returns_is_found() {
        let turned = broken(|_| Ok(sample(SIZE.1, SIZE.0)));
        let swapped = broken(|_| {
            let first = sample(SIZE.0, SIZE.1);
            let rgb = first
                .rgb()
                .chunks_exact(3)
                .flat_map(|p| [p[2], p[1], p[0]])
                .collect();
            Picture::from_rgb(SIZE.0, SIZE.1, rgb)
        });
        let refused = broken(|_| Err(Error::Transparent));

        assert_eq!(turned.unwrap(), "83 x 125 instead of 125 x 83");
        assert!(swapped.unwrap().ends_with("dB, below 30.0"));
        assert_eq!(refused.unwrap(), Error::Transparent.to_string());
    }
}
