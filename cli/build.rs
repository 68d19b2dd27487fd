//! Compiles the copier that images `FROM scratch` get: static, small, and the same bytes from the
//! same compiler. It is for linux/amd64, as VMware's library is; a program for another target holds
//! an empty file instead.
#![expect(clippy::disallowed_methods, reason = "cargo speaks to build scripts by the environment")]

use std::env::VarError;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let source = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../copier/src");
    let output = Path::new(&env::var("OUT_DIR")?).join("copier");
    println!("cargo::rerun-if-changed={}", source.display());
    println!("cargo::rerun-if-changed=build.rs");
    let (os, architecture) = (env::var("CARGO_CFG_TARGET_OS")?, env::var("CARGO_CFG_TARGET_ARCH")?);
    if (os.as_str(), architecture.as_str()) != ("linux", "x86_64") {
        return Ok(fs::write(output, [])?);
    }
    let mut rustc = Command::new(env::var("RUSTC")?);
    rustc.arg(source.join("main.rs")).arg("-o").arg(&output);
    rustc.args(["--crate-name", "copier", "--crate-type", "bin", "--edition", "2024"]);
    rustc.args(["--target", &env::var("TARGET")?, "-C", "target-feature=+crt-static"]);
    for option in ["opt-level=z", "panic=abort", "strip=symbols", "lto", "codegen-units=1"] {
        rustc.args(["-C", option]);
    }
    rustc.arg(format!("--remap-path-prefix={}=copier", source.display()));
    match env::var("RUSTC_LINKER") {
        Ok(linker) => rustc.arg("-C").arg(format!("linker={linker}")),
        Err(VarError::NotPresent) => &mut rustc,
        Err(error) => return Err(error.into()),
    };
    if !rustc.status()?.success() {
        return Err(
            "cannot compile the copier; does the linker find a static C library? (Debian's \
                    libc6-dev has one, Fedora's glibc-static)"
                .into(),
        );
    }
    Ok(())
}
