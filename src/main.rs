//! coffer: reads the arguments and leaves the rest to the library.

fn main() -> std::process::ExitCode {
    coffer::cli::run()
}
