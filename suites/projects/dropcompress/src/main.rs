//! The command line.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use dropcompress::{FORMATS, Format, Quality};
use lexopt::prelude::*;

const USAGE: &str = "\
usage: dropcompress [--format NAME] [--quality 1-100] IN -o OUT
       dropcompress formats     what is compiled in
       dropcompress verify      compresses a picture into each format, reads it again, compares
       dropcompress --version | --help

IN is a picture in any of the formats; without --format, OUT's extension tells which to write.
";

/// Wrong usage, told apart from what fails (1).
const EXIT_USAGE: u8 = 2;

enum Command {
    Help,
    Version,
    Formats,
    Verify,
    Compress {
        format: &'static Format,
        quality: Quality,
        input: PathBuf,
        output: PathBuf,
    },
}

fn main() -> ExitCode {
    let command = match parse(lexopt::Parser::from_env()) {
        Ok(command) => command,
        Err(error) => {
            eprint!("dropcompress: {error}\n{USAGE}");
            return ExitCode::from(EXIT_USAGE);
        }
    };
    let done = match command {
        Command::Help => print(USAGE),
        Command::Version => print(concat!("dropcompress ", env!("CARGO_PKG_VERSION"), "\n")),
        Command::Formats => print(&formats()),
        Command::Verify => verify(),
        Command::Compress {
            format,
            quality,
            input,
            output,
        } => compress(format, quality, &input, &output),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("dropcompress: {message}");
            ExitCode::FAILURE
        }
    }
}

fn parse(mut parser: lexopt::Parser) -> Result<Command, lexopt::Error> {
    let mut format = None;
    let mut quality = Quality::DEFAULT;
    let mut output: Option<PathBuf> = None;
    let mut operands: Vec<OsString> = Vec::new();
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('V') | Long("version") => return Ok(Command::Version),
            Long("format") => {
                let name = parser.value()?.string()?;
                let missing = || format!("no format {name:?} is compiled in, only {}", names());
                format = Some(Format::named(&name).ok_or_else(missing)?);
            }
            Long("quality") => {
                let value = parser.value()?.parse()?;
                quality = Quality::new(value).ok_or("the quality is from 1 to 100")?;
            }
            Short('o') | Long("output") => output = Some(parser.value()?.into()),
            Value(operand) => operands.push(operand),
            _ => return Err(argument.unexpected()),
        }
    }
    match (operands.as_slice(), output) {
        ([word], None) if word == "formats" => Ok(Command::Formats),
        ([word], None) if word == "verify" => Ok(Command::Verify),
        ([input], Some(output)) => {
            let format = match format {
                Some(format) => format,
                None => of_name(&output)?,
            };
            Ok(Command::Compress {
                format,
                quality,
                input: input.into(),
                output,
            })
        }
        ([_], None) => Err("where to? -o names the file".into()),
        _ => Err("one picture, please".into()),
    }
}

fn of_name(path: &Path) -> Result<&'static Format, lexopt::Error> {
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    Format::of_extension(&extension).ok_or_else(|| {
        let path = path.display();
        format!(
            "{path}: its extension tells no format; --format is one of {}",
            names()
        )
        .into()
    })
}

fn names() -> String {
    FORMATS
        .iter()
        .map(|format| format.name)
        .collect::<Vec<_>>()
        .join(", ")
}

fn formats() -> String {
    FORMATS
        .iter()
        .map(|format| format!("{:5} {}\n", format.name, format.codec))
        .collect()
}

fn compress(format: &Format, quality: Quality, input: &Path, output: &Path) -> Result<(), String> {
    let bytes = fs::read(input).map_err(|error| format!("{}: {error}", input.display()))?;
    let picture =
        dropcompress::decode(&bytes).map_err(|error| format!("{}: {error}", input.display()))?;
    let smaller = format
        .encode(&picture, quality)
        .map_err(|error| format!("{}: {error}", output.display()))?;
    fs::write(output, &smaller).map_err(|error| format!("{}: {error}", output.display()))?;
    print(&format!(
        "{}: {} x {}, {} bytes as {}\n",
        output.display(),
        picture.width(),
        picture.height(),
        smaller.len(),
        format.name
    ))
}

fn verify() -> Result<(), String> {
    let findings = dropcompress::verify();
    if findings.is_empty() {
        return Err("no format is compiled in".to_owned());
    }
    let mut wrong = Vec::new();
    for finding in findings {
        let verdict = finding.wrong.as_deref().unwrap_or("ok");
        let (format, bytes, psnr) = (finding.format, finding.bytes, finding.psnr_db);
        print(&format!(
            "{format:5} {bytes:6} bytes {psnr:6.1} dB  {verdict}\n"
        ))?;
        if finding.wrong.is_some() {
            wrong.push(format);
        }
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(format!("wrong: {}", wrong.join(", ")))
    }
}

/// Writes to standard output, where a reader that is gone is an error and no panic.
fn print(text: &str) -> Result<(), String> {
    std::io::stdout()
        .write_all(text.as_bytes())
        .map_err(|error| format!("output: {error}"))
}
