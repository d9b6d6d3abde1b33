//! AVIF: AV1 by libaom, in both directions, and the file around it by avif-serialize and avif-parse.

mod av1;
mod colour;

use avif_parse::AvifData;
use avif_serialize::Aviffy;
use avif_serialize::constants::MatrixCoefficients;

use super::{Format, Quality};
use crate::{Error, Picture};

pub const FORMAT: Format = Format {
    name: "avif",
    extensions: &["avif"],
    codec: "libaom",
    floor_db: Some(30.0),
    recognise: |bytes| {
        bytes.get(4..8) == Some(b"ftyp") && matches!(bytes.get(8..12), Some(b"avif" | b"mif1"))
    },
    encode,
    decode,
};

fn encode(picture: &Picture, quality: Quality) -> Result<Vec<u8>, Error> {
    let (width, height) = (picture.width(), picture.height());
    let planes = colour::to_planes(picture.rgb());
    let bitstream = av1::encode(width, height, planes, quality)?;
    let mut file = Vec::new();
    Aviffy::new()
        .set_seq_profile(1)
        .set_chroma_subsampling((false, false))
        .set_matrix_coefficients(MatrixCoefficients::Bt601)
        .set_full_color_range(true)
        .set_width(width)
        .set_height(height)
        .set_bit_depth(8)
        .write_slice(&mut file, &bitstream, None)
        .map_err(|error| Error::codec(FORMAT.name, error))?;
    Ok(file)
}

fn decode(mut bytes: &[u8]) -> Result<Picture, Error> {
    let file =
        AvifData::from_reader(&mut bytes).map_err(|error| Error::codec(FORMAT.name, error))?;
    if file.alpha_item.is_some() {
        return Err(Error::Transparent);
    }
    av1::decode(&file.primary_item)
}
