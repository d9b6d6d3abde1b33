//! The runtime of an AppImage of type 2: a program with a SquashFS image behind it.
//!
//! <https://github.com/AppImage/AppImageSpec/blob/master/draft.md>
//!
//! The usual runtimes mount the image, which wants FUSE on the machine, and are made for four CPUs.
//! This one unpacks it into a folder of its own, runs `AppRun` there, and removes the folder.

mod elf;
mod image;

use std::env;
use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use image::Unpacked;

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match run() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("AppImage: {error}");
            ExitCode::from(127)
        }
    }
}

fn run() -> Result<u8, Failure> {
    let own = env::current_exe()?;
    let start = elf::end_of(&mut File::open(&own)?)?;
    match env::args().nth(1).as_deref() {
        Some("--appimage-offset") => println!("{start}"),
        Some("--appimage-extract") => image::unpack(&own, start, Path::new("squashfs-root"))?,
        Some("--appimage-help") => println!(
            "--appimage-extract  unpacks into squashfs-root\n\
             --appimage-offset   where the SquashFS image begins\n\
             Anything else goes to the program inside."
        ),
        _ => return start_inside(&own, start),
    }
    Ok(0)
}

fn start_inside(own: &Path, start: u64) -> Result<u8, Failure> {
    let unpacked = Unpacked::new(own, start)?;
    let mut arguments = env::args_os();
    let called: PathBuf = arguments.next().unwrap_or_default().into();
    let status = Command::new(unpacked.path().join("AppRun"))
        .args(arguments)
        .env("APPIMAGE", own)
        .env("APPDIR", unpacked.path())
        .env("ARGV0", called)
        .env("OWD", env::current_dir()?)
        .status()
        .map_err(|error| format!("AppRun: {error}"))?;
    // As shells tell of a program that a signal ended.
    let code = status.code().or(status.signal().map(|signal| 128 + signal));
    Ok(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}
