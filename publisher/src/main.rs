//! The program `sightline-publisher`.

fn main() -> std::process::ExitCode {
    sightline_publisher::main()
}
