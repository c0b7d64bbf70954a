//! Has the crate built again when a file of the page comes or goes: the macro that embeds them
//! notices changes of those that it knows, and no others.

use std::path::Path;

/// Parts of `web/` that are not embedded, and change for reasons of their own.
const OTHERS: [&str; 2] = ["node_modules", "test"];

fn main() -> std::io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    let web = Path::new("../web");
    if !web.is_dir() {
        return Ok(());
    }
    for entry in web.read_dir()? {
        let entry = entry?;
        if !OTHERS.iter().any(|other| entry.file_name() == *other) {
            println!("cargo:rerun-if-changed={}", entry.path().display());
        }
    }
    Ok(())
}
