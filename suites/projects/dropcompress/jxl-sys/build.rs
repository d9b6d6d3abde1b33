//! Builds libjxl, for the target that Cargo builds for.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    jpegxl_src::build();
}
