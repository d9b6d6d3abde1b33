//! Where an ELF file of this machine ends: behind its table of sections.

use std::io::{self, Error, ErrorKind, Read, Seek, SeekFrom};

/// The size of an address, which the fields of the header differ by.
const WIDE: usize = size_of::<usize>();
/// Where e_shoff stands; e_shentsize and e_shnum are 18 and 20 bytes behind its end (System V
/// gABI, chapter 4).
const TABLE_AT: usize = 24 + 2 * WIDE;

/// The offset behind an ELF file whose table of sections comes last, as linkers and strip leave it.
pub fn end_of(file: &mut (impl Read + Seek)) -> io::Result<u64> {
    let mut header = [0; 64];
    file.seek(SeekFrom::Start(0))?;
    file.read_exact(&mut header)?;
    if &header[..4] != b"\x7fELF" {
        return Err(Error::new(ErrorKind::InvalidData, "not an ELF file"));
    }
    let mut table = [0; WIDE];
    table.copy_from_slice(&header[TABLE_AT..TABLE_AT + WIDE]);
    let half = |at: usize| u64::from(u16::from_ne_bytes([header[at], header[at + 1]]));
    let behind = TABLE_AT + WIDE;
    Ok(usize::from_ne_bytes(table) as u64 + half(behind + 10) * half(behind + 12))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    /// What is put behind a program begins where the program is said to end.
    #[test]
    fn what_is_behind_a_program_is_found() {
        let own = std::env::current_exe().unwrap();
        let size = own.metadata().unwrap().len();

        assert_eq!(end_of(&mut File::open(own).unwrap()).unwrap(), size);
    }
}
