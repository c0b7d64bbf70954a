//! Stops a build that would give an H.264 encoder without SIMD: OpenH264 builds without nasm, says nothing, and takes
//! four times as long for every frame.

use std::{env, process::Command};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for variable in ["PATH", "NASM", "OPENH264_NO_ASM"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    let arch = env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    if !matches!(&*arch, "x86" | "x86_64") || env::var_os("OPENH264_NO_ASM").is_some() {
        return;
    }
    let nasm = env::var_os("NASM").unwrap_or_else(|| "nasm".into());
    let found = Command::new(&nasm).arg("-v").output();
    if !found.is_ok_and(|output| output.status.success()) {
        println!(
            "cargo::error={} cannot be run, and without it H.264 would be encoded four times slower. Install nasm, run \
             `cargo clean -p openh264-sys2`, and build again; or set OPENH264_NO_ASM=1 to build without it.",
            nasm.display()
        );
    }
}
