//! The program as it is called.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use dropcompress::FORMATS;

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sample.png");

/// A folder of one test's own, empty.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).unwrap();
    folder
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dropcompress"))
        .args(arguments)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr)
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// Each format is written from a PNG and read back into one of the same size.
#[cfg(feature = "png")]
#[test]
fn every_format_is_written_and_read() {
    let folder = folder("formats");
    for format in FORMATS {
        let small = folder.join("picture").with_extension(format.extensions[0]);
        let again = folder.join("again.png");
        let (small, again) = (small.to_str().unwrap(), again.to_str().unwrap());

        let written = run(&[SAMPLE, "-o", small, "--quality", "90"]);
        let read = run(&["--format", "png", small, "-o", again]);

        assert!(written.status.success(), "{}", said(&written));
        assert!(read.status.success(), "{}", said(&read));
        let line = String::from_utf8(read.stdout).unwrap();
        assert!(line.contains(" 125 x 83, "), "{line}");
    }
}

/// What is asked for wrongly is told apart from what fails, and both say why.
#[test]
fn mistakes_are_told() {
    let folder = folder("mistakes");
    let damaged = folder.join("damaged.png");
    fs::write(&damaged, b"\x89PNG\r\n\x1a\nand no more").unwrap();
    let (damaged, output) = (damaged.to_str().unwrap(), folder.join("output"));
    let output = output.to_str().unwrap();
    let format = FORMATS[0].name;

    for (arguments, code, why) in [
        (
            &["--format", "gif", "IN", "-o", "OUT"][..],
            2,
            "no format \"gif\" is compiled in",
        ),
        (&["--quality", "101", "IN", "-o", "OUT"], 2, "from 1 to 100"),
        (&["IN", "-o", "OUT.txt"], 2, "its extension tells no format"),
        (&["IN"], 2, "-o names the file"),
        (
            &["--format", format, damaged, "-o", output],
            1,
            "damaged.png: ",
        ),
        (&["--format", format, output, "-o", output], 1, "output: "),
    ] {
        let ended = run(arguments);

        assert_eq!(ended.status.code(), Some(code), "{arguments:?}");
        assert!(said(&ended).contains(why), "{}", said(&ended));
    }
}
