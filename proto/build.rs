//! Turns `sightline/v1/*.proto` into Rust. protox parses them, so no `protoc` is needed.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = protox::compile(
        ["sightline/v1/bus.proto", "sightline/v1/watch.proto"],
        ["."],
    )?;
    prost_build::Config::new()
        // Payloads stay slices of the message they arrived in.
        .bytes(["."])
        // In the order of their keys: the same message has the same bytes.
        .btree_map(["."])
        .compile_fds(files)?;
    println!("cargo:rerun-if-changed=sightline");
    Ok(())
}
