//! The relay as a program.

fn main() -> std::process::ExitCode {
    sightline_relay::main()
}
