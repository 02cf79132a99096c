//! coffer: reads the arguments and leaves the rest to the library.

/// What was forgotten goes back to the machine.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    coffer::cli::run()
}
