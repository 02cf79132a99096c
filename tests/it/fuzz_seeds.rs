//! What the fuzz targets look at, over their seeds: a fault that was found stays found.

use std::path::PathBuf;

use coffer::sim::fuzzed::TARGETS;

#[test]
fn what_must_hold_of_any_bytes_holds_of_the_seeds() {
    let seeds = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    for (target, check) in TARGETS {
        let mut seen = 0;
        for seed in std::fs::read_dir(seeds.join(target)).unwrap() {
            check(&std::fs::read(seed.unwrap().path()).unwrap());
            seen += 1;
        }
        assert!(seen > 0, "{target} has no seeds");
    }
}
