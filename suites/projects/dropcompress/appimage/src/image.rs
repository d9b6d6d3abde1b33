//! The SquashFS image behind the runtime.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, BufReader};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, process};

use backhand::{FilesystemReader, InnerNode};

use crate::Failure;

/// Writes all files of the image at an offset of a file into a folder, which is made.
pub fn unpack(file: &Path, start: u64, folder: &Path) -> Result<(), Failure> {
    let image =
        FilesystemReader::from_reader_with_offset(BufReader::new(File::open(file)?), start)?;
    for node in image.files() {
        // Each is named from the root of the image, and a folder comes before what is in it.
        let place = folder.join(node.fullpath.strip_prefix("/")?);
        match &node.inner {
            InnerNode::Dir(_) => fs::create_dir_all(&place)?,
            InnerNode::Symlink(link) => symlink(&link.link, &place)?,
            InnerNode::File(entry) => {
                io::copy(&mut image.file(entry).reader(), &mut File::create(&place)?)?;
                let mode = u32::from(node.header.permissions) & 0o777;
                fs::set_permissions(&place, Permissions::from_mode(mode))?;
            }
            _ => return Err(format!("{}: neither file nor folder", place.display()).into()),
        }
    }
    Ok(())
}

/// A folder with the files of an image, gone with this value.
pub struct Unpacked(PathBuf);

impl Unpacked {
    pub fn new(file: &Path, start: u64) -> Result<Self, Failure> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
        let folder = env::temp_dir().join(format!("appimage-{}-{now}", process::id()));
        // Fails where something is there already: nobody else can have put anything into it.
        DirBuilder::new().mode(0o700).create(&folder)?;
        let unpacked = Self(folder);
        unpack(file, start, &unpacked.0)?;
        Ok(unpacked)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("AppImage: {}: {error}", self.0.display());
        }
    }
}
